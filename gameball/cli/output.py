"""Writing to standard output and standard error.

What a server, a file or a user sent may contain control characters, which a terminal would obey, so they are
escaped here, in one place.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any, Final, TextIO

from rich.console import Console
from rich.table import Table

# C0 except the newline, DEL, C1, and the characters that reorder text: a terminal acts on all of them.
_CONTROL: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


# The password in the URL of a database: up to the last @ of the word, because a password may contain one.
_PASSWORD: Final = re.compile(r"(://[^\s/:@]*:)\S*(?=@)|(password=)[^\s&'\"]*", re.IGNORECASE)


class OutputError(ValueError):
    """Standard output cannot be written, for example because its disk is full."""


def escape(text: str) -> str:
    """Return a text with control characters and unpaired surrogates written as escapes."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def hide_passwords(text: str) -> str:
    """Return a text without the passwords of the URLs of databases in it."""
    return _PASSWORD.sub(lambda match: f"{match[1] or match[2]}***", text)


def write_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output.

    Raises:
        OutputError: Standard output cannot be written.
    """
    write("".join(f"{escape(line)}\n" for line in lines))


def write_json(report: Mapping[str, Any]) -> None:
    """Write one JSON document to standard output.

    Raises:
        OutputError: Standard output cannot be written.
    """
    write(as_document(report) + "\n")


def as_document(report: Mapping[str, Any]) -> str:
    """Return a JSON document in one line, with control characters and unpaired surrogates escaped."""
    text = json.dumps(report, ensure_ascii=False)
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def write(text: str) -> None:
    """Write to standard output, and do nothing if it is closed or no longer read.

    The exit code then still shows the outcome.

    Raises:
        OutputError: Standard output cannot be written.
    """
    with _output() as out:
        if out is not None:
            out.write(text)
            out.flush()


def write_rows(rows: Iterable[bytes], report: Mapping[str, Any] | None = None, name: str = "") -> None:
    """Write rows of JSON one by one, because there may be millions.

    Args:
        rows: The rows, without line breaks.
        report: The JSON document whose last member they are, or None to write only a row per line.
        name: The name of that member.

    Raises:
        OutputError: Standard output cannot be written.
    """
    if report is None:
        _write_bytes(row + b"\n" for row in rows)
        return
    head = as_document({**report, name: []}).removesuffix("]}")
    parts = (b",\n"[not number :] + row for number, row in enumerate(rows))
    _write_bytes(chain([head.encode()], parts, [b"\n]}\n"]))


def _write_bytes(parts: Iterable[bytes]) -> None:
    # An exception of the generator of the parts is not an output error.
    for part in parts:
        with _output() as out:
            if out is not None:
                out.buffer.write(part)
    with _output() as out:
        if out is not None:
            out.flush()


@contextmanager
def _output() -> Iterator[TextIO | None]:
    """Return standard output, or None if the shell has closed it (``>&-``), and handle its errors."""
    try:
        yield sys.stdout
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        _discard_output()
        raise OutputError(f"standard output cannot be written: {error.strerror}") from None


def write_table(table: Table) -> None:
    """Write a table to standard output. Its cells must be escaped.

    Raises:
        OutputError: Standard output cannot be written.
    """
    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(table)
    write(captured.get())


def write_error(text: str) -> None:
    """Write a line to standard error, if it can be written."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"{escape(text)}\n")
        sys.stderr.flush()
    except OSError:
        return


def prepare() -> None:
    """Make standard output and standard error accept any character, whatever their encoding is."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Discard further output. Otherwise Python reports the same error again when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
