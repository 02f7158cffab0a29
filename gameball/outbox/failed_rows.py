"""The rows that are kept because they were rejected or are unknown: reading and resolving them."""

from collections.abc import Sequence
from datetime import datetime

from attrs import field, frozen
from sqlalchemy import Connection, delete, select, tuple_, update

from gameball.errors import OutboxError
from gameball.outbox.schema import EVENTS
from gameball.outbox.waiting_rows import count_accepted, has_id
from gameball.receipts import Outcome


@frozen
class FailedRow:
    """A row written by one ``add``, which was rejected, or may or may not have been accepted.

    Attributes:
        id: The id of its row.
        customer_id: The id of its customer.
        events: Its name and metadata, as JSON; of several events, all names and metadata. Of a row that was
            written by hand, whatever it holds.
        created_at: When it was added, by the database's clock; None if the row has no valid time.
        outcome: REJECTED or UNKNOWN.
        reason: Why, without what may quote an event.
    """

    id: int
    customer_id: str
    events: str = field(repr=False)
    created_at: datetime | None
    outcome: Outcome
    reason: str


def failed_rows(connection: Connection, outcome: Outcome, after: int, count: int) -> list[FailedRow]:
    """Return rows with an outcome, by their id.

    Args:
        connection: The connection.
        outcome: REJECTED or UNKNOWN.
        after: Return only rows with a greater id.
        count: The maximum number of rows.
    """
    columns = (EVENTS.c.id, EVENTS.c.customer_id, EVENTS.c.events, EVENTS.c.created_at, EVENTS.c.reason)
    key = tuple_(EVENTS.c.outcome, EVENTS.c.id)
    query = (
        select(*columns)
        # Not "outcome =": see waiting_rows.
        .where(key > tuple_(outcome.value, after), EVENTS.c.outcome <= outcome.value)
        .order_by(EVENTS.c.outcome, EVENTS.c.id)
        .limit(count)
    )
    return [
        FailedRow(
            row.id, _as_text(row.customer_id), _as_text(row.events), row.created_at, outcome, row.reason or ""
        )
        for row in connection.execute(query)
    ]


def _as_text(value: str | bytes) -> str:
    data = value.encode(errors="surrogateescape") if isinstance(value, str) else value
    return data.decode(errors="backslashreplace")


def resolve(connection: Connection, ids: Sequence[int] | None, found: Outcome, outcome: Outcome) -> int:
    """Settle rows, and return the number of their events.

    Args:
        connection: The connection.
        ids: The ids of the rows, or None for all that have the outcome.
        found: The outcome that they have: REJECTED or UNKNOWN.
        outcome: ACCEPTED, which removes and counts them, or UNSENT, which makes them wait again.

    Raises:
        OutboxError: Not all of them have that outcome. Nothing was changed, if the caller rolls back.
    """
    which = EVENTS.c.outcome == found.value
    if ids is not None:
        which = which & has_id(connection, ids)
    statement = (
        delete(EVENTS).where(which).returning(EVENTS.c.event_count)
        if outcome is Outcome.ACCEPTED
        else update(EVENTS).where(which).values(outcome=None, reason=None).returning(EVENTS.c.event_count)
    )
    counts = connection.execute(statement).scalars().all()
    if ids is not None and len(counts) != len(set(ids)):
        raise OutboxError(
            f"only {len(counts):,} of {len(set(ids)):,} ids are {found}; nothing was changed. "
            "`gameball outbox show` lists them"
        )
    events: int = sum(counts)
    if outcome is Outcome.ACCEPTED:
        count_accepted(connection, events)
    return events
