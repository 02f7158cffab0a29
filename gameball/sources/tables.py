"""Rows of Arrow tables as events, batch by batch; for Parquet files, data frames and queries."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, get_args

import orjson
from attrs import define, field, frozen

from gameball.errors import SourceError
from gameball.sources.arrow_values import Refused, find_problem_of_type, is_text, to_values
from gameball.sources.cells import CellError, convert_value
from gameball.sources.records import Record
from gameball.sources.shape import MARK, show_names
from gameball.sources.streams import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from gameball.events import EventLike
    from gameball.sources.progress import ReadProgress
    from gameball.sources.records import Items, OnProblem, Records
    from gameball.sources.shape import Columns

#: What to do with null, NaT and NaN cells: leave them out of the metadata, or refuse the row.
Nulls = Literal["omit", "refuse"]

#: The number of rows held as Python objects at once. More would not fit the processor's cache.
BATCH_SIZE: Final = 2_000
#: The unit of positions in messages.
ROW: Final = "row"

_REQUIRED: Final = ("customer_id", "name", "metadata", "customerId", "events")


@frozen
class OpenTable:
    """A table that is being read.

    Args:
        schema: Its Arrow schema.
        batches: Its record batches, in order, each of any size.
        bytes_per_row: The share of its file that a row stands for, or 0.
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
                items, all_sound = rows.items(batch)
                left = iter(items)
                progress.begin_block(first, left)
                if all_sound:
                    yield from left
                    continue
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

    def _batches(self, progress: ReadProgress) -> Generator[tuple[int, _Rows, Any]]:
        """Yield batches of limited size, each with the number of its first row and how to convert it."""
        number = 0
        whole = True
        reason: str | None = None
        try:
            import_module("pyarrow")
            with self.origin.open() as table:
                rows = _Rows(table.schema, self.columns, self.nulls)
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


@define
class _Probe:
    """Stands for the cell of a column in the row of probes."""

    column: int


@frozen
class _Layout:
    """Which columns the parts of an event come from, where every row is divided in the same way.

    Args:
        customer_id: The column of the customer.
        name: The column of the name.
        metadata: The column of the metadata, or the column of each of its entries.
    """

    customer_id: int
    name: int
    metadata: int | dict[str, int]


@define
class _Rows:
    """The conversion of the rows of one table."""

    _schema: Any
    _columns: Columns
    _nulls: Nulls
    _names: list[str] = field(init=False)
    #: The columns that are part of an event.
    _used: list[int] = field(init=False)
    _layout: _Layout | None = field(init=False)
    #: The columns whose nulls are neither left out nor refused here, because an event needs them.
    _required: frozenset[str] = field(init=False)
    _metadata: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._names = list(self._schema.names)
        rename = self._columns.shape.rename
        self._required = frozenset(rename.get(name, name) for name in _REQUIRED)
        self._metadata = rename.get("metadata", "metadata")
        every = list(range(len(self._names)))
        self._used, self._layout = every, None
        if MARK in self._names:
            return
        # How a row is interpreted depends on the names of its columns, so a row of probes shows it.
        probes = {name: _Probe(column) for column, name in enumerate(self._names)}
        _, item, _ = self._columns.shape.interpret(probes)
        self._used = sorted(set(_find_probes(item))) or every
        layout = _find_layout(item)
        if layout and all(is_text(self._schema.types[one]) for one in (layout.customer_id, layout.name)):
            self._layout = layout

    def find_problem(self) -> str | None:
        """Return why no row can be an event, or None."""
        for column in self._used:
            problem = find_problem_of_type(self._schema.types[column])
            if problem is not None:
                return f"{show_names([self._names[column]])} {problem}"
        return None

    def items(self, batch: Any) -> tuple[list[Any], bool]:  # noqa: ANN401 - a record batch
        """Convert a batch to items.

        Returns:
            The item of each row, or its problem as ``Refused``; and whether every row is an item.
        """
        if self._layout is not None:
            items = self._plain_items(batch, self._layout)
            if items is not None:
                return items, True
        shape = self._columns.shape
        results: list[EventLike | Refused] = []
        all_sound = True
        for row in self.fields(batch):
            item: EventLike | None = None
            refused: Refused | None = None
            if isinstance(row, Refused):
                refused = row
            else:
                _, item, problem = shape.interpret(row)
                refused = Refused(str(problem)) if item is None else None
            all_sound = all_sound and refused is None
            results.append(refused if item is None and refused is not None else item)  # type: ignore[arg-type]
        return results, all_sound

    def _plain_items(self, batch: Any, layout: _Layout) -> list[EventLike] | None:  # noqa: ANN401
        """Convert a batch column by column, or return None if a row of it is refused."""
        metadata: Iterable[Any]
        customers, _, refused = self._cells(batch, layout.customer_id)
        names, _, also_refused = self._cells(batch, layout.name)
        if refused or also_refused:
            return None
        if isinstance(layout.metadata, int):
            cells, _, refused = self._cells(batch, layout.metadata)
            metadata = [{} if cell is None else cell for cell in cells]
        elif layout.metadata:
            keys = tuple(layout.metadata)
            found = [self._cells(batch, column) for column in layout.metadata.values()]
            refused = any(column_refused for _, _, column_refused in found)
            has_nulls = any(column_has_nulls for _, column_has_nulls, _ in found)
            if has_nulls and self._nulls == "refuse":
                return None
            rows = zip(*(values for values, _, _ in found), strict=True)
            if has_nulls:
                metadata = [
                    {key: cell for key, cell in zip(keys, row, strict=True) if cell is not None}
                    for row in rows
                ]
            else:
                # Without strict, which takes a tenth longer: every row has as many cells as there are keys.
                metadata = [dict(zip(keys, row)) for row in rows]  # noqa: B905
        else:
            metadata = [{} for _ in customers]
        return None if refused else list(zip(customers, names, metadata, strict=True))

    def fields(self, batch: Any) -> Iterator[dict[str, Any] | Refused]:  # noqa: ANN401 - a record batch
        """Yield the fields of each row under the names of the table, or why it cannot be sent."""
        used = self._used
        names = [self._names[column] for column in used]
        found = [self._cells(batch, column) for column in used]
        for row in zip(*(values for values, _, _ in found), strict=True):
            fields = dict(zip(names, row, strict=True))
            problem = next(
                (
                    f"{show_names([name])} {cell.reason}"
                    for name, cell in fields.items()
                    if isinstance(cell, Refused)
                ),
                None,
            )
            if problem is None and self._nulls == "refuse":
                empty = [name for name, cell in fields.items() if cell is None and name not in self._required]
                problem = f"{show_names(empty)} is null" if empty else None
            if problem is not None:
                shown = {
                    name: cell.value if isinstance(cell, Refused) else cell for name, cell in fields.items()
                }
                yield Refused(problem, shown)
                continue
            yield {name: cell for name, cell in fields.items() if cell is not None or name in self._required}

    def _cells(self, batch: Any, column: int) -> tuple[list[Any], bool, bool]:  # noqa: ANN401
        """Return the cells of a column, whether one of them is None, and whether one is refused."""
        import pyarrow as pa  # noqa: PLC0415 - optional
        import pyarrow.compute as pc  # noqa: PLC0415

        array, name = batch.column(column), self._names[column]
        kind = array.type
        type_name = self._columns.types.get(name)
        if type_name == "datetime-utc" and pa.types.is_timestamp(kind) and kind.tz is None:
            array = array.cast(pa.timestamp(kind.unit, tz="UTC"))
        cells, refused = to_values(array)
        has_nulls = array.null_count > 0 or pa.types.is_null(kind) or pa.types.is_dictionary(kind)
        if pa.types.is_floating(kind) and pc.any(pc.is_nan(array)).as_py():
            cells = [None if cell != cell else cell for cell in cells]  # noqa: PLR0124 - NaN
            has_nulls = True
        # A time has become text if Python's times would lose its nanoseconds.
        if name == self._metadata and pa.types.is_struct(kind):
            # Its members are what columns are to the other events.
            cells = [self._without_nulls(members) for members in cells]
            refused = refused or any(isinstance(cell, Refused) for cell in cells)
        if type_name is not None and not pa.types.is_timestamp(kind):
            has_nulls = True  # blank cells become None
            for index, cell in enumerate(cells):
                try:
                    cells[index] = convert_value(cell, type_name)
                except CellError as error:
                    cells[index], refused = Refused(error.reason, cell), True
        return cells, has_nulls, refused

    def _without_nulls(self, members: Any) -> Any:  # noqa: ANN401 - a cell
        if type(members) is not dict:
            return members
        kept = {key: value for key, value in members.items() if value is not None and value == value}  # noqa: PLR0124 - NaN
        if self._nulls == "omit" or len(kept) == len(members):
            return kept
        return Refused(f"has the null {show_names(members.keys() - kept.keys())}", members)


def _find_probes(value: object) -> Iterator[int]:
    """Yield the columns of the probes in an item, however nested."""
    if isinstance(value, _Probe):
        yield value.column
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _find_probes(entry)
    elif isinstance(value, tuple | list):
        for entry in value:
            yield from _find_probes(entry)


def _find_layout(item: object) -> _Layout | None:
    if not isinstance(item, tuple):
        return None
    customer_id, name, metadata = item
    if not (isinstance(customer_id, _Probe) and isinstance(name, _Probe)):
        return None
    if isinstance(metadata, _Probe):
        return _Layout(customer_id.column, name.column, metadata.column)
    if isinstance(metadata, dict):
        columns = {key: probe.column for key, probe in metadata.items() if isinstance(probe, _Probe)}
        if len(columns) == len(metadata):
            return _Layout(customer_id.column, name.column, columns)
    return None


def _encode(row: object) -> bytes | None:
    if row is None:
        return None
    return orjson.dumps(row, default=str, option=orjson.OPT_NON_STR_KEYS)
