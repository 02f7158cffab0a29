"""The statements on the rows of an outbox. Each runs in a transaction that the caller has begun."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import field, frozen
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    String,
    func,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy import delete as delete_from
from sqlalchemy.dialects.postgresql import ARRAY

from gameball.errors import OutboxError
from gameball.outbox.schema import CHUNKS, EVENTS, LEASE, PARTITIONS
from gameball.receipts import Outcome

_WAITING: Final = EVENTS.c.outcome.is_(None)
# One probe of the index for each partition, whatever the number of rows.
_PARTITIONS_WITH_ROWS: Final = text(
    "SELECT partition FROM ("  # noqa: S608 - constant numbers
    + " UNION ALL ".join(f"SELECT {partition} AS partition" for partition in range(PARTITIONS))
    + ") AS partitions WHERE EXISTS (SELECT 1 FROM gameball_outbox AS waiting "
    "WHERE waiting.partition = partitions.partition AND waiting.outcome IS NULL)"
)


@frozen
class FailedRow:
    """An event that was rejected, or may or may not have been accepted.

    Attributes:
        id: The id of its row.
        customer_id: The id of its customer.
        events: Its name and metadata, as JSON.
        created_at: When it was added, by the database's clock.
        outcome: REJECTED or UNKNOWN.
        reason: Why, without what may quote an event.
    """

    id: int
    customer_id: str
    events: str = field(repr=False)
    created_at: datetime
    outcome: Outcome
    reason: str


@frozen
class OutboxStatus:
    """The numbers of events in an outbox.

    Attributes:
        accepted: Those that were accepted since the outbox was created, or settled as accepted.
        rejected: Those that Gameball rejected.
        unknown: Those that may or may not have been accepted.
        in_flight: Those in a request that has no outcome yet.
        waiting: Those that are not sent yet, without those in flight.
        oldest: When the oldest one that is not sent yet was added, or None.
        holder: The host and process that delivers, or None.
    """

    accepted: int
    rejected: int
    unknown: int
    in_flight: int
    waiting: int
    oldest: datetime | None
    holder: str | None


def database_time(dialect: str) -> ColumnElement[float]:
    """Return the expression for the time of the database, in seconds."""
    if dialect == "sqlite":
        return literal_column("((julianday('now') - 2440587.5) * 86400.0)", Float)
    return func.extract("epoch", func.clock_timestamp()).cast(Float)


def partitions_with_rows(connection: Connection) -> list[int]:
    """Return the partitions that have waiting rows, or rows in flight."""
    return [row.partition for row in connection.execute(_PARTITIONS_WITH_ROWS)]


def read_partition(connection: Connection, partition: int, count: int) -> list[tuple[int, str, str]]:
    """Return the first waiting rows of a partition: id, customer and events."""
    query = (
        select(EVENTS.c.id, EVENTS.c.customer_id, EVENTS.c.events)
        .where(EVENTS.c.partition == partition, _WAITING)
        .order_by(EVENTS.c.id)
        .limit(count)
    )
    return [(row.id, row.customer_id, row.events) for row in connection.execute(query)]


def join_ids(ids: Sequence[int]) -> str:
    """Return ids as they are stored in a chunk."""
    return ",".join(map(str, ids))


def split_ids(ids: str) -> list[int]:
    """Return the ids that are stored in a chunk."""
    return [int(word) for word in ids.split(",")]


def remove(connection: Connection, ids: Sequence[int]) -> None:
    """Delete rows."""
    connection.execute(delete_from(EVENTS).where(_has_id(connection, ids)))


def mark(connection: Connection, ids: Sequence[int], outcome: Outcome, reason: str) -> int:
    """Write the outcome of waiting rows, and return how many there were."""
    return connection.execute(
        update(EVENTS).where(_has_id(connection, ids), _WAITING).values(outcome=outcome.value, reason=reason)
    ).rowcount


def count_accepted(connection: Connection, count: int) -> None:
    """Add to the number of accepted events."""
    connection.execute(update(LEASE).values(accepted=LEASE.c.accepted + count))


def failed_rows(connection: Connection, outcome: Outcome, after: int, count: int) -> list[FailedRow]:
    """Return rows with an outcome, by their id.

    Args:
        connection: The connection.
        outcome: REJECTED or UNKNOWN.
        after: Return only rows with a greater id.
        count: The maximum number of rows.
    """
    columns = (EVENTS.c.id, EVENTS.c.customer_id, EVENTS.c.events, EVENTS.c.created_at, EVENTS.c.reason)
    query = (
        select(*columns)
        .where(EVENTS.c.outcome == outcome.value, EVENTS.c.id > after)
        .order_by(EVENTS.c.id)
        .limit(count)
    )
    return [
        FailedRow(row.id, row.customer_id, row.events, row.created_at, outcome, row.reason or "")
        for row in connection.execute(query)
    ]


def resolve(connection: Connection, ids: Sequence[int] | None, found: Outcome, outcome: Outcome) -> int:
    """Settle rows, and return how many.

    Args:
        connection: The connection.
        ids: The ids of the rows, or None for all that have the outcome.
        found: The outcome that they have: REJECTED or UNKNOWN.
        outcome: ACCEPTED, which removes and counts them, or UNSENT, which puts them back in line.

    Raises:
        OutboxError: Not all of them have that outcome. Nothing was changed, if the caller rolls back.
    """
    which = EVENTS.c.outcome == found.value
    if ids is not None:
        which = which & _has_id(connection, ids)
    if outcome is Outcome.ACCEPTED:
        settled = connection.execute(delete_from(EVENTS).where(which)).rowcount
        count_accepted(connection, settled)
    else:
        settled = connection.execute(update(EVENTS).where(which).values(outcome=None, reason=None)).rowcount
    if ids is not None and settled != len(set(ids)):
        raise OutboxError(
            f"only {settled:,} of {len(set(ids)):,} events are {found}; nothing was changed. "
            "`gameball outbox show` lists them"
        )
    return settled


def read_status(connection: Connection) -> OutboxStatus:
    """Count the rows. It reads the whole table, so it is for people, not for a loop."""
    rows = connection.execute(
        select(EVENTS.c.outcome, func.count().label("events")).group_by(EVENTS.c.outcome)
    ).all()
    counts: dict[str | None, int] = {row.outcome: row.events for row in rows}
    oldest = connection.execute(select(func.min(EVENTS.c.created_at)).where(_WAITING)).scalar_one()
    in_flight = sum(len(split_ids(ids)) for ids in connection.execute(select(CHUNKS.c.event_ids)).scalars())
    held = LEASE.c.expires_at > database_time(connection.dialect.name)
    lease = connection.execute(select(LEASE.c.accepted, LEASE.c.holder, held.label("held"))).one()
    return OutboxStatus(
        accepted=lease.accepted,
        rejected=counts.get("rejected", 0),
        unknown=counts.get("unknown", 0),
        in_flight=in_flight,
        waiting=counts.get(None, 0) - in_flight,
        oldest=oldest,
        holder=lease.holder if lease.held else None,
    )


def _has_id(connection: Connection, ids: Sequence[int]) -> ColumnElement[bool]:
    # One parameter for all ids: each of a thousand would be parsed, and SQLite limits their number.
    if connection.dialect.name == "sqlite":
        listed = func.json_each(literal(f"[{join_ids(ids)}]", String)).table_valued("value")
        return EVENTS.c.id.in_(select(listed.c.value))
    array = literal(list(ids), ARRAY(BigInteger))
    return EVENTS.c.id == func.any(array)
