"""Rows as a format gives them, and items made of them."""

from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, Final

from attrs import define

from gameball.errors import SourceError
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
