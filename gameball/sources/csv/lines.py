"""The lines of a CSV file, as the csv module reads them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from attrs import define, field

from gameball.sources.files.lines import MAX_LINE, TOO_LONG, LineBlock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gameball.sources.files.lines import LineBlocks

# The number of a line, its text, its problem, and the start of a line that is too long to keep.
Line = tuple[int, str, str | None, bytes]


# The number of lines converted at a time. More would not fit the processor's cache.
_GROUP: Final = 128


class TooLongError(Exception):
    """A row with line feeds in quotes is too long."""


def _divide(blocks: LineBlocks) -> LineBlocks:
    for block in blocks:
        for start in range(0, len(block.lines), _GROUP):
            lines = block.lines[start : start + _GROUP]
            yield LineBlock(block.first + start, lines, b"", block.long)


@define(eq=False)
class Lines:
    """The lines of a file one by one, or a small block of them at once.

    Args:
        blocks: The blocks of lines.
    """

    _blocks: LineBlocks = field(converter=_divide)
    #: The next block, if it was taken from the blocks already.
    _next: LineBlock | None = field(default=None, init=False)
    #: The lines of the current block that are left, and their number.
    _current: Iterator[Line] = field(factory=lambda: iter(()), init=False)
    _left: int = field(default=0, init=False)

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> Line:
        while not self._left:
            block = next(self._blocks) if self._next is None else self._next
            self._next = None
            self._current, self._left = _decode(block), len(block.lines)
        self._left -= 1
        return next(self._current)

    def next_block(self) -> LineBlock | None:
        """Return the block that comes next and is not begun, or None. It stays the next one."""
        if self._next is None and not self._left:
            self._next = next(self._blocks, None)
        return self._next

    def leave_out_block(self) -> None:
        """Leave out the block that ``next_block`` returned."""
        self._next = None


@define(eq=False)
class Feed:
    """Passes lines to the csv module, and remembers the lines of the current row.

    A class and not a generator, because a generator ends when it raises, and reading must continue.
    """

    _lines: Lines
    #: The lines of the current row.
    taken: list[Line] = field(factory=list, init=False)
    #: The problem of one of them, or None.
    problem: str | None = field(default=None, init=False)
    _again: deque[Line] = field(factory=deque, init=False)
    _size: int = field(default=0, init=False)

    def __iter__(self) -> Feed:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        _, text, problem, _ = line
        self._size += len(text)
        self.problem = self.problem or problem
        if self._size > MAX_LINE and len(self.taken) > 1:
            raise TooLongError
        return text

    def next_block(self) -> LineBlock | None:
        """Return the block that comes next, unless lines before it are left, or there is none."""
        return None if self._again else self._lines.next_block()

    def leave_out_block(self) -> None:
        """Leave out the block that ``next_block`` returned."""
        self._lines.leave_out_block()

    def read_again(self, line: Line) -> None:
        """Return a line to the input."""
        self._again.appendleft(line)

    def begin_row(self) -> None:
        """Forget the lines of the previous row."""
        self.taken.clear()
        self._size = 0
        self.problem = None

    def give_back(self) -> None:
        """Return all lines of the current row but the first to the input.

        An unclosed quote makes the following rows part of its row. Only the line with the quote is lost.
        """
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
        self.problem = self.taken[0][2]

    def text(self) -> bytes:
        """Return the current row as it is in the file, or its start if it is too long."""
        return b"".join(long or text.encode(errors="surrogateescape") for _, text, _, long in self.taken)


def _decode(block: LineBlock) -> Iterator[Line]:
    if block.long is not None:
        yield block.first, "\n", TOO_LONG, block.long
        return
    for number, line in enumerate(block.lines, block.first):
        problem = None
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            text = line.decode(errors="surrogateescape")
            problem = f"is not UTF-8 (byte {error.start + 1})"
        # A line feed in quotes is part of the cell.
        yield number, text + "\n", problem, b""
