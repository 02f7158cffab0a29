"""Creates what an outbox lacks in its database, and nothing else.

A program may call this each time it starts, perhaps as a role that does not own the tables, and while others
use them. So where everything exists, it only reads.
"""

from attrs import define, field
from sqlalchemy import Connection, Index, Table, inspect, select, text

from gameball.errors import OutboxError
from gameball.outbox.database import Database
from gameball.outbox.schema import FIRST_LEASE, LEASE, METADATA, tuning

#: The lock of PostgreSQL that a process holds while it creates tables.
_LOCK_TABLES = text("SELECT pg_advisory_xact_lock(7203984523761)")


@define
class _Missing:
    """What an outbox lacks."""

    tables: list[Table] = field(factory=list)
    indexes: list[Index] = field(factory=list)
    lease: bool = False

    def __bool__(self) -> bool:
        return bool(self.tables or self.indexes or self.lease)


def create_missing(database: Database) -> None:
    """Create the tables, indexes and the row of the lease that do not exist.

    Raises:
        OutboxError: The database refused it, or a table of that name has other columns.
    """
    if database.read(_find_missing):
        database.write(_create)


def _find_missing(connection: Connection) -> _Missing:
    found = inspect(connection)
    missing = _Missing()
    for table in METADATA.sorted_tables:
        if not found.has_table(table.name):
            missing.tables.append(table)
            continue
        lacking = {column.name for column in table.columns} - {
            column["name"] for column in found.get_columns(table.name)
        }
        if lacking:
            raise OutboxError(
                f"the table {table.name} was created by another version of this package: it has no column "
                f"{', '.join(sorted(lacking))}",
                retryable=False,
            )
        names = {index["name"] for index in found.get_indexes(table.name)}
        missing.indexes += [index for index in table.indexes if index.name not in names]
    missing.lease = LEASE in missing.tables or connection.execute(select(LEASE.c.id)).first() is None
    return missing


def _create(connection: Connection) -> None:
    dialect = connection.dialect.name
    if dialect == "postgresql":
        # Two processes that create the tables at the same time would get in each other's way.
        connection.execute(_LOCK_TABLES)
    missing = _find_missing(connection)
    METADATA.create_all(connection, missing.tables, checkfirst=False)
    for table in missing.tables:
        if table.name in tuning(dialect):
            connection.execute(text(tuning(dialect)[table.name]))
    for index in missing.indexes:
        index.create(connection)
    if missing.lease:
        connection.execute(text(FIRST_LEASE))
