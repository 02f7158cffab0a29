"""Writing to standard output and standard error.

What a server, a file or a user sent may contain control characters, which a terminal would obey, so they are
escaped here, in one place.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final, TextIO

from rich.console import Console
from rich.table import Table

# C0 except the newline, DEL, C1, and the characters that reorder text: a terminal acts on all of them.
_CONTROL: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class OutputError(ValueError):
    """Standard output cannot be written, for example because its disk is full."""


def escape(text: str) -> str:
    """Return a text with control characters and unpaired surrogates written as escapes."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


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


def write(text: str | bytes) -> None:
    """Write to standard output, and do nothing if it is closed or nobody reads it any more.

    The exit code then still says what became of the events.

    Raises:
        OutputError: Standard output cannot be written.
    """
    out: TextIO | None = sys.stdout
    if out is None:  # closed by the shell: >&-
        return
    try:
        if isinstance(text, bytes):
            out.flush()
            out.buffer.write(text)
        else:
            out.write(text)
        out.flush()
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
    """Send further output nowhere. Otherwise Python reports the same error again when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
