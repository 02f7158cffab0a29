"""Tables that support the Arrow C stream interface: data frames, query results and Arrow tables."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from attrs import field, frozen

from gameball.sources.mapping.cells import types_of_columns
from gameball.sources.mapping.columns import Columns
from gameball.sources.mapping.row_mapping import RowMapping
from gameball.sources.mapping.selection import Selection, check_choice
from gameball.sources.records.limit import check_limit, limited_items
from gameball.sources.records.progress import ReadProgress
from gameball.sources.records.reading import Reading
from gameball.sources.source import as_tuple, check_options
from gameball.sources.tables.batches import OpenTable, TableOrigin, TableReader, check_nulls
from gameball.sources.tables.sql import QUERY, SqlOrigin, fetch_relation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gameball.sources.records.record import OnProblem
    from gameball.sources.tables.rows import Nulls
    from gameball.sources.tables.sql import Connection

# The column that pandas adds for an index without a name, such as the one that is left after filtering.
_UNNAMED_INDEX: Final = re.compile(r"__index_level_[0-9]+__")
# pandas names the column that it cannot convert in the last argument of the error.
_PANDAS_COLUMN: Final = re.compile(r"Conversion failed for column .{1,100} with type \w+")


class ArrowTable(Protocol):
    """An object that exports an Arrow C stream."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export it as a capsule."""


@frozen
class ArrowOrigin:
    """A table that supports the Arrow C stream interface.

    Args:
        table: The table.
        name: Its name in messages.
    """

    table: ArrowTable = field(repr=False)
    name: str
    extra: str = "arrow"

    @contextmanager
    def open(self) -> Iterator[OpenTable]:
        """Begin to read it. Its batches are read one by one, if it computes them one by one."""
        import pyarrow as pa  # noqa: PLC0415 - optional

        of_duckdb = type(self.table).__name__ == "DuckDBPyRelation"
        fetch = fetch_relation if of_duckdb else pa.RecordBatchReader.from_stream
        with closing(fetch(self.table)) as reader:
            schema = reader.schema
            batches: Iterator[Any] = iter(reader)
            if schema.metadata and b"pandas" in schema.metadata:
                kept = [name for name in schema.names if not _UNNAMED_INDEX.fullmatch(name)]
                if len(kept) < len(schema.names):
                    schema = pa.schema([schema.field(name) for name in kept])
                    batches = (batch.select(kept) for batch in batches)
            yield OpenTable(schema, batches)

    def explain(self, error: Exception) -> str:
        """Return the message for an error: not the error's own, which may quote a cell."""
        said = f"cannot be read ({type(error).__name__})"
        if isinstance(error, AssertionError) and type(self.table).__module__.startswith("pyspark."):
            # True of Spark 4.2 and 4.3.
            return f"{said}: Spark cannot export TIMESTAMP columns; cast them to TIMESTAMP_NTZ"
        last = error.args[-1] if error.args else None
        if isinstance(last, str) and (column := _PANDAS_COLUMN.fullmatch(last)):
            return f"{said}: {column[0]}; all cells of a column must have the same type"
        return said


def read_arrow(
    table: ArrowTable,
    *,
    name: str = "the table",
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    select: Iterable[str] | None = None,
    drop: Iterable[str] | None = None,
    limit: int | None = None,
    nulls: Nulls = "omit",
    on_problem: OnProblem | None = None,
) -> Reading:
    """Read events from a data frame or another table, for ``gb.events.send``.

    Needs ``gameball-client[arrow]``. The table may be any object with the method ``__arrow_c_stream__``: a
    data frame of pandas 2.2, polars or Spark 4.2, a table or a reader of pyarrow, a relation of DuckDB, or a
    result of ADBC. It is read batch by batch. A table that is already in memory is not copied as a whole,
    except by pandas, which converts itself to Arrow first.

    The columns ``customer_id`` and ``name`` are required. All other columns are metadata, unless the only one
    is named ``metadata`` and is a struct, a map, or text of the type json. The unnamed index of a pandas data
    frame is left out.

    Values are sent unchanged: decimals with all their digits, and times with their zone. Times with
    nanoseconds are sent as text if microseconds would lose digits. Times without a zone need the type
    datetime-utc. Times of day are sent as text. Columns of binary data, durations and other types that JSON
    cannot represent are refused.

    Args:
        table: The table. Some tables, such as a ``pyarrow.RecordBatchReader``, can be read only once.
        name: Its name in messages.
        rename: The name in the table of each column that has another name there:
            ``{"customer_id": "user_id"}``.
        constants: The value of each field that is the same in all rows: ``{"name": "purchase"}``. A
            ``customer_id`` that is an integer becomes text.
        types: The type of the text in each column, by its name in the table, as for ``read_parquet``.
        select: The only columns that become metadata, by their names in the table, besides those in
            ``rename``. By default all columns do. In a row with ``metadata``, these are names of its fields.
        drop: The columns that are left out, by their names in the table: ``["email"]``.
        limit: The maximum number of rows that are read; rows that are not events count. By default all rows
            are read.
        nulls: ``omit`` leaves null, NaT and NaN cells out of the metadata; ``refuse`` makes their rows
            invalid. Nulls within lists and structs are kept.
        on_problem: Called with the ``SourceError`` of each row that is not an event; reading then continues.
            By default the first such error is raised.

    Returns:
        An iterator of items. Reading begins at the first item. ``line_of`` returns rows, counted from 1.
        After all items before it, iterating raises ``SourceError`` for a row that is not an event (unless
        ``on_problem`` is given), and always if pyarrow is missing, a column is missing or cannot be sent, or
        the table cannot be read.

    Raises:
        TypeError: The table has no method ``__arrow_c_stream__``, or ``select`` or ``drop`` is a string.
        ValueError: A type or ``nulls`` is unknown, a name is empty, ``limit`` is not positive, or options
            contradict each other.
    """
    if not hasattr(table, "__arrow_c_stream__"):
        kind = type(table)
        raise TypeError(
            f"{kind.__module__}.{kind.__qualname__} has no method __arrow_c_stream__: use pandas 2.2, "
            "polars 1.3, pyarrow 16, DuckDB 1.4, Spark 4.2 or a later version"
        )
    return read_table(
        ArrowOrigin(table, name),
        on_problem,
        rename=rename,
        constants=constants,
        types=types,
        select=select,
        drop=drop,
        limit=limit,
        nulls=nulls,
    )


def read_sql(
    query: str,
    connection: Connection | None = None,
    *,
    name: str = QUERY,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    select: Iterable[str] | None = None,
    drop: Iterable[str] | None = None,
    limit: int | None = None,
    nulls: Nulls = "omit",
    on_problem: OnProblem | None = None,
) -> Reading:
    """Read events from the rows of an SQL query, for ``gb.events.send``.

    Needs ``gameball-client[sql]``, which installs DuckDB. It queries Parquet, CSV, JSON and Excel files, also
    by patterns, on disk or in S3, and attached databases. The rows are fetched batch by batch, but DuckDB
    must hold in memory, or spill to disk, what it sorts.

    A send with a ledger can be resumed if the query returns the same rows in the same order again: it reads a
    single file, or its ORDER BY names columns that together identify each row. Otherwise resuming may
    be refused with ``LedgerMismatchError``; nothing is sent twice.

    Args:
        query: The SQL. The statements before the last one are executed first, such as ATTACH. The last one
            must be a SELECT.
        connection: A connection of DuckDB, or of ADBC to another database, which executes the query; it is
            not closed, and must not be used for anything else while it is read. None executes it with a new
            DuckDB in memory.
        name: The name of the query in messages.
        rename: The name in the query of each column that has another name there.
        constants: The value of each field that is the same in all rows: ``{"name": "purchase"}``. A
            ``customer_id`` that is an integer becomes text.
        types: The type of the text in each column, as for ``read_arrow``.
        select: The only columns that become metadata, as for ``read_arrow``.
        drop: The columns that are left out, as for ``read_arrow``.
        limit: The maximum number of rows that are read, as for ``read_arrow``.
        nulls: What to do with null and NaN cells, as for ``read_arrow``.
        on_problem: Called with the ``SourceError`` of each row that is not an event; reading then continues.
            By default the first such error is raised.

    Returns:
        An iterator of items. The query is executed at the first item. After all items before it, iterating
        raises ``SourceError`` for a row that is not an event (unless ``on_problem`` is given), and always if
        DuckDB or pyarrow is missing, a column is missing or cannot be sent, or the query fails.

    Raises:
        TypeError: ``select`` or ``drop`` is a string.
        ValueError: A type or ``nulls`` is unknown, a name is empty, ``limit`` is not positive, or options
            contradict each other.
    """
    return read_table(
        SqlOrigin(query, connection, name),
        on_problem,
        rename=rename,
        constants=constants,
        types=types,
        select=select,
        drop=drop,
        limit=limit,
        nulls=nulls,
    )


def read_table(
    origin: TableOrigin,
    on_problem: OnProblem | None,
    *,
    rename: Mapping[str, str] | None,
    constants: Mapping[str, str] | None,
    types: Mapping[str, str] | None,
    select: Iterable[str] | None,
    drop: Iterable[str] | None,
    limit: int | None,
    nulls: Nulls,
) -> Reading:
    """Check the options of a table, and read its events.

    Raises:
        TypeError: ``select`` or ``drop`` is a string.
        ValueError: An option is not valid.
    """
    select, drop = as_tuple(select), as_tuple(drop)
    rename, types, constants = rename or {}, types or {}, constants or {}
    check_options("arrow", None, rename, types, constants)
    check_choice(rename, select, drop)
    check_limit(limit)
    check_nulls(nulls)
    progress = ReadProgress(origin.name)
    types = types_of_columns(types, rename)
    mapping = RowMapping(
        rename=rename,
        constants=constants,
        null_metadata=True,
        selection=Selection(select, drop),
        types=types,
        on_integer_id=progress.note_integer_id,
    )
    reader = TableReader(origin, Columns(mapping, types), nulls)
    return Reading(limited_items(partial(reader.items, progress), on_problem, limit, progress), progress)
