"""How the rows of one Arrow table become items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import define, field

from gameball.sources.mapping.cells import CellError, convert_value
from gameball.sources.mapping.row_dicts import dicts_with
from gameball.sources.mapping.row_layout import find_layout
from gameball.sources.mapping.row_mapping import MARK
from gameball.sources.shown_names import show_names
from gameball.sources.tables.values import (
    Refused,
    find_problem_of_type,
    is_text,
    to_values,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gameball.sources.mapping.columns import Columns
    from gameball.sources.mapping.row_layout import RowLayout

#: What to do with null, NaT and NaN cells: leave them out of the metadata, or refuse the row.
Nulls = Literal["omit", "refuse"]

_REQUIRED: Final = ("customer_id", "name", "metadata", "customerId", "events")


@define
class TableRows:
    """The conversion of the rows of one table."""

    _schema: Any
    _columns: Columns
    _nulls: Nulls
    _names: list[str] = field(init=False)
    #: The columns that are part of an event.
    _used: list[int] = field(init=False)
    _layout: RowLayout | None = field(init=False)
    #: The columns whose nulls are neither left out nor refused here, because an event needs them.
    _required: frozenset[str] = field(init=False)
    _metadata: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._names = list(self._schema.names)
        rename = self._columns.mapping.rename
        self._required = frozenset(rename.get(name, name) for name in _REQUIRED)
        self._metadata = rename.get("metadata", "metadata")
        every = list(range(len(self._names)))
        self._used, self._layout = every, None
        if MARK in self._names:
            return
        layout, used = find_layout(self._columns.mapping, self._names)
        self._used = sorted(used) or every
        texts = (layout.customer_id, layout.name) if layout else ()
        if layout and all(isinstance(one, str) or is_text(self._schema.types[one]) for one in texts):
            self._layout = layout

    def find_problem(self) -> str | None:
        """Return why no row can be an event, or None."""
        for column in self._used:
            problem = find_problem_of_type(self._schema.types[column])
            if problem is not None:
                return f"{show_names([self._names[column]])} {problem}"
        return None

    def items(self, batch: Any) -> list[Any]:  # noqa: ANN401 - a record batch
        """Return the item of each row of a batch, or its problem as ``Refused``."""
        results: list[Any] = []
        for row in self.fields(batch):
            if isinstance(row, Refused):
                results.append(row)
                continue
            _, item, problem = self._columns.mapping.interpret(row)
            results.append(Refused(str(problem)) if item is None else item)
        return results

    def plain_items(self, batch: Any) -> tuple[list[Any], list[Any], list[Any]] | None:  # noqa: ANN401
        """Convert a batch to customers, names and metadata, or return None if that needs ``items``."""
        layout = self._layout
        if layout is None:
            return None
        customers, _, refused = self._cells(batch, layout.customer_id)
        names, also_refused = [layout.name] * batch.num_rows, False
        if not isinstance(layout.name, str):
            names, _, also_refused = self._cells(batch, layout.name)
        if refused or also_refused:
            return None
        if isinstance(layout.metadata, int):
            cells, _, refused = self._cells(batch, layout.metadata)
            return None if refused else (customers, names, [{} if cell is None else cell for cell in cells])
        metadata = self._metadata_of(batch, layout.metadata)
        return None if metadata is None else (customers, names, metadata)

    def _metadata_of(self, batch: Any, columns: dict[str, int]) -> list[dict[str, Any]] | None:  # noqa: ANN401
        """Convert the metadata of a batch column by column, or return None if a row of it is refused."""
        if not columns:
            return [{} for _ in range(batch.num_rows)]
        found = {key: self._cells(batch, column) for key, column in columns.items()}
        with_nulls = [key for key, (_, has_nulls, _) in found.items() if has_nulls]
        if any(refused for _, _, refused in found.values()) or (with_nulls and self._nulls == "refuse"):
            return None
        cells = [values for values, _, _ in found.values()]
        metadata = dicts_with(tuple(columns))(zip(*cells, strict=True))
        for key in with_nulls:
            for entries, cell in zip(metadata, found[key][0], strict=True):
                if cell is None:
                    del entries[key]
        return metadata

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
        # Decoded first: the nulls of runs, and NaN in a dictionary, are not found otherwise.
        if pa.types.is_run_end_encoded(array.type):
            array = pc.run_end_decode(array)
        if pa.types.is_dictionary(array.type) and pa.types.is_floating(array.type.value_type):
            array = array.dictionary_decode()
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
