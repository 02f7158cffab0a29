"""Rows of SQL queries as events, with DuckDB or a connection of ADBC."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from attrs import field, frozen

from gameball.sources.files.compression import UnreadableError
from gameball.sources.tables.batches import OpenTable
from gameball.sources.tables.query_order import find_unrepeatable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

#: The name of a query in messages.
QUERY: Final = "the query"

#: The number of rows that DuckDB returns at once.
_BATCH_ROWS: Final = 10_000

# These errors of DuckDB are raised before the first row, and describe the query and not the data.
_ABOUT_THE_QUERY: Final = ("ParserException", "CatalogException", "BinderException", "IOException")


class Connection(Protocol):
    """A connection of DuckDB, or a connection of ADBC to another database."""

    def cursor(self) -> Any:  # noqa: ANN401 - each library has its own
        """Return a cursor."""


@frozen
class SqlOrigin:
    """A query.

    Args:
        query: Its SQL. Statements before the last one are executed first.
        connection: The connection, which is not closed; None for a new DuckDB in memory.
        name: Its name in messages.
    """

    query: str = field(repr=False)
    connection: Connection | None = field(default=None, repr=False)
    name: str = QUERY
    extra: str = "sql"

    @contextmanager
    def open(self) -> Iterator[OpenTable]:
        """Execute the query. Its rows are fetched batch by batch."""
        if self.connection is not None and not hasattr(self.connection, "sql"):
            with closing(self.connection.cursor()) as cursor:
                cursor.execute(self.query)
                with closing(cursor.fetch_record_batch()) as reader:
                    yield OpenTable(reader.schema, reader)
            return
        with _duckdb(self.connection) as connection, _keeping_interrupts():
            select = _prepare(connection, self.query)
            with closing(fetch_relation(connection.sql(select))) as reader:
                yield OpenTable(reader.schema, reader)

    def explain(self, error: Exception) -> str:
        """Return the message for an error: the error's own only if it describes the query."""
        kind = type(error).__name__
        if kind in _ABOUT_THE_QUERY and type(error).__module__ in {"_duckdb", "duckdb", "duckdb.duckdb"}:
            said = " ".join(str(error).partition("\n")[0].split())
            return f"cannot be executed ({said})"
        return f"cannot be read ({kind})"


def fetch_relation(relation: Any) -> Any:  # noqa: ANN401 - of DuckDB
    """Begin to fetch the rows of a relation of DuckDB, as Arrow batches of 10,000 rows."""
    # Not by __arrow_c_stream__: its batches have a million rows in DuckDB 1, which took 450 MiB with rows of
    # 200 bytes.
    if hasattr(type(relation), "to_arrow_reader"):
        return relation.to_arrow_reader(_BATCH_ROWS)
    return relation.fetch_arrow_reader(_BATCH_ROWS)  # its name until DuckDB 1.4


def explain_order(query: str) -> str | None:
    """Return why a query may give its rows in another order when it is executed again.

    The statements before the last one are not executed.

    Args:
        query: The SQL, for DuckDB.

    Returns:
        The message for the user, or None if the order is repeatable: the query ends with ORDER BY, or it
        reads a single file. Rows that are equal in all columns of ORDER BY may still change places.

    Raises:
        ValueError: DuckDB is missing, or the query cannot be parsed.
    """
    duckdb = _import_duckdb()
    if duckdb is None:
        raise ValueError("--sql needs duckdb: pip install 'gameball-client[sql]'")
    problem = None
    with closing(duckdb.connect()) as connection:
        try:
            statements = connection.extract_statements(query)
            if statements:
                return find_unrepeatable(connection, statements[-1].query)
        except duckdb.Error as error:
            problem = " ".join(str(error).partition("\n")[0].split())
    raise ValueError(f"the query cannot be parsed ({problem})" if problem else "the query is empty")


@contextmanager
def _duckdb(connection: Connection | None) -> Iterator[Any]:
    if connection is not None:
        yield connection
        return
    import duckdb  # noqa: PLC0415 - optional

    with closing(duckdb.connect()) as own:
        yield own


@contextmanager
def _keeping_interrupts() -> Iterator[None]:
    """Raise Ctrl-C as such: DuckDB makes a ``RuntimeError`` of it."""
    try:
        yield
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from None


def _prepare(connection: Any, query: str) -> str:  # noqa: ANN401 - of the user
    """Execute all statements but the last one, and return that."""
    statements = connection.extract_statements(query)
    if not statements:
        raise UnreadableError("is empty", whole=True)
    *before, last = statements
    for statement in before:
        connection.execute(statement)
    if last.type.name != "SELECT":
        raise UnreadableError(f"must end with a SELECT, not with {last.type.name}", whole=True)
    return cast("str", last.query)


def _import_duckdb() -> ModuleType | None:
    try:
        import duckdb  # noqa: PLC0415 - optional
    except ImportError:
        return None
    return duckdb
