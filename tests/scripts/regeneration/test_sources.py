import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from regenerate import published_text
from regenerate_project import SEED
from regeneration.openapi_document import format_document, parse_document
from regeneration.regeneration_error import RegenerationError
from regeneration.sources import find_document, read_source

PUBLISHED = SEED.read_text(encoding="utf-8")
SMALL = "openapi: 3.1.0\ninfo: {title: Small, version: 1.0.0}\npaths: {}\n"
SERVED = {
    "/page.md": (200, f"# A page\n\n```yaml\n{SMALL}```\n", {}),
    "/spec.json": (200, json.dumps(parse_document(SMALL, "small")), {}),
    "/moved": (302, "", {"Location": "/page.md"}),
    "/gone": (404, "Not found", {}),
}


def page(*blocks: str, info: str = "yaml GET /x") -> str:
    return "# A page\n\nSome words.\n" + "".join(f"\n````{info}\n{block}````\n" for block in blocks)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body, headers = SERVED[self.path]
        content = body.encode("utf-8")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_the_document_of_a_page_is_the_same_to_the_byte() -> None:
    assert published_text([find_document(page(PUBLISHED), "page")]) == PUBLISHED.encode()


def test_the_line_endings_of_a_page_are_kept() -> None:
    with_returns = SMALL.replace("\n", "\r\n")
    found = find_document(f"# A page\r\n\r\n```yaml\r\n{with_returns}```\r\n", "page")
    assert found.text == with_returns


def test_a_yaml_document_is_the_same_to_the_byte() -> None:
    text = f"# A comment\n{SMALL}\n# The end"
    assert published_text([find_document(text, "spec")]) == text.encode()


def test_a_page_may_have_other_blocks_too() -> None:
    text = page("curl https://api.example.com\n", SMALL, '{"an": "answer"}\n', info="")
    assert find_document(text, "page").text == SMALL


def test_a_block_within_the_tags_of_a_page_is_found() -> None:
    indented = "".join(f"  {line}" for line in SMALL.splitlines(keepends=True))
    assert find_document(f"<Tab>\n  ~~~yaml\n{indented}  ~~~\n</Tab>\n", "page").text == SMALL


def test_a_block_deep_within_tags_and_lists_is_found() -> None:
    for before, indent in [("<Tabs>\n  <Tab title='YAML'>\n", "    "), ("1. A step:\n\n", "   "), ("", "> ")]:
        block = "".join(f"{indent}{line}" for line in SMALL.splitlines(keepends=True))
        text = f"# A page\n\n{before}{indent}```yaml\n{block}{indent}```\n"
        assert find_document(text, "page").text == SMALL


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_front_matter_of_a_page_is_not_its_document(end: str) -> None:
    front = "---\ntitle: Send\nopenapi: 'POST /api/v4.0/integrations/batch/events'\n---\n\n"
    text = (front + page(SMALL)).replace("\n", end)
    assert find_document(text, "page").text == SMALL.replace("\n", end)
    with pytest.raises(RegenerationError, match="has no OpenAPI document"):
        find_document(front.replace("\n", end), "page")


def test_an_openapi_line_that_names_an_operation_is_not_a_document() -> None:
    front = "> See the index.\n\n---\nopenapi: 'POST /batch/events'\ntitle: 'Send: many'\n---\n\n"
    assert find_document(front + page(SMALL), "page").text == SMALL
    with pytest.raises(RegenerationError, match="has no OpenAPI document"):
        find_document(front, "page")


def test_a_yaml_document_may_begin_with_three_dashes() -> None:
    assert find_document(f"---\n{SMALL}", "spec").text == f"---\n{SMALL}"


def test_a_block_that_is_not_closed_is_skipped() -> None:
    with pytest.raises(RegenerationError, match="has no OpenAPI document"):
        find_document(f"# A page\n\n```yaml\n{SMALL}", "page")


def test_a_line_separator_in_a_text_does_not_end_a_line() -> None:
    text = SMALL + "x-note: 'one\u2028two'\n"
    assert find_document(page(text), "page").text == text


def test_yaml_with_a_fenced_block_in_a_description_is_yaml() -> None:
    text = SMALL + "x-note: |\n  ```yaml\n  openapi: 3.1.0\n  ```\n"
    assert find_document(text, "spec").text == text


def test_a_json_document_in_a_page_is_written_as_yaml() -> None:
    found = find_document(page(json.dumps(parse_document(SMALL, "small"), indent=2) + "\n"), "page")
    assert found.is_json
    assert published_text([found]) == format_document(parse_document(SMALL, "small"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!DOCTYPE html><p>Please log in</p>", "has no OpenAPI document"),
        ("# A page\n\n```yaml\nname: value\n```\n", "has no OpenAPI document"),
        ("", "has no OpenAPI document"),
        ("swagger: '2.0'\npaths: {}\n", "version 2.0; OpenAPI 3.1 is needed"),
        ("openapi: 3.2.0\n", "version 3.2.0; OpenAPI 3.1 is needed"),
        ("openapi: 3.0.3\n", "version 3.0.3; OpenAPI 3.1 is needed"),
        ("openapi: 3.1.0\npaths: [", "not valid YAML"),
        ('{"openapi": "3.1.0", ', "not valid JSON"),
        ('{"openapi": "3.1.0", "paths": {}, "paths": {}}', "the key 'paths' is repeated"),
        ("openapi: 3.1.0\npaths:\n  /x: {}\n  /x: {}\n", "the key '/x' is repeated"),
        ("openapi: 3.1.0\nx-a: &a [*a]\n", "not valid YAML"),
        (page(SMALL, SMALL), "at lines 6 and 12"),
    ],
)
def test_a_source_without_exactly_one_document_is_refused(text: str, said: str) -> None:
    with pytest.raises(RegenerationError, match=said) as caught:
        find_document(text, "the-source")
    assert "the-source" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(RegenerationError, match=r"missing\.yaml: No such file"):
        read_source(str(tmp_path / "missing.yaml"))


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("openapi: 3.1.0\ntitle: Prämie\n".encode("latin-1"))
    with pytest.raises(RegenerationError, match="is not UTF-8"):
        read_source(str(path))


@pytest.mark.parametrize("path", ["page.md", "spec.json", "moved"])
def test_a_document_can_be_downloaded(server: str, path: str) -> None:
    assert read_source(f"{server}/{path}").document == parse_document(SMALL, "small")


def test_a_url_that_responds_with_an_error_is_named(server: str) -> None:
    with pytest.raises(RegenerationError, match="/gone responded with 404; check the address"):
        read_source(f"{server}/gone")


def test_a_server_that_cannot_be_reached_is_named() -> None:
    with pytest.raises(RegenerationError, match=r"cannot fetch http://127\.0\.0\.1:9/.*check the network"):
        read_source("http://127.0.0.1:9/spec.yaml")
