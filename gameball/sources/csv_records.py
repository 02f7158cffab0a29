"""Rows of a CSV file with their line numbers."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING

from attrs import define, field

from gameball.errors import SourceError
from gameball.sources.cells import CellError, convert_cell
from gameball.sources.dialect import PLAIN
from gameball.sources.lines import MAX_LINE, TOO_LONG
from gameball.sources.records import Record
from gameball.sources.shape import show_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gameball.sources.dialect import Dialect
    from gameball.sources.lines import LineBlocks
    from gameball.sources.records import Records
    from gameball.sources.shape import Columns

# The number of a line, its text, its problem, and the start of a line that is too long to keep.
_Line = tuple[int, str, str | None, bytes]

_NOT_CLOSED = "has an unclosed quote"
_TOO_WIDE = "has a cell of more than 131,072 characters, or an unclosed quote"
_RETURN = "has a carriage return that is neither in quotes nor at the end of the line"


class _TooLongError(Exception):
    """A row with line feeds in quotes is too long."""


@define(eq=False)
class _Feed:
    """Passes lines to the csv module, and remembers the lines of the current row.

    A class and not a generator, because a generator ends when it raises, and reading must continue.
    """

    _lines: Iterator[_Line]
    #: The lines of the current row.
    taken: list[_Line] = field(factory=list, init=False)
    #: The problem of one of them, or None.
    problem: str | None = field(default=None, init=False)
    _again: deque[_Line] = field(factory=deque, init=False)
    _size: int = field(default=0, init=False)

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        _, text, problem, _ = line
        self._size += len(text)
        self.problem = self.problem or problem
        if self._size > MAX_LINE and len(self.taken) > 1:
            raise _TooLongError
        return text

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


def csv_records(blocks: LineBlocks, columns: Columns, name: str, dialect: Dialect = PLAIN) -> Records:  # noqa: C901 - one state
    """Read rows one by one, each with the line it begins on.

    Args:
        blocks: The lines. They are closed at the end.
        columns: The names and types of the columns.
        name: The name of the source in messages.
        dialect: How the file is written. Its lines are already UTF-8.

    Yields:
        A record for each row that is not blank.

    Raises:
        SourceError: The source cannot be read, or its header is missing or invalid; after all records before.
    """
    names: list[str] = []
    typed = [(column, type_name) for column, type_name in columns.types.items() if type_name != "text"]
    refused: SourceError | None = None
    with closing(blocks):
        lines = _decode(blocks)
        first = next(lines, None)
        delimiter, announced = dialect.delimiter_of("" if first is None else first[1], name)
        if first is not None and not announced:
            lines = chain([first], lines)
        feed = _Feed(lines)
        for line, cells, broken in _parse(feed, delimiter, dialect.quote):
            problem = broken
            if not names:
                names = cells if dialect.header else [str(number + 1) for number in range(len(cells))]
                reason = problem or columns.refuse(names)
                if reason is not None:
                    refused = SourceError(source=name, line=line, reason=reason, skippable=False)
                    break
                if dialect.header:
                    continue
            fields: dict[str, object] | None = None
            if problem is None and len(cells) != len(names):
                problem = f"has {len(cells)} cells, but the header has {len(names)}"
            if problem is None:
                fields = dict(zip(names, cells, strict=True))
                if dialect.null in cells:
                    fields = {key: None if cell == dialect.null else cell for key, cell in fields.items()}
                problem = _convert(fields, typed) if typed else None
            yield Record(line, fields) if problem is None else Record(line, None, problem, feed.text())
    if refused is None and not names:
        refused = SourceError(source=name, line=None, reason="has no header line")
    if refused is not None:
        raise refused


def _parse(feed: _Feed, delimiter: str, quote: str) -> Iterator[tuple[int, list[str], str | None]]:
    """Yield each row that is not blank: the line it begins on, its cells, and why it cannot be parsed."""
    import csv  # noqa: PLC0415 - imported only when a CSV file is read

    reader = csv.reader(feed, strict=True, delimiter=delimiter, quotechar=quote)
    while True:
        feed.begin_row()
        cells: list[str] = []
        problem: str | None = None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = _explain(str(error))
        except _TooLongError:
            problem = TOO_LONG
        if problem is not None:
            feed.give_back()
        line, first, _, _ = feed.taken[0]
        # A line that is not valid UTF-8 is the more precise reason.
        problem = feed.problem or problem
        if problem is not None or len(cells) > 1 or first.strip():
            yield line, cells, problem


def _decode(blocks: LineBlocks) -> Iterator[_Line]:
    for block in blocks:
        if block.long is not None:
            yield block.first, "\n", TOO_LONG, block.long
            continue
        for number, line in enumerate(block.lines, block.first):
            problem = None
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                text = line.decode(errors="surrogateescape")
                problem = f"is not UTF-8 (byte {error.start + 1})"
            # A line feed in quotes is part of the cell.
            yield number, text + "\n", problem, b""


def _convert(fields: dict[str, object], typed: list[tuple[str, str]]) -> str | None:
    for column, type_name in typed:
        cell = fields[column]
        if cell is None:
            continue
        try:
            fields[column] = convert_cell(str(cell), type_name)
        except CellError as error:
            return f"{show_names([column])} {error.reason}"
    return None


def _explain(message: str) -> str:
    # The csv module distinguishes errors only by message, and some messages are about Python.
    if "end of data" in message:
        return _NOT_CLOSED
    if "field limit" in message:
        return _TOO_WIDE
    return _RETURN if "new-line" in message else f"is not CSV ({message})"
