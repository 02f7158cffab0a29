"""The statements on rows that are waiting or in flight. Each runs in a transaction that the caller has begun.

The cost of reading must not depend on how many rows are waiting, nor on how many are kept as rejected or
unknown. With ``partition = 3 ... ORDER BY id``, PostgreSQL scanned a million kept rows by the primary
key, which took 6 s for each request. So the queries order by partition and id, and compare the partition in
a way that does not make it a constant: only the index of the waiting rows has that order. ``Database.read``
forbids sorting instead.
"""

from collections.abc import Sequence
from typing import Final

from attrs import field, frozen
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    String,
    TextClause,
    func,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy import delete as delete_from
from sqlalchemy.dialects.postgresql import ARRAY

from gameball.outbox.schema import CHUNKS, EVENTS, LEASE, PARTITIONS
from gameball.receipts import Outcome

_SIZE: Final = {
    "sqlite": "length(CAST(customer_id AS BLOB)) + length(CAST(events AS BLOB))",
    "postgresql": "octet_length(customer_id) + octet_length(events)",
}
# SQLite takes a named index. In PostgreSQL the order leaves no other choice.
_TABLE: Final = {
    "sqlite": "gameball_outbox INDEXED BY gameball_outbox_waiting",
    "postgresql": "gameball_outbox",
}
_WAITING: Final = "partition >= {0} AND partition <= {0} AND outcome IS NULL"


def _page_query(dialect: str) -> TextClause:
    # From the inside: the first rows of the partition; the sum of the sizes up to each; those that fit.
    return text(
        "SELECT id, customer_id, events FROM (SELECT partition, id, customer_id, events, size, "  # noqa: S608 - constants
        "sum(size) OVER (ORDER BY partition, id) AS total FROM ("
        f"SELECT partition, id, customer_id, events, {_SIZE[dialect]} AS size FROM {_TABLE[dialect]} "
        f"WHERE {_WAITING.format(':partition')} ORDER BY partition, id LIMIT :count) AS first_rows"
        ") AS summed WHERE total - size < :max_bytes ORDER BY partition, id"
    )


def _partitions_query(dialect: str) -> TextClause:
    # An EXISTS would let PostgreSQL choose how to look, and it might read the whole table.
    probes = (
        f"(SELECT id FROM {_TABLE[dialect]} WHERE {_WAITING.format(partition)} "  # noqa: S608 - constants
        f"ORDER BY partition, id LIMIT 1) AS partition_{partition}"
        for partition in range(PARTITIONS)
    )
    return text(f"SELECT {', '.join(probes)}")


_PAGE_QUERIES: Final = {dialect: _page_query(dialect) for dialect in _TABLE}
_PARTITIONS_QUERIES: Final = {dialect: _partitions_query(dialect) for dialect in _TABLE}


@frozen
class WaitingRow:
    """A row as it is stored. One that was written by hand may hold anything.

    Attributes:
        id: Its id.
        customer_id: The id of its customer.
        events: Its events, as JSON.
    """

    id: int
    customer_id: str | bytes = field(repr=False)
    events: str | bytes = field(repr=False)

    @property
    def size(self) -> int:
        """The size in bytes."""
        return sum(
            len(value) if isinstance(value, bytes) else len(value.encode(errors="surrogateescape"))
            for value in (self.customer_id, self.events)
        )


def database_time(dialect: str) -> ColumnElement[float]:
    """Return the expression for the time of the database, in seconds."""
    if dialect == "sqlite":
        return literal_column("((julianday('now') - 2440587.5) * 86400.0)", Float)
    return func.extract("epoch", func.clock_timestamp()).cast(Float)


def partitions_with_rows(connection: Connection) -> set[int]:
    """Return the partitions that have waiting rows, or rows in flight."""
    found = connection.execute(_PARTITIONS_QUERIES[connection.dialect.name]).one()
    return {partition for partition, first in enumerate(found) if first is not None}


def read_partition(connection: Connection, partition: int, count: int, max_bytes: int) -> list[WaitingRow]:
    """Return the first waiting rows of a partition.

    Args:
        connection: The connection.
        partition: The number of the partition.
        count: The maximum number of rows.
        max_bytes: The sum of their sizes at which no further row is read. The last one may exceed it.
    """
    found = connection.execute(
        _PAGE_QUERIES[connection.dialect.name],
        {"partition": partition, "count": count, "max_bytes": max_bytes},
    )
    return [WaitingRow(row.id, row.customer_id, row.events) for row in found]


def join_ids(ids: Sequence[int]) -> str:
    """Return ids as they are stored in a chunk."""
    return ",".join(map(str, ids))


def split_ids(ids: str) -> list[int]:
    """Return the ids that are stored in a chunk."""
    return [int(word) for word in ids.split(",")]


def ids_in_flight(connection: Connection) -> list[int]:
    """Return the ids of all rows in flight."""
    return [
        number
        for ids in connection.execute(select(CHUNKS.c.event_ids)).scalars()
        for number in split_ids(ids)
    ]


def remove(connection: Connection, ids: Sequence[int]) -> None:
    """Delete rows."""
    connection.execute(delete_from(EVENTS).where(has_id(connection, ids)))


def mark(connection: Connection, ids: Sequence[int], outcome: Outcome, reason: str) -> int:
    """Write the outcome of waiting rows, and return how many events there were."""
    # Not IS NULL, or PostgreSQL might look for the ids in the index of all waiting rows.
    waiting = func.coalesce(EVENTS.c.outcome, "") == ""
    counts = connection.execute(
        update(EVENTS)
        .where(has_id(connection, ids), waiting)
        .values(outcome=outcome.value, reason=reason)
        .returning(EVENTS.c.event_count)
    ).scalars()
    return sum(counts)


def count_accepted(connection: Connection, count: int) -> None:
    """Add to the number of accepted events."""
    connection.execute(update(LEASE).values(accepted=LEASE.c.accepted + count))


def has_id(connection: Connection, ids: Sequence[int]) -> ColumnElement[bool]:
    """Return the condition that a row has one of some ids."""
    # One parameter for all ids: each of a thousand would be parsed, and SQLite limits their number.
    if connection.dialect.name == "sqlite":
        listed = func.json_each(literal(f"[{join_ids(ids)}]", String)).table_valued("value")
        return EVENTS.c.id.in_(select(listed.c.value))
    array = literal(list(ids), ARRAY(BigInteger))
    return EVENTS.c.id == func.any(array)
