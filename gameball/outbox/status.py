"""The numbers of events in an outbox."""

from datetime import datetime

from attrs import frozen
from sqlalchemy import Connection, func, select

from gameball.errors import OutboxError
from gameball.outbox.schema import EVENTS, LEASE
from gameball.outbox.waiting_rows import database_time, has_id, ids_in_flight


@frozen
class OutboxStatus:
    """The numbers of events in an outbox, all at one moment.

    Events are counted, as in a ``DeliveryReport``: ``CustomerEvents`` with three events are one row and three
    events.

    Attributes:
        accepted: Those that were accepted since the outbox was created, or resolved as accepted.
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


def read_status(connection: Connection) -> OutboxStatus:
    """Count the events. It reads the whole table, so it must not be called in a loop.

    Raises:
        OutboxError: The outbox has no lease.
    """
    events = func.coalesce(func.sum(EVENTS.c.event_count), 0)
    rows = connection.execute(select(EVENTS.c.outcome, events).group_by(EVENTS.c.outcome)).all()
    counts: dict[str | None, int] = {outcome: int(count) for outcome, count in rows}
    waiting = EVENTS.c.outcome.is_(None)
    oldest = connection.execute(select(func.min(EVENTS.c.created_at)).where(waiting)).scalar_one()
    in_flight = int(
        connection.execute(
            select(events).where(has_id(connection, ids_in_flight(connection)), waiting)
        ).scalar_one()
    )
    held = LEASE.c.expires_at > database_time(connection.dialect.name)
    lease = connection.execute(select(LEASE.c.accepted, LEASE.c.holder, held.label("held"))).first()
    if lease is None:
        raise OutboxError(
            "the outbox has no row in gameball_outbox_lease: call Outbox.create()", retryable=False
        )
    return OutboxStatus(
        accepted=lease.accepted,
        rejected=counts.get("rejected", 0),
        unknown=counts.get("unknown", 0),
        in_flight=in_flight,
        waiting=counts.get(None, 0) - in_flight,
        oldest=oldest,
        holder=lease.holder if lease.held else None,
    )
