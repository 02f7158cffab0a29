"""Rows of a CSV file with their line numbers."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from attrs import define, field

from gameball.errors import SourceError
from gameball.sources.csv.blocks import PlainBlock, PlainBlocks
from gameball.sources.csv.dialect import PLAIN
from gameball.sources.csv.lines import Feed, Lines, TooLongError
from gameball.sources.files.lines import TOO_LONG
from gameball.sources.mapping.cells import CellError, convert_cell
from gameball.sources.records.csv_text import CsvForm, CsvText
from gameball.sources.records.record import Record, item_of
from gameball.sources.shown_names import show_names

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from gameball.sources.csv.dialect import Dialect
    from gameball.sources.files.lines import LineBlocks
    from gameball.sources.mapping.columns import Columns
    from gameball.sources.records.progress import ReadProgress
    from gameball.sources.records.record import Items, OnProblem, Records

_NOT_CLOSED = "has an unclosed quote"
_TOO_WIDE = "has a cell of more than 131,072 characters, or an unclosed quote"
_RETURN = "has a carriage return that is neither in quotes nor at the end of the line"


def csv_items(
    blocks: LineBlocks,
    columns: Columns,
    name: str,
    dialect: Dialect,
    *,
    progress: ReadProgress,
    on_problem: OnProblem | None,
) -> Items:
    """Read events as fast as they can be sent.

    Args:
        blocks: The lines. They are closed at the end.
        columns: The names and types of the columns.
        name: The name of the source in messages.
        dialect: How the file is written. Its lines are already UTF-8.
        progress: Records what is read.
        on_problem: Called with the problem of each row that is not an event. Without it, the first problem
            is raised.

    Yields:
        The items, in order.

    Raises:
        SourceError: A row is not an event, or the source cannot be read; after all items before it.
    """
    with closing(_parts(blocks, columns, name, dialect, PlainBlocks(columns, dialect))) as parts:
        for part in parts:
            if isinstance(part, PlainBlock):
                # zip has no length, but takes from its first iterator when it gives an item.
                remaining = iter(part.customers)
                progress.begin_block(part.first, remaining)
                yield from zip(remaining, part.names, part.metadata, strict=False)
                continue
            item = item_of(part, columns.mapping, on_problem, name=name, unit="line")
            if item is not None:
                progress.give(part.line)
                yield item


def csv_records(blocks: LineBlocks, columns: Columns, name: str, dialect: Dialect = PLAIN) -> Records:
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
    with closing(_parts(blocks, columns, name, dialect, None)) as parts:
        for part in parts:
            if isinstance(part, Record):
                yield part


def _parts(  # noqa: C901 - one state
    blocks: LineBlocks, columns: Columns, name: str, dialect: Dialect, plain: PlainBlocks | None
) -> Generator[Record | PlainBlock]:
    """Yield the rows: block by block where ``plain`` can convert a block, and one by one elsewhere."""
    table: _Table | None = None
    refused: SourceError | None = None
    with closing(blocks):
        lines = Lines(blocks)
        first = next(lines, None)
        delimiter, announced = dialect.delimiter_of("" if first is None else first[1], name)
        feed = Feed(lines)
        before = b""
        if first is not None and announced:
            before = first[1].encode()
        elif first is not None:
            feed.read_again(first)
        rows = _parse(feed, delimiter, dialect.quote)
        while True:
            if plain is not None and table is not None and (block := feed.next_block()) is not None:
                converted = plain.convert(block, table.names, delimiter)
                if converted is not None:
                    feed.leave_out_block()
                    yield converted
                    continue
            row = next(rows, None)
            if row is None:
                break
            line, cells, problem = row
            if table is None:
                names = cells if dialect.header else [str(number + 1) for number in range(len(cells))]
                reason = problem or columns.refuse(names)
                if reason is not None:
                    refused = SourceError(source=name, line=line, reason=reason, skippable=False)
                    break
                header = before + feed.text() if dialect.header else b""
                form = CsvForm(header, tuple(names), delimiter, dialect.quote)
                table = _Table(names, columns.types, dialect.null, form)
                if dialect.header:
                    continue
            yield table.record(line, cells, problem, feed, keeps_text=plain is None)
    if refused is None and table is None:
        refused = SourceError(source=name, line=None, reason="has no header line")
    if refused is not None:
        raise refused


@define(eq=False)
class _Table:
    """What the rows of a file have in common.

    Args:
        names: The names of the columns.
        types: The type of each typed column, by its name.
        null: The text of cells without a value, or None.
        form: How its rows are written.
    """

    names: list[str]
    types: Mapping[str, str]
    null: str | None
    form: CsvForm
    _typed: list[tuple[str, str]] = field(init=False)

    @_typed.default
    def _find_typed(self) -> list[tuple[str, str]]:
        return [(name, kind) for name, kind in self.types.items() if kind != "text" and name in self.names]

    def record(
        self, line: int, cells: list[str], problem: str | None, feed: Feed, *, keeps_text: bool
    ) -> Record:
        """Return the record of a row.

        Args:
            line: The line it begins on.
            cells: Its cells.
            problem: Why it cannot be parsed, or None.
            feed: Its lines.
            keeps_text: Whether the record also has the row as it is written.
        """
        if problem is None and len(cells) != len(self.names):
            problem = f"has {len(cells)} cells, but the header has {len(self.names)}"
        fields: dict[str, object] = {}
        if problem is None:
            fields = {
                name: None if cell == self.null else cell
                for name, cell in zip(self.names, cells, strict=True)
            }
            problem = _convert(fields, self._typed)
        text = feed.text() if keeps_text or problem is not None else b""
        written = CsvText(self.form, text, problem != TOO_LONG) if keeps_text else None
        if problem is None:
            return Record(line, fields, csv=written)
        return Record(line, None, problem, text, csv=written)


def _parse(feed: Feed, delimiter: str, quote: str) -> Iterator[tuple[int, list[str], str | None]]:
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
        except TooLongError:
            problem = TOO_LONG
        if problem is not None:
            feed.give_back()
        line, first, _, _ = feed.taken[0]
        # A line that is not valid UTF-8 is the more precise reason.
        problem = feed.problem or problem
        if problem is not None or len(cells) > 1 or first.strip():
            yield line, cells, problem


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
