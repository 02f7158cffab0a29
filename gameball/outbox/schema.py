"""The tables of an outbox, and their DDL. No I/O."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    func,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

#: The number of partitions. All events of a customer have the same partition, and each partition has one
#: request in flight at a time, which keeps the customer's events in order. Changing it would need a migration
#: of waiting rows.
PARTITIONS: Final = 8

METADATA: Final = MetaData()


class _Time(TypeDecorator[datetime]):
    """A time, or None where the database has none: SQLite stores whatever another program writes."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Return what converts the values that are read, or None if nothing does."""
        read = super().result_processor(dialect, coltype)
        if read is None:
            return None

        def read_if_valid(value: object) -> datetime | None:
            try:
                return read(value)
            except (TypeError, ValueError):
                return None

        return read_if_valid


#: The events that are not accepted yet: one for each ``add``. ``outcome`` is NULL while a row is waiting, and
#: ``event_count`` is more than 1 for several events of a customer that were added together.
EVENTS: Final = Table(
    "gameball_outbox",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(always=False), primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("events", Text, nullable=False),
    # A row in no partition would never be delivered.
    Column(
        "partition",
        SmallInteger,
        CheckConstraint(f"partition BETWEEN 0 AND {PARTITIONS - 1}"),
        nullable=False,
    ),
    Column("event_count", Integer, nullable=False, server_default=text("1")),
    Column("created_at", _Time(), nullable=False, server_default=func.current_timestamp()),
    Column("outcome", Text, CheckConstraint("outcome IN ('rejected', 'unknown')")),
    Column("reason", Text),
    sqlite_autoincrement=True,  # an id is never used again
)
Index(
    "gameball_outbox_waiting",
    EVENTS.c.partition,
    EVENTS.c.id,
    postgresql_where=EVENTS.c.outcome.is_(None),
    sqlite_where=EVENTS.c.outcome.is_(None),
)
Index(
    "gameball_outbox_failed",
    EVENTS.c.outcome,
    EVENTS.c.id,
    postgresql_where=EVENTS.c.outcome.is_not(None),
    sqlite_where=EVENTS.c.outcome.is_not(None),
)

#: The chunks in flight. ``event_ids`` are the ids of their events, separated by commas.
CHUNKS: Final = Table(
    "gameball_outbox_chunk",
    METADATA,
    Column("first_id", BigInteger, primary_key=True, autoincrement=False),
    Column("token", BigInteger, nullable=False),
    Column("event_ids", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.current_timestamp()),
)

#: One row: who delivers, until when, and how many events were accepted.
LEASE: Final = Table(
    "gameball_outbox_lease",
    METADATA,
    Column("id", Integer, CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    Column("token", BigInteger, nullable=False),
    Column("holder", Text),
    Column("expires_at", Double, nullable=False),
    Column("accepted", BigInteger, nullable=False),
)

FIRST_LEASE: Final = (
    "INSERT INTO gameball_outbox_lease (id, token, expires_at, accepted) VALUES (1, 0, 0, 0) "
    "ON CONFLICT DO NOTHING"
)

_DIALECTS: Final[dict[str, type[Dialect]]] = {"postgresql": postgresql.dialect, "sqlite": sqlite.dialect}
# Rows come and go all the time, so their space must be reclaimed long before a fifth of the table is dead.
_AUTOVACUUM: Final = {
    table.name: f"ALTER TABLE {table.name} SET (autovacuum_vacuum_scale_factor = 0.01)"
    for table in (EVENTS, CHUNKS)
}


def check_dialect(name: str) -> None:
    """Check that an outbox can be in a database.

    Raises:
        ValueError: It is neither SQLite nor PostgreSQL.
    """
    if name not in _DIALECTS:
        raise ValueError(f"an outbox needs a SQLite or PostgreSQL database, got {name}")


def tuning(dialect: str) -> dict[str, str]:
    """Return the statements that follow the creation of some tables, by the name of the table."""
    return _AUTOVACUUM if dialect == "postgresql" else {}


def ddl(dialect: str) -> list[str]:
    """Return the statements that create the tables, for migrations.

    Args:
        dialect: ``sqlite`` or ``postgresql``.

    Raises:
        ValueError: It is another dialect.
    """
    check_dialect(dialect)
    made = _DIALECTS[dialect]()
    statements = []
    for table in METADATA.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=made)).strip())
        statements += [
            str(CreateIndex(index).compile(dialect=made)).strip()
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    return [*statements, *tuning(dialect).values(), FIRST_LEASE]
