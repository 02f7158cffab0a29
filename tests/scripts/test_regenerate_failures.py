import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import regenerate
from regenerate_project import SEED, Repository, copy_repository

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


def test_a_failed_download_changes_nothing(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_missing_commit_changes_nothing(repository: Repository, tmp_path: Path) -> None:
    source = tmp_path / "source.yaml"
    source.write_text(PUBLISHED.replace("title: Gameball API", "title: Other"), encoding="utf-8")
    fails(repository, "there is no commit 'nowhere'", "--from", source, "--against", "nowhere")


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
