"""Rows of Arrow tables as events, batch by batch; for Parquet files, data frames and queries."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol, get_args

import orjson
from attrs import frozen

from gameball.errors import SourceError
from gameball.sources.files.compression import UnreadableError
from gameball.sources.records.record import Record
from gameball.sources.tables.rows import Nulls, TableRows
from gameball.sources.tables.values import (
    Refused,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from gameball.sources.mapping.columns import Columns
    from gameball.sources.records.progress import ReadProgress
    from gameball.sources.records.record import Items, OnProblem, Records


#: The number of rows held as Python objects at once. More would not fit the processor's cache.
BATCH_SIZE: Final = 2_000
#: The unit of positions in messages.
ROW: Final = "row"


@frozen
class OpenTable:
    """A table that is being read.

    Args:
        schema: Its Arrow schema.
        batches: Its record batches, in order, each of any size.
        bytes_per_row: The bytes of the file per row, or 0.
    """

    schema: Any
    batches: Iterable[Any]
    bytes_per_row: float = 0.0


class TableOrigin(Protocol):
    """Where a table comes from."""

    @property
    def name(self) -> str:
        """Its name in messages."""

    @property
    def extra(self) -> str:
        """The extra of this package that installs what it needs."""

    def open(self) -> AbstractContextManager[OpenTable]:
        """Begin to read it.

        Raises:
            UnreadableError: It cannot be read.
        """

    def explain(self, error: Exception) -> str:
        """Return the message for an error raised while reading it. It must contain nothing of the data."""


@frozen
class TableReader:
    """How a table is read.

    Args:
        origin: Where it comes from.
        columns: How to interpret its columns.
        nulls: What to do with cells that are null.
    """

    origin: TableOrigin
    columns: Columns
    nulls: Nulls = "omit"

    def items(self, progress: ReadProgress, on_problem: OnProblem | None) -> Items:
        """Read events as fast as they can be sent.

        Args:
            progress: Records what is read.
            on_problem: Called with the problem of each row that is not an event. Without it, the first
                problem is raised.

        Yields:
            The items, in order.

        Raises:
            SourceError: A row is not an event, or the table cannot be read; after all items before it.
        """
        with closing(self._batches(progress)) as batches:
            for first, rows, batch in batches:
                plain = rows.plain_items(batch)
                if plain is not None:
                    # zip has no length, but takes from its first iterator when it gives an item.
                    customers, *others = plain
                    remaining = iter(customers)
                    progress.begin_block(first, remaining)
                    yield from zip(remaining, *others, strict=False)
                    continue
                left = iter(rows.items(batch))
                progress.begin_block(first, left)
                for line, item in enumerate(left, first):
                    if not isinstance(item, Refused):
                        yield item
                        continue
                    progress.skip(line)
                    error = SourceError(source=self.origin.name, line=line, reason=item.reason, unit=ROW)
                    if on_problem is None:
                        raise error
                    on_problem(error)

    def records(self, progress: ReadProgress) -> Records:
        """Read rows one by one, each with its number.

        Args:
            progress: Records what is read.

        Yields:
            A record for each row.

        Raises:
            SourceError: The table cannot be read; after all records before.
        """
        with closing(self._batches(progress)) as batches:
            for first, rows, batch in batches:
                for line, row in enumerate(rows.fields(batch), first):
                    if isinstance(row, Refused):
                        yield Record(line, None, row.reason, _encode(row.value))
                    else:
                        yield Record(line, row)

    def _batches(self, progress: ReadProgress) -> Generator[tuple[int, TableRows, Any]]:
        """Yield batches of limited size, each with the number of its first row and how to convert it."""
        number = 0
        whole = True
        reason: str | None = None
        try:
            import_module("pyarrow")
            with self.origin.open() as table:
                rows = TableRows(table.schema, self.columns, self.nulls)
                reason = self.columns.refuse(table.schema.names) or rows.find_problem()
                if reason is None:
                    whole = False
                    for part in _divide(table.batches):
                        progress.bytes_read = round(table.bytes_per_row * (number + part.num_rows))
                        yield number + 1, rows, part
                        number += part.num_rows
        except ImportError as error:
            reason = f"needs {error.name}: pip install 'gameball-client[{self.origin.extra}]'"
        except UnreadableError as error:
            reason, whole = error.reason, whole or error.whole
        except Exception as error:  # noqa: BLE001 - a stream may raise anything
            reason = self.origin.explain(error)
        if reason is not None:
            # Raised outside the except block: the other exception may contain data and would be its context.
            line = None if whole else number + 1
            raise SourceError(source=self.origin.name, line=line, reason=reason, unit=ROW, skippable=False)


def check_nulls(nulls: str) -> None:
    """Check the option ``nulls``.

    Raises:
        ValueError: It is neither ``omit`` nor ``refuse``.
    """
    if nulls not in get_args(Nulls):
        raise ValueError(f"nulls is {nulls!r} but must be omit or refuse")


def _divide(batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH_SIZE):
            yield batch.slice(start, BATCH_SIZE)


def _encode(row: object) -> bytes | None:
    if row is None:
        return None
    return orjson.dumps(row, default=str, option=orjson.OPT_NON_STR_KEYS)
