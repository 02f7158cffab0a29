"""Reading only the first rows of a source."""

from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from gameball.errors import SourceError
from gameball.sources.records.record import Items, OnProblem


class LimitProgress(Protocol):
    """Where it is recorded that reading has ended because of a limit."""

    reached_limit: bool


class _LimitReachedError(Exception):
    """The last row that is read was not an event."""


def limited_items(
    read: Callable[[OnProblem | None], Items],
    on_problem: OnProblem | None,
    limit: int | None,
    progress: LimitProgress,
) -> Items:
    """Return the items of the first rows. Rows that are not events count, and blank lines do not.

    Args:
        read: Returns the items of the whole source, for a function that is called with each problem.
        on_problem: Called with the problem of each row that is not an event, or None to raise the first.
        limit: The maximum number of rows, or None for all rows.
        progress: Records whether the limit was reached.
    """
    return read(on_problem) if limit is None else _limited(read, on_problem, limit, progress)


def _limited(
    read: Callable[[OnProblem | None], Items],
    on_problem: OnProblem | None,
    limit: int,
    progress: LimitProgress,
) -> Items:
    rows = 0

    def count(error: SourceError) -> None:
        nonlocal rows
        if on_problem is None:
            raise error
        rows += 1
        on_problem(error)
        if rows >= limit:
            raise _LimitReachedError

    with closing(read(count)) as items:
        while rows < limit:
            try:
                item = next(items)
            except StopIteration:
                return
            except _LimitReachedError:
                break
            rows += 1
            yield item
    progress.reached_limit = True


def check_limit(limit: int | None) -> None:
    """Check the option ``limit``.

    Raises:
        ValueError: It is not positive.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"the limit is {limit:,} but must be at least 1 row")
