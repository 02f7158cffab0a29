"""The rows of a source, each converted to an item to send or to a problem."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import islice
from typing import Any, Final

from attrs import define, field, frozen

from gameball.chunking.builder import ChunkBuilder
from gameball.errors import InvalidEventError, SourceError
from gameball.events import EventLike
from gameball.sources.mapping.row_mapping import RowMapping
from gameball.sources.records.csv_text import CsvText

OnProblem = Callable[[SourceError], None]
Items = Generator[EventLike, None, None]

_MAX_TEXT: Final = 1_000


@define(eq=False)
class Record:
    """One row of a source, parsed or not.

    Args:
        line: The line it begins on, counted from 1.
        fields: Its fields under their names in the source, or None if it could not be parsed.
        problem: Why it could not be parsed, or None.
        text: The text that could not be parsed, or None.
        csv: The row as it is written in its CSV file, if it is read row by row.
    """

    line: int
    fields: dict[str, Any] | None
    problem: str | None = None
    text: bytes | None = None
    csv: CsvText | None = None


Records = Generator[Record, None, None]


def show_text(text: bytes) -> str:
    """Decode a row that could not be parsed, so that it can be shown and saved.

    Args:
        text: The bytes.

    Returns:
        At most 1,000 characters. Bytes that are not UTF-8 are escaped with backslashes.
    """
    # A character takes at most 4 bytes.
    return text[: 4 * _MAX_TEXT].decode(errors="backslashreplace")[:_MAX_TEXT].rstrip("\r\n")


def item_of(
    record: Record, mapping: RowMapping, on_problem: OnProblem | None, *, name: str, unit: str
) -> EventLike | None:
    """Convert a record to an item.

    Args:
        record: The record.
        mapping: How to interpret rows.
        on_problem: Called with the problem of a row that is not an event. Without it, the problem is raised.
        name: The name of the source in messages.
        unit: The word for a line in messages.

    Returns:
        The item, or None if the row is not an event.

    Raises:
        SourceError: The row is not an event.
    """
    item: EventLike | None = None
    problem = record.problem
    if record.fields is not None:
        item, problem = mapping.interpret(record.fields)[1:]
    if item is None:
        error = SourceError(source=name, line=record.line, reason=str(problem), unit=unit)
        if on_problem is None:
            raise error
        on_problem(error)
    return item


@frozen
class Row:
    """One row of a source that was read and checked.

    Args:
        line: The line it begins on, counted from 1; in a Parquet file, the number of the row.
        position: Its position among the items that are read, counted from 0, or None if it cannot be sent.
        fields: The row, with renamed fields and converted types, or None if it could not be parsed. The mark
            of a reject, ``_rejected``, is included only if the row is refused because of it.
        text: At most 1,000 characters of a row that could not be parsed. Bytes that are no UTF-8 are escaped.
        problem: Why it cannot be sent, or None.
        csv: The row as it is written in its CSV file, or None in other formats.
        source: The name of its source.
    """

    line: int
    position: int | None
    # No repr shows the payload of an event, because reprs end up in logs.
    fields: dict[str, Any] | None = field(repr=False)
    text: str | None = field(repr=False)
    problem: str | None
    csv: CsvText | None = field(default=None, repr=False)
    source: str = field(default="", repr=False)


def exact_rows(
    records: Records,
    mapping: RowMapping,
    builder: ChunkBuilder,
    name: str,
    *,
    positions: Iterator[int],
    limit: int | None = None,
) -> Iterator[Row]:
    """Read a source row by row, and check every row as a send does.

    Args:
        records: The records. They are closed at the end.
        mapping: How to interpret rows.
        builder: Checks every item. Its chunks are discarded.
        name: The name of the source.
        positions: The positions of the items. As many are taken as there are items.
        limit: The maximum number of rows, or None for all rows.

    Yields:
        Every row that is not blank, in order.

    Raises:
        SourceError: The source cannot be read, or is truncated; after all rows before.
    """
    with closing(records):
        for record in islice(records, limit):
            if record.fields is None:
                text = None if record.text is None else show_text(record.text)
                yield Row(record.line, None, None, text, record.problem, record.csv, name)
                continue
            fields, item, problem = mapping.interpret(record.fields)
            if item is not None:
                try:
                    builder.push(item)
                except InvalidEventError as error:
                    problem = f"{error.field} {error.reason}"
            # The send skips an item that it refuses, but counts it.
            position = None if item is None else next(positions)
            place = position if problem is None else None
            yield Row(record.line, place, fields, None, problem, record.csv, name)
