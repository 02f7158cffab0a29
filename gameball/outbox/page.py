"""A page: the rows that are sent together, and those among them that cannot be sent. No I/O."""

from collections.abc import Iterable
from typing import Final

import orjson
from attrs import field, frozen

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.encoded_events import EncodedEvents
from gameball.chunking.limits import DEFAULT_MAX_BYTES
from gameball.errors import InvalidEventError
from gameball.outbox.waiting_rows import WaitingRow

#: From this size on, a row may be too large for a request: JSON can have six times the size of a customer id.
_LARGE: Final = DEFAULT_MAX_BYTES // 8


class UnsendableRowError(Exception):
    """A row cannot be sent, because it was not written by ``Outbox.add``, or was damaged since."""


@frozen
class Page:
    """The rows that are sent together.

    Attributes:
        ids: The ids of those that can be sent.
        events: Their events, in the same order.
        unsendable: The reason for each of the others, by its id.
    """

    ids: list[int] = field(factory=list)
    events: list[EncodedEvents] = field(factory=list)
    unsendable: dict[int, str] = field(factory=dict)


def make_page(rows: Iterable[WaitingRow]) -> Page:
    """Divide rows into those that can be sent and others."""
    page = Page()
    for row in rows:
        try:
            events = decode_row(row)
        except UnsendableRowError as error:
            page.unsendable[row.id] = f"certainly not accepted, because it cannot be sent: {error}"
        else:
            page.ids.append(row.id)
            page.events.append(events)
    return page


def decode_row(row: WaitingRow) -> EncodedEvents:
    """Return the events of a row.

    A request with one malformed event might be rejected as a whole, so nothing else may pass.

    Raises:
        UnsendableRowError: It has none that can be sent. The message does not quote the row.
    """
    try:
        customer_id = row.customer_id if isinstance(row.customer_id, str) else row.customer_id.decode()
        stored = row.events.encode() if isinstance(row.events, str) else row.events
        # Decoded only to get the names: decoding a number and encoding it again could change it.
        decoded = orjson.loads(stored)
        customer_id.encode()
    except UnicodeError:
        raise UnsendableRowError("it is not UTF-8") from None
    except orjson.JSONDecodeError:
        raise UnsendableRowError("its events are not JSON") from None
    if not isinstance(decoded, dict) or not decoded:
        raise UnsendableRowError("its events are not a JSON object of at least one event")
    if not all(name.strip() and isinstance(metadata, dict) for name, metadata in decoded.items()):
        raise UnsendableRowError("an event has no name, or its metadata is not an object")
    if not customer_id.strip():
        raise UnsendableRowError("its customer id is empty")
    events = EncodedEvents(customer_id, frozenset(decoded), stored.strip()[1:-1].strip())
    if len(stored) + len(customer_id) > _LARGE:
        try:
            ChunkBuilder(max_objects=1, max_bytes=DEFAULT_MAX_BYTES, coalesce=False).push(events)  # type: ignore[arg-type] # accepted, for the outbox alone
        except InvalidEventError:
            raise UnsendableRowError("it is too large") from None
    return events
