"""Sends the pages of partitions with the engine of a send, for as long as a lease is held.

A page is read from the lowest id that waits, and the next page of the partition is read only when every event
of this one has its outcome. So the events of a customer, who is in one partition, never overtake each other.
No position is remembered: a row that becomes visible late is found by the next page.
"""

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from attrs import define, field
from sqlalchemy import Connection

from gameball.chunking.encoded_events import EncodedEvents
from gameball.chunking.limits import DEFAULT_MAX_BYTES, MAX_OBJECTS
from gameball.delivery.options import SendOptions
from gameball.delivery.sender import Sender
from gameball.errors import GameballError, describe
from gameball.events_client import Events
from gameball.log import LOGGER
from gameball.outbox.database import Database
from gameball.outbox.lease import Lease
from gameball.outbox.page import Page, make_page
from gameball.outbox.page_record import PageRecord
from gameball.outbox.partition import Partition
from gameball.outbox.waiting_rows import mark, read_partition
from gameball.receipts import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gameball.events import EventLike

#: The size of a page: about that of one full request. Of each partition one page is in memory at a time.
MAX_PAGE_BYTES: Final = DEFAULT_MAX_BYTES
_OPTIONS: Final = SendOptions(
    concurrency=1,
    max_objects=MAX_OBJECTS,
    max_bytes=DEFAULT_MAX_BYTES,
    coalesce=True,
    on_unknown="report",
    stop_on={Outcome.UNSENT},
    on_invalid=None,
    ledger=None,
    deadline=None,
)


class Counts:
    """The numbers of events by outcome, counted by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(Outcome, 0)

    def __getitem__(self, outcome: Outcome) -> int:
        return self._counts[outcome]

    def add(self, counts: dict[Outcome, int]) -> None:
        """Add to the numbers."""
        with self._lock:
            for outcome, count in counts.items():
                self._counts[outcome] += count


@define(eq=False)
class PageSender:
    """Sends pages while a lease is held. Several threads use it, each for another partition.

    Args:
        database: The database of the outbox.
        events: What to send with.
        lease: The lease.
        counts: Where events are counted.
        stop: Set when the deliverer was asked to end.
        max_busy: How long a row may hold up its partition because its customer is busy, in seconds.
    """

    _database: Database
    _events: Events
    _lease: Lease
    _counts: Counts
    _stop: threading.Event
    _max_busy: float
    _ending: threading.Event = field(init=False, factory=threading.Event)
    _senders: set[Sender] = field(init=False, factory=set)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)

    def end(self) -> None:
        """Let requests in flight finish for a while, start no more, and do not wait for the database."""
        self._ending.set()
        self.interrupt()

    def interrupt(self) -> None:
        """Let requests in flight finish for a while, and start no more."""
        with self._lock:
            senders = list(self._senders)
        for sender in senders:
            sender.interrupt(_stopped())

    def send_page(self, partition: Partition) -> bool:
        """Send the next page of a partition.

        Returns:
            Whether more rows are probably waiting, and may be sent immediately.

        Raises:
            GameballError: The keys are wrong or lack a permission, or the outbox cannot be used.
        """
        count = partition.page_rows
        rows = self._database.read_until_done(
            lambda connection: read_partition(connection, partition.number, count, MAX_PAGE_BYTES),
            lambda: self._ending.is_set() or self._lease.lost.is_set(),
        )
        if not rows:
            return False
        more = len(rows) >= count or sum(row.size for row in rows) >= MAX_PAGE_BYTES
        page = make_page(rows)
        del rows
        if page.unsendable:
            self._set_aside_unsendable(page)
        return self._send(partition, page) and more if page.ids else more

    def _send(self, partition: Partition, page: Page) -> bool:
        """Send a page, and return whether every row has an outcome now."""
        record = PageRecord(self._lease, page.ids, self._ending)
        error = self._deliver(page.events, record)
        self._counts.add(record.concluded)
        if record.refused is not None:
            raise record.refused
        now = time.monotonic()
        if record.customer_busy is not None:
            refused_for = partition.note_customer_busy(page.ids, now)
            if len(page.ids) == 1 and refused_for >= self._max_busy:
                self._set_aside_busy(page.ids, refused_for, record.customer_busy)
        if record.concluded[Outcome.UNSENT] or error is not None:
            partition.note_unsent(now)
            return False
        partition.note_success()
        return True

    def _deliver(self, events: Sequence[EncodedEvents], record: PageRecord) -> GameballError | None:
        """Send events, and return what ended it early, if anything."""
        sender = self._events._begin(cast("Iterable[EventLike]", events), _OPTIONS, record)  # noqa: SLF001 - internal
        with self._lock:
            self._senders.add(sender)
        if self._lease.lost.is_set() or self._stop.is_set():  # since the caller looked
            sender.interrupt(_stopped())
        try:
            for _ in sender.receipts():
                pass
        except GameballError as error:
            return error
        finally:
            self._events._end(sender)  # noqa: SLF001
            with self._lock:
                self._senders.discard(sender)
        return None

    def _set_aside_busy(self, ids: Sequence[int], refused_for: float, error: GameballError) -> None:
        reason = f"refused for {refused_for:.0f} s, certainly not accepted: {describe(error)}"
        self._set_aside(dict.fromkeys(ids, reason))
        LOGGER.warning("row %d of the outbox is kept as rejected: %s", ids[0], reason)

    def _set_aside_unsendable(self, page: Page) -> None:
        self._set_aside(page.unsendable)
        number, reason = next(iter(page.unsendable.items()))
        LOGGER.warning(
            "rows of the outbox that are kept as rejected: %d; the first is row %d: %s",
            len(page.unsendable),
            number,
            reason,
        )

    def _set_aside(self, reasons: dict[int, str]) -> None:
        """Keep rows as rejected."""

        def write(connection: Connection) -> int:
            return sum(
                mark(connection, [number], Outcome.REJECTED, reason) for number, reason in reasons.items()
            )

        count = self._lease.write(write, lambda: self._stop.is_set() or self._lease.lost.is_set())
        self._counts.add({Outcome.REJECTED: count})


def _stopped() -> GameballError:
    return GameballError("the delivery of the outbox was stopped before this was sent")
