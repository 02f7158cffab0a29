"""The exact pass through a source: every row, with its line and whether it can be sent."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from attrs import field, frozen

from gameball.chunking.builder import ChunkBuilder
from gameball.errors import InvalidEventError, SourceError
from gameball.sources.records import Records, show_text
from gameball.sources.shape import Shape


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
