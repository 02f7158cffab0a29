import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import regenerate
from regenerate_project import SEED, Repository, copy_repository
from regeneration.completeness import check_completeness
from regeneration.document_walk import Document
from regeneration.file_replacement import read_tree, replace_all
from regeneration.generator import complaints_of
from regeneration.git_history import files_at
from regeneration.openapi_document import load_document
from regeneration.regeneration_error import RegenerationError

PUBLISHED = SEED.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return copy_repository(tmp_path_factory.mktemp("failures") / "repository")


@pytest.mark.parametrize(
    ("published", "said"),
    [
        ("<html>Log in</html>", "has no OpenAPI document"),
        ("openapi: 3.1.0\npaths: {", "is not valid YAML"),
        ("swagger: '2.0'\n", "OpenAPI 3.1 is needed"),
        (PUBLISHED.replace("version: 4.0.0", "version: 4"), "not valid OpenAPI at #/info/version"),
        (
            PUBLISHED.replace("batch/events:", "batch/other:"),
            "overlay actions match nothing; fix scripts/overlay",
        ),
        (PUBLISHED.replace("name: apikey", "$ref: 'other.yaml#/x'"), "outside of the document"),
        (PUBLISHED.replace("application/json", "application/xml"), "match nothing; fix scripts/overlay"),
        (
            PUBLISHED.replace(
                "post:", "parameters: [{name: [x], in: path, required: true, schema: {}}]\n    post:"
            ),
            "the document is not OpenAPI, at #/paths/~1api~1v4.0",
        ),
        (
            PUBLISHED.replace("'200':", "'2x0':\n          description: Odd.\n        '200':"),
            "not valid OpenAPI at #/paths",
        ),
        (
            PUBLISHED
            + "  schemas:\n    Text: {type: string}\n"
            + "    Odd: {allOf: [{$ref: '#/components/schemas/Text'}, {type: object}]}\n",
            "openapi-python-client would skip parts of the document; fix them in scripts/overlay.yaml",
        ),
        (
            PUBLISHED + "  schemas:\n    Twice: {enum: [a, A], x-enum-varnames: [same]}\n",
            "openapi-python-client would skip parts of the document; fix them in scripts/overlay.yaml",
        ),
    ],
    ids=[
        "a source that is no document",
        "a source that is broken",
        "a source of another version",
        "an invalid document",
        "a stale overlay",
        "a reference to elsewhere",
        "an operation of another type",
        "a list in the place of a name",
        "a response of no status",
        "a schema that the generator drops",
        "a schema that the generator fails at",
    ],
)
def test_a_failure_says_what_to_do_and_changes_nothing(
    repository: Repository, tmp_path: Path, published: str, said: str
) -> None:
    source = tmp_path / "source.yaml"
    source.write_text(published, encoding="utf-8")
    fails(repository, said, "--from", source)


def fails(repository: Repository, said: str, *arguments: object) -> None:
    done = repository.regenerate_here(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.startswith("regenerate.py: ")
    details = done.stderr.splitlines()[1:]
    assert all(line.startswith("  ") for line in details)
    assert done.stdout == ""
    assert repository.status() == ""


def test_no_network_changes_nothing(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    fails(repository, "check the network and the address", "--from", "http://127.0.0.1:9/spec.yaml")


def test_a_missing_file_changes_nothing(repository: Repository) -> None:
    done = repository.regenerate("--from", "missing.yaml")
    said = "regenerate.py: cannot read missing.yaml: No such file or directory; check the path\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)
    assert repository.status() == ""


def test_sources_that_contradict_each_other_change_nothing(repository: Repository, tmp_path: Path) -> None:
    source = tmp_path / "source.yaml"
    source.write_text(PUBLISHED.replace("type: number", "type: string"), encoding="utf-8")
    fails(repository, f"{SEED} and {source} differ at #/paths", "--from", SEED, source)


def test_a_commit_that_is_not_there_changes_nothing(repository: Repository, tmp_path: Path) -> None:
    source = tmp_path / "source.yaml"
    source.write_text(PUBLISHED.replace("title: Gameball API", "title: Other"), encoding="utf-8")
    fails(repository, "git knows no commit 'nowhere'", "--from", source, "--against", "nowhere")


@pytest.mark.parametrize("more", [[], ["--check"]])
def test_a_failure_is_reported_as_json_too(repository: Repository, tmp_path: Path, more: list[str]) -> None:
    source = tmp_path / "source.yaml"
    source.write_text(PUBLISHED.replace("batch/events:", "batch/other:"), encoding="utf-8")
    done = repository.regenerate_here("--json", "--from", source, *more)
    report = json.loads(done.stdout)
    assert done.returncode == 2
    assert "overlay actions match nothing" in report["error"]
    assert len(report["details"]) > 1
    assert repository.status() == ""


def test_an_unexpected_error_does_not_look_like_a_change(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError("a fault in the script")

    monkeypatch.setattr(regenerate, "check_pins", crash)
    done = repository.regenerate_here("--check", "--json")
    assert done.returncode == 2
    assert "a fault in the script" in json.loads(done.stdout)["error"]
    assert "Traceback" in done.stderr


def test_an_interrupted_command_ends_without_a_traceback(repository: Repository) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/spec.yaml"
        running = subprocess.Popen(
            [sys.executable, repository.root / "scripts" / "regenerate.py", "--json", "--from", url],
            env={**os.environ, "no_proxy": "127.0.0.1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        connection, _ = server.accept()
        with connection:
            running.send_signal(signal.SIGINT)
            out, err = running.communicate()
    assert running.returncode == 130
    assert err == "regenerate.py: interrupted\n"
    assert json.loads(out) == {"error": "interrupted", "details": []}
    assert repository.status() == ""


def test_a_folder_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets, fresh = pairs(tmp_path)
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name == ".openapi.yaml.incoming":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(RegenerationError, match=r"cannot write generated and openapi\.yaml: No space left"):
        replace_all(dict(zip(targets, fresh, strict=True)))
    assert read_tree(tmp_path / "old") == {"generated/a.py": b"old", "openapi.yaml": b"old"}


def test_an_interruption_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    targets, fresh = pairs(tmp_path)
    rename = Path.rename

    def interrupt(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        if path.name == ".generated.incoming":
            raise KeyboardInterrupt
        return moved

    monkeypatch.setattr(Path, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replace_all(dict(zip(targets, fresh, strict=True)))
    assert read_tree(tmp_path / "old") == {"generated/a.py": b"old", "openapi.yaml": b"old"}


def test_what_a_killed_run_left_behind_is_cleared_away(tmp_path: Path) -> None:
    targets, fresh = pairs(tmp_path)
    (tmp_path / "old" / ".generated.incoming").mkdir()
    (tmp_path / "old" / ".openapi.yaml.outgoing").touch()
    replace_all(dict(zip(targets, fresh, strict=True)))
    assert read_tree(tmp_path / "old") == {"generated/b.py": b"new", "openapi.yaml": b"new"}


def pairs(folder: Path) -> tuple[list[Path], list[Path]]:
    for name, file in (("old", "a.py"), ("new", "b.py")):
        (folder / name / "generated").mkdir(parents=True)
        (folder / name / "generated" / file).write_text(name, encoding="utf-8")
        (folder / name / "openapi.yaml").write_text(name, encoding="utf-8")
    old, new = ([folder / name / part for part in ("generated", "openapi.yaml")] for name in ("old", "new"))
    return old, new


@pytest.fixture
def generated(repository: Repository, tmp_path: Path) -> Path:
    return shutil.copytree(repository.root / "generated", tmp_path / "generated")


def missing_operation(document: Document, package: Path) -> str:
    document["paths"]["/gone"] = {"get": {"operationId": "goneForGood", "tags": ["Gone"]}}
    assert not (package / "api" / "gone").exists()
    return "GET /gone has no function: there is no module api/gone/gone_for_good.py"


def overwritten_operation(document: Document, package: Path) -> str:
    document["paths"]["/other"] = {"get": {"operationId": "send_events_batch", "tags": ["batches"]}}
    assert (package / "api" / "batches" / "send_events_batch.py").exists()
    return "GET /other has no function: its module api/batches/send_events_batch.py is that of POST"


def dropped_parameter(document: Document, package: Path) -> str:
    operation = document["paths"]["/api/v4.0/integrations/batch/events"]["post"]
    operation["parameters"] = [{"name": "filter", "in": "query", "content": {}}]
    assert package.exists()
    return "does not accept every parameter of filter in query"


def missing_model(document: Document, package: Path) -> str:
    document["components"]["schemas"] = {"Gone": {"type": "object"}, "Text": {"type": "string"}}
    assert package.exists()
    return "schema Gone has no model: models/gone.py does not define Gone"


def long_path(document: Document, package: Path) -> str:
    (package / "models" / f"{'x' * 80}.py").touch()
    assert document
    return "has 90 characters, 80 at most"


def broken_module(document: Document, package: Path) -> str:
    (package / "models" / "broken.py").write_text("raise RuntimeError('broken')\n", encoding="utf-8")
    assert document
    return "gameball_api.models.broken cannot be imported: RuntimeError: broken"


@pytest.mark.parametrize(
    "spoil",
    [missing_operation, overwritten_operation, dropped_parameter, missing_model, long_path, broken_module],
)
def test_what_the_generator_leaves_out_in_silence_is_found(
    generated: Path, spoil: Callable[[Document, Path], str]
) -> None:
    document = load_document(SEED)
    operation = document["paths"]["/api/v4.0/integrations/batch/events"]["post"]
    operation |= {"operationId": "sendEventsBatch", "tags": ["Batches"]}
    check_completeness(document, generated)
    said = spoil(document, generated / "gameball_api")
    with pytest.raises(RegenerationError) as caught:
        check_completeness(document, generated)
    assert said in str(caught.value)


def test_everything_that_is_missing_is_listed(generated: Path) -> None:
    document: Document = {
        "paths": {"/gone": {"get": {"operationId": "a", "tags": ["A"]}, "put": {"operationId": "b"}}},
        "components": {"schemas": {"Gone": {"type": "object"}}},
    }
    with pytest.raises(RegenerationError, match="3 problems") as caught:
        check_completeness(document, generated)
    assert len(caught.value.details) == 3


def test_complaints_of_the_generator_are_told_without_what_it_quotes() -> None:
    said = (
        "Generating /tmp/x\nWarning(s) encountered while generating. Client was generated\n\n"
        'WARNING parsing GET /x within a.\n\nBad thing <a.B object at 0x7f01>\n\n{\n  "a": 1\n}\n\n\n'
        "Unable to parse schema /b:\n\nWorse thing\n\n{}\n\n\nIf you believe this was a mistake\n"
    )
    assert complaints_of(said) == (
        "WARNING parsing GET /x within a. Bad thing ...",
        "Unable to parse schema /b: Worse thing",
    )


def test_a_folder_that_was_not_committed_reads_as_empty(repository: Repository) -> None:
    assert files_at(repository.root, "HEAD", "nowhere") == {}
