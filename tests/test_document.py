"""openapi.yaml, the overlay, and the raw client that is generated from both."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from generation import differences, read_tree
from openapi_document import overlay_document, validate_document
from regenerate import build_document
from regeneration_error import RegenerationError

ROOT = Path(__file__).resolve().parent.parent


def test_the_document_is_byte_for_byte_the_one_that_gameball_publishes() -> None:
    digest = hashlib.sha256((ROOT / "openapi.yaml").read_bytes()).hexdigest()
    assert digest == "b3e9083134d1f4b6ec1effc81f3f23e9a05ea1e63431a2bd142852208a723dab"


def test_every_operation_has_an_id_a_tag_a_summary_and_an_error_answer() -> None:
    operations = [operation for path in build_document()["paths"].values() for operation in path.values()]
    assert {operation["operationId"] for operation in operations} == {
        "sendEventsBatch",
        "getBatchJob",
        "stopBatchJob",
        "getBatchStatus",
        "stopBatch",
    }
    for operation in operations:
        assert operation["tags"] == ["Batches"]
        assert operation["summary"]
        assert {"4XX", "5XX"} <= operation["responses"].keys()
        assert operation["security"] == [{"apiKey": [], "secretKey": []}]


def test_the_limit_of_1000_objects_and_the_integer_job_id_are_in_the_document() -> None:
    operation = build_document()["paths"]["/api/v4.0/integrations/batch/events"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]["body"]
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert body["maxItems"] == 1000
    assert answer["properties"]["jobId"]["type"] == "integer"


def test_the_leftover_bearer_scheme_is_gone() -> None:
    assert "bearer" not in json.dumps(build_document()).lower()


def test_an_overlay_action_that_matches_nothing_is_an_error_that_names_it() -> None:
    overlay = {
        "actions": [
            {"target": "$.info", "update": {"title": "A"}},
            {"target": "$.paths.gone", "update": {}},
        ]
    }
    with pytest.raises(RegenerationError, match=r"action 2 matches nothing.*\$\.paths\.gone"):
        overlay_document({"info": {"title": "B"}, "paths": {}}, overlay)


def test_an_overlay_action_whose_target_is_no_json_path_is_an_error_that_names_it() -> None:
    with pytest.raises(RegenerationError, match="action 1.*not a JSON path"):
        overlay_document({}, {"actions": [{"target": "$[[", "update": {}}]})


def test_an_overlay_does_not_change_the_document_it_is_applied_to() -> None:
    document = {"info": {"title": "B"}}
    overlay_document(document, {"actions": [{"target": "$.info", "update": {"title": "A"}}]})
    assert document == {"info": {"title": "B"}}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"openapi": "2.0"}, "3.0 or 3.1 is needed"),
        ({}, "3.0 or 3.1 is needed"),
        (
            {"openapi": "3.1.0", "info": {"title": "A"}, "paths": {}},
            'at info: "version" is a required property',
        ),
        ({"openapi": "3.0.3", "info": {"title": "A", "version": "1"}}, '"paths" is a required property'),
    ],
)
def test_a_document_that_is_not_valid_is_refused_with_the_place(
    document: dict[str, object], reason: str
) -> None:
    with pytest.raises(RegenerationError, match=re.escape(reason)):
        validate_document(document)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what regenerating needs, to be spoiled at will."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("openapi.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, copy / name)
    for name in ("scripts", "generated"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(project / "scripts" / "regenerate.py"), *arguments]
    return subprocess.run(command, cwd=project.parent, capture_output=True, text=True, check=False)


def test_what_is_committed_is_what_a_fresh_run_writes(project: Path) -> None:
    done = run(project, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "generated/ is up to date\n", "")


def test_changed_missing_and_extra_files_fail_the_check_and_are_put_right(project: Path) -> None:
    package = project / "generated" / "gameball_api"
    with (package / "client.py").open("a") as module:
        module.write("# by hand\n")
    (package / "types.py").unlink()
    (project / "generated" / "stray.py").touch()
    done = run(project, "--check")
    assert done.returncode == 1
    assert done.stdout.splitlines()[:-1] == [
        "changed: gameball_api/client.py",
        "missing: gameball_api/types.py",
        "extra: stray.py",
    ]
    assert run(project).returncode == 0
    assert differences(read_tree(ROOT / "generated"), read_tree(project / "generated")) == []


def test_a_generator_of_another_version_is_refused(project: Path) -> None:
    settings = project / "pyproject.toml"
    text = settings.read_text()
    settings.write_text(text.replace("openapi-python-client==0.29.1", "openapi-python-client==0.1"))
    done = run(project)
    settings.write_text(text)
    assert done.returncode == 1
    assert "openapi-python-client 0.1 is needed" in done.stderr


def test_a_warning_of_the_generator_fails_the_run_and_changes_nothing(project: Path) -> None:
    before = read_tree(project / "generated")
    overlay = project / "scripts" / "overlay.yaml"
    text = overlay.read_text()
    # A schema of a kind that the generator leaves out with a warning.
    action = "\n  - target: $.components.schemas\n    update: {Odd: {type: array}}\n"
    overlay.write_text(text + action)
    done = run(project)
    overlay.write_text(text)
    assert done.returncode == 1
    assert "openapi-python-client failed" in done.stderr
    assert read_tree(project / "generated") == before


def test_no_generated_name_spells_out_a_url_path() -> None:
    for path in read_tree(ROOT / "generated"):
        assert "integrations" not in path
        assert "v4" not in path
    sources = b"".join(read_tree(ROOT / "generated").values()).decode()
    names = re.findall(r"^\s*(?:class|def|async def) (\w+)", sources, re.MULTILINE)
    assert names
    assert not [name for name in names if re.search(r"integrations|v4", name, re.IGNORECASE)]
