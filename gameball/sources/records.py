"""Rows as a format gives them, and what becomes of each: an item to send, or a problem."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any, Final

from attrs import define, field, frozen

from gameball.chunking.builder import ChunkBuilder
from gameball.errors import InvalidEventError, SourceError
from gameball.events import EventLike
from gameball.sources.progress import ReadProgress
from gameball.sources.shape import Shape

OnProblem = Callable[[SourceError], None]
Items = Generator[EventLike, None, None]

_MAX_TEXT: Final = 1_000


@define(eq=False)
class Record:
    """One row of a source, parsed or not.

    Args:
        line: Where it begins, counted from 1.
        fields: Its fields under their names in the source, or None where it could not be parsed.
        problem: Why it could not be parsed, or None.
        text: What could not be parsed, or None.
    """

    line: int
    fields: dict[str, Any] | None
    problem: str | None = None
    text: bytes | None = None


Records = Generator[Record, None, None]


def show_text(text: bytes) -> str:
    """Return what could not be parsed as text that can be shown and saved.

    Args:
        text: The bytes.

    Returns:
        At most 1,000 characters. Bytes that are no UTF-8 are escaped with backslashes.
    """
    # A character takes at most 4 bytes.
    return text[: 4 * _MAX_TEXT].decode(errors="backslashreplace")[:_MAX_TEXT].rstrip("\r\n")


def items_of(
    records: Records,
    shape: Shape,
    progress: ReadProgress,
    on_problem: OnProblem | None,
    *,
    name: str,
    unit: str,
) -> Items:
    """Make items of records.

    Args:
        records: The records. They are closed at the end.
        shape: What rows stand for.
        progress: Is told the line of each item.
        on_problem: Is called with the problem of each row that is no event. Without it the first one is
            raised.
        name: What messages call the source.
        unit: What messages call a line.

    Yields:
        The items, in order.

    Raises:
        SourceError: A row is no event, or the source cannot be read. All items before it were given.
    """
    interpret, give = shape.interpret, progress.give
    try:
        with closing(records):
            for record in records:
                item: EventLike | None = None
                problem = record.problem
                if record.fields is not None:
                    item, problem = interpret(record.fields)[1:]
                if item is None:
                    error = SourceError(source=name, line=record.line, reason=str(problem), unit=unit)
                    if on_problem is None:
                        raise error
                    on_problem(error)
                    continue
                give(record.line)
                yield item
    except SourceError as problem_found:
        error = problem_found
    else:
        return
    # The locals of this frame, and of those below, may be shown in a traceback.
    record = item = None  # type: ignore[assignment]
    raise error.with_traceback(None)


@frozen
class Row:
    """One row of a source, as it is found again.

    Args:
        line: Where it begins, counted from 1; in a Parquet file, its row.
        position: Its position among the items that can be sent, counted from 0, or None if it cannot be sent.
        fields: The row, renamed and with its types, or None where it could not be parsed. What tells that it
            is a reject, ``_rejected``, is among them only where the row is refused for that.
        text: At most 1,000 characters of a row that could not be parsed; bytes that are no UTF-8 are escaped.
        problem: Why it cannot be sent, or None.
    """

    line: int
    position: int | None
    # What a row holds is payload: a repr, and with it a traceback that shows locals, does not tell it.
    fields: dict[str, Any] | None = field(repr=False)
    text: str | None = field(repr=False)
    problem: str | None


def exact_rows(records: Records, shape: Shape, builder: ChunkBuilder) -> Iterator[Row]:
    """Go through a source, and check every row as a send does.

    Args:
        records: The records. They are closed at the end.
        shape: What rows stand for.
        builder: Takes every item, so that what it refuses is known. What it gives is dropped.

    Yields:
        Every row that is not blank, in order.

    Raises:
        SourceError: The source cannot be read, or breaks off. All rows before were given.
    """
    position = 0
    try:
        with closing(records):
            for record in records:
                if record.fields is None:
                    text = None if record.text is None else show_text(record.text)
                    yield Row(record.line, None, None, text, record.problem)
                    continue
                fields, item, problem = shape.interpret(record.fields)
                if item is not None:
                    try:
                        builder.push(item)
                    except InvalidEventError as error:
                        problem = f"{error.field} {error.reason}"
                if problem is None:
                    yield Row(record.line, position, fields, None, None)
                    position += 1
                else:
                    yield Row(record.line, None, fields, None, problem)
    except SourceError as problem_found:
        broken = problem_found
    else:
        return
    # The locals of this frame, and of those below, may be shown in a traceback.
    record = fields = item = text = None  # type: ignore[assignment]
    raise broken.with_traceback(None)
