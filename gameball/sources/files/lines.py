"""Splitting of blocks of bytes into numbered lines."""

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Final

from attrs import frozen

from gameball.errors import SourceError
from gameball.sources.files.compression import Blocks, UnreadableError

#: The longest line that is read. No request may be larger than a quarter of it.
MAX_LINE: Final = 8 * 1024 * 1024
TOO_LONG: Final = "is longer than the maximum of 8 MiB"

#: What a text in UTF-8 may begin with.
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
#: Enough of a line that is too long to show its first 1,000 characters.
KEPT: Final = 4_096


@frozen
class LineBlock:
    """Consecutive lines, without their line feeds.

    Args:
        first: The number of the first line, counted from 1.
        lines: The lines. A carriage return at the end of a line is kept.
        data: The bytes that contain the lines, and those that follow them in the same block.
        long: The start of the line if the block consists of one line that is too long.
        unit: The word for a line in messages: ``line``, or ``item`` of an array.
        at: The line of the file on which each item begins; empty for lines.
    """

    first: int
    lines: list[bytes]
    data: bytes
    long: bytes | None = None
    unit: str = "line"
    at: Sequence[int] = ()

    def place(self, index: int) -> str:
        """Return where in the file an item begins, as the end of a message."""
        return f" (line {self.at[index]})" if self.at else ""


LineBlocks = Generator[LineBlock, None, None]


def split_lines(blocks: Blocks, name: str) -> LineBlocks:  # noqa: C901 - one state
    """Split blocks of bytes into lines.

    Args:
        blocks: The bytes. They are closed at the end.
        name: The name of the source in messages.

    Yields:
        The lines, including blank ones, in blocks. The last line needs no line feed; but if the source is
        truncated, an incomplete last line is dropped.

    Raises:
        SourceError: The source cannot be read, or is truncated.
    """
    number = 1
    parts: list[bytes] = []
    held = 0
    too_long: bytes | None = None
    problem: SourceError | None = None
    with closing(blocks):
        try:
            for block in blocks:
                rest = block
                first_end = rest.find(b"\n")
                if too_long is None:
                    held += len(rest) if first_end < 0 else first_end
                    if held > MAX_LINE:
                        too_long = _start_of(parts, rest, number)
                        parts.clear()
                if first_end < 0:
                    if too_long is None:
                        parts.append(rest)
                    continue
                if too_long is not None:
                    yield LineBlock(number, [b""], b"", too_long)
                    number += 1
                    too_long = None
                    rest = rest[first_end + 1 :]
                data = b"".join((*parts, rest))
                lines = data.split(b"\n")
                last = lines.pop()
                parts = [last] if last else []
                held = len(last)
                if lines:
                    yield LineBlock(number, _without_mark(lines, number), data)
                    number += len(lines)
        except UnreadableError as error:
            line = None if error.whole else number
            problem = SourceError(source=name, line=line, reason=error.reason, skippable=False)
    if problem is not None:
        raise problem
    if too_long is not None:
        yield LineBlock(number, [b""], b"", too_long)
    elif parts:
        data = b"".join(parts)
        yield LineBlock(number, _without_mark([data], number), data)


def _start_of(parts: list[bytes], rest: bytes, number: int) -> bytes:
    start = b"".join((*parts, rest))[:KEPT]
    return _without_mark([start], number)[0]


def _without_mark(lines: list[bytes], number: int) -> list[bytes]:
    if number == 1:
        lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK)
    return lines
