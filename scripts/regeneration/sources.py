"""Read OpenAPI documents from files and URLs: YAML, JSON, or a Markdown page that contains either."""

import io
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
from attrs import frozen
from markdown_it import MarkdownIt

from regeneration.document_walk import Document
from regeneration.openapi_document import parse_document, read_text
from regeneration.regeneration_error import RegenerationError

# The timeouts of each step of a download and of the whole download, in seconds.
_STEP_TIMEOUT: Final = 10.0
_WHOLE_TIMEOUT: Final = 60.0
# In bytes. The full document has less than a million.
_MAX_SIZE: Final = 50_000_000
_FRONT_MATTER: Final = re.compile(r"\A\ufeff?---[ \t]*\r?\n.*?^---[ \t]*\r?$", re.MULTILINE | re.DOTALL)
# A line with nothing but a tag.
_TAG: Final = re.compile(r"^[ \t]*</?[A-Za-z][^<>\r\n]*>[ \t]*(?=\r?$)", re.MULTILINE)
# A document has its version at the top level. A page may name its operation with the same key, as in
# openapi: 'POST /batch/events'. That is not a document.
_TOP_KEY: Final = re.compile(r"""^["']?(openapi|swagger)["']?[ \t]*:[ \t]*["']?\d""", re.MULTILINE)
_JSON_KEY: Final = re.compile(r'"(openapi|swagger)"\s*:')
_VERSION: Final = re.compile(r"3\.1(\.|$)")


@frozen
class DocumentSource:
    """A document and its source.

    Attributes:
        name: The path or URL, as it was given.
        text: The document as published, with its line endings.
        document: The parsed document.
    """

    name: str
    text: str
    document: Document

    @property
    def is_json(self) -> bool:
        """Whether the text is JSON rather than YAML."""
        return self.text.lstrip("\ufeff \t\r\n").startswith("{")


def read_source(name: str) -> DocumentSource:
    """Read a source.

    Args:
        name: A path, or an ``http://`` or ``https://`` URL. Redirects are followed: no keys are sent.

    Returns:
        The source.

    Raises:
        RegenerationError: It cannot be read, or has no OpenAPI 3.1 document.
    """
    text = _download(name) if re.match(r"(?i)https?://", name) else read_text(Path(name))
    return find_document(text, name)


def find_document(text: str, name: str) -> DocumentSource:
    """Find the document in the text of a source.

    The text alone decides whether it is a document or a page: names and content types are not reliable.

    Args:
        text: YAML, JSON, or a Markdown page with either in a fenced block.
        name: What to call it in an error.

    Returns:
        The source, with only the document as its text.

    Raises:
        RegenerationError: There is no document, more than one, or one of another version.
    """
    if not _is_document(_outside_fences(text)):
        blocks = [(line, block) for line, block in _fenced_blocks(text) if _is_document(block)]
        if not blocks:
            raise RegenerationError(
                f"{name} has no OpenAPI document, neither as YAML or JSON nor in a fenced block; "
                "check the address"
            )
        if len(blocks) > 1:
            lines = " and ".join(str(line) for line, _ in blocks)
            raise RegenerationError(
                f"{name} has several OpenAPI documents, at lines {lines}; save each as a separate file"
            )
        text = blocks[0][1]
    document = parse_document(text, name)
    version = str(document.get("openapi", document.get("swagger", "nothing")))
    if "openapi" not in document or not _VERSION.match(version):
        raise RegenerationError(f"{name} has version {version}; OpenAPI 3.1 is needed")
    return DocumentSource(name, text, document)


def _is_document(text: str) -> bool:
    text = text.lstrip("\ufeff \t\r\n")
    return (_JSON_KEY if text.startswith("{") else _TOP_KEY).search(text) is not None


def _outside_fences(text: str) -> str:
    """Return a text without its front matter and without fenced blocks that are not indented.

    In a YAML document, fenced blocks are only in descriptions, which are always indented.
    """
    lines = _lines(text)
    for fence in reversed(_fences(text)):
        if not lines[fence.start][:1].isspace():
            del lines[fence.start : fence.end]
    return _FRONT_MATTER.sub("", "".join(lines))


@frozen
class _Fence:
    """A fenced block: its first line, the line after its last one, and its content."""

    start: int
    end: int
    content: str

    @property
    def is_closed(self) -> bool:
        return self.content.count("\n") == self.end - self.start - 2


def _fences(text: str) -> list[_Fence]:
    # Documentation tools put fenced blocks in tags of their own, which Markdown would read as HTML.
    tokens = MarkdownIt("commonmark").disable(["html_block", "code", "inline"]).parse(_TAG.sub("", text))
    return [
        _Fence(token.map[0], token.map[1], token.content)
        for token in tokens
        if token.type == "fence" and token.map
    ]


def _fenced_blocks(text: str) -> Iterator[tuple[int, str]]:
    """Yield each fenced block of a page with the number of its first line.

    A block that is not closed may be incomplete, and is skipped. The parser replaces every line ending with a
    newline, so the endings are taken from the page.
    """
    lines = _lines(text)
    for fence in (one for one in _fences(text) if one.is_closed):
        content = fence.content.split("\n")
        endings = [line[len(line.rstrip("\r\n")) :] for line in lines[fence.start + 1 : fence.end - 1]]
        block = "".join(line + ending for line, ending in zip(content, endings, strict=False))
        yield fence.start + 2, block


def _lines(text: str) -> list[str]:
    """Split a text at its line endings, and keep them. ``splitlines`` also splits at other characters."""
    return io.StringIO(text, newline="").readlines()


def _download(url: str) -> str:
    deadline = time.monotonic() + _WHOLE_TIMEOUT
    content = bytearray()
    try:
        with httpx.stream("GET", url, timeout=_STEP_TIMEOUT, follow_redirects=True) as response:
            if not response.is_success:
                raise RegenerationError(f"{url} responded with {response.status_code}; check the address")
            for part in response.iter_bytes():
                content += part
                if len(content) > _MAX_SIZE or time.monotonic() > deadline:
                    raise RegenerationError(
                        f"{url} sends too much or too slowly; download it, and give the file's path"
                    )
        return content.decode("utf-8")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise RegenerationError(f"cannot fetch {url}: {said}; check the network and the address") from error
    except UnicodeDecodeError as error:
        raise RegenerationError(f"{url} is not UTF-8: {error.reason} at byte {error.start}") from error
