"""Delivers the waiting rows of an outbox: one page of each partition at a time, with the engine of a send.

A page is read from the lowest id that waits, and the next page of the partition is read only when every event
of this one has its outcome. So the events of a customer, who is in one partition, never overtake each other.
No position is remembered: a row that becomes visible late is found by the next page.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, cast

import orjson
from attrs import define, field, frozen
from sqlalchemy import Connection

from gameball.chunking.encoded_events import EncodedEvents
from gameball.chunking.limits import DEFAULT_MAX_BYTES, MAX_OBJECTS
from gameball.delivery.options import SendOptions
from gameball.delivery.sender import Sender
from gameball.errors import GameballError, OutboxError, describe
from gameball.log import LOGGER
from gameball.outbox.database import Database
from gameball.outbox.lease import DEFAULT_TIMES, Lease, LeaseTimes, acquire
from gameball.outbox.page_record import PageRecord
from gameball.outbox.rows import mark, partitions_with_rows, read_partition
from gameball.outbox.schema import PARTITIONS
from gameball.receipts import Outcome
from gameball.sending import Events

if TYPE_CHECKING:
    from gameball.events import EventLike

#: The number of rows in a page: those of one full request.
PAGE: Final = MAX_OBJECTS
#: The shortest and the longest pause between two looks at an outbox, in seconds.
_SHORTEST_POLL: Final = 0.1
_LONGEST_POLL: Final = 1.0
#: The shortest time between two requests of a partition that is not full, in seconds: eight partitions then
#: need less than the twelve requests a second that an account has.
_PACE: Final = 0.7
#: The shortest and the longest pause of a partition after events that were certainly not accepted, in
#: seconds.
_FIRST_BACK_OFF: Final = 1.0
_LONGEST_BACK_OFF: Final = 60.0
#: How long a row is tried alone that is refused because its customer is busy (422, code 2001), in seconds.
MAX_BUSY: Final = 3_600.0


@frozen
class OutboxReport:
    """What a deliverer did: numbers of events, by their outcome.

    Attributes:
        accepted: Events that Gameball accepted.
        rejected: Events that Gameball rejected. They are kept, with the reason.
        unknown: Events that may or may not have been accepted. They are kept, with the reason.
    """

    accepted: int
    rejected: int
    unknown: int


@define
class _Partition:
    """A partition: what it may do next."""

    number: int
    busy: bool = False
    not_before: float = 0.0
    failures: int = 0
    page: int = PAGE
    # The row that was refused alone because its customer is busy, and since when.
    busy_id: int = 0
    busy_since: float = 0.0


@define(eq=False)
class Deliverer:
    """Delivers an outbox until it is asked to stop.

    Args:
        database: The database of the outbox.
        events: What to send with.
        stop: Set to end the delivery.
        until_empty: Whether to end when nothing is waiting.
        times: The times of the lease.
        max_busy: How long a row may hold up its partition because its customer is busy, in seconds.
    """

    _database: Database
    _events: Events
    _stop: threading.Event
    _until_empty: bool
    _times: LeaseTimes = DEFAULT_TIMES
    _max_busy: float = MAX_BUSY
    _concluded: dict[Outcome, int] = field(init=False, factory=lambda: dict.fromkeys(Outcome, 0))
    _partitions: list[_Partition] = field(
        init=False, factory=lambda: [_Partition(number) for number in range(PARTITIONS)]
    )
    _senders: set[Sender] = field(init=False, factory=set)
    _changed: threading.Condition = field(init=False, factory=threading.Condition)
    _problem: BaseException | None = field(init=False, default=None)

    def run(self) -> OutboxReport:
        """Deliver, and stand by while another process does.

        Raises:
            GameballError: The keys are wrong or lack a permission, or the database refused a statement.
        """
        warned = waiting = False
        while not self._stop.is_set() and self._problem is None:
            try:
                lease = acquire(self._database, self._times)
                if lease is not None:
                    waiting = False
                    if self._hold(lease):
                        break
                elif not waiting:
                    LOGGER.info("another process delivers the outbox; standing by")
                    waiting = True
                warned = False
            except OutboxError as error:
                if not error.retryable:
                    raise
                if not warned:
                    LOGGER.warning("the outbox cannot be delivered, trying again: %s", error)
                    warned = True
            self._stop.wait(self._times.standby)
        if self._problem is not None:
            raise self._problem
        return OutboxReport(
            self._concluded[Outcome.ACCEPTED],
            self._concluded[Outcome.REJECTED],
            self._concluded[Outcome.UNKNOWN],
        )

    def _hold(self, lease: Lease) -> bool:
        """Deliver for as long as the lease is held, and return whether everything was delivered."""
        LOGGER.info("delivering the outbox in %s", self._database.shown)
        lease.keep(self._interrupt)
        ending = threading.Event()
        try:
            return self._advance(lease, ending)
        finally:
            ending.set()
            self._interrupt()
            with self._changed:
                while any(partition.busy for partition in self._partitions):
                    self._changed.wait()
            lease.end()

    def _advance(self, lease: Lease, ending: threading.Event) -> bool:
        poll = _SHORTEST_POLL
        while not (self._stop.is_set() or lease.lost.is_set() or self._problem):
            found = self._database.persist(
                partitions_with_rows, lambda: self._stop.is_set() or lease.lost.is_set()
            )
            started = [
                partition
                for partition in self._partitions
                if partition.number in found and self._start(partition, lease, ending)
            ]
            if self._until_empty and not found:
                return True
            poll = _SHORTEST_POLL if started else min(1.2 * poll, _LONGEST_POLL)
            with self._changed:
                now = time.monotonic()
                due = min(
                    (
                        partition.not_before - now
                        for partition in self._partitions
                        if not partition.busy and partition.not_before > now
                    ),
                    default=poll,
                )
                self._changed.wait(max(0.005, min(poll, due)))
        return False

    def _start(self, partition: _Partition, lease: Lease, ending: threading.Event) -> bool:
        if partition.busy or time.monotonic() < partition.not_before:
            return False
        partition.busy = True
        name = f"gameball-outbox-{partition.number}"
        try:
            threading.Thread(
                target=self._work, args=(partition, lease, ending), name=name, daemon=True
            ).start()
        except RuntimeError:  # the system cannot start more threads now
            partition.busy = False
            partition.not_before = time.monotonic() + 1.0
            return False
        return True

    def _work(self, partition: _Partition, lease: Lease, ending: threading.Event) -> None:
        """Send pages of a partition for as long as they are full. This is the target of a thread."""
        try:
            full = True
            while full and not (self._stop.is_set() or lease.lost.is_set() or self._problem):
                begun = time.monotonic()
                full = self._send_page(partition, lease, ending)
                partition.not_before = max(partition.not_before, 0.0 if full else begun + _PACE)
        except BaseException as error:  # noqa: BLE001 - raised again by run
            if not (isinstance(error, OutboxError) and error.retryable):
                self._problem = self._problem or error
            partition.not_before = time.monotonic() + _FIRST_BACK_OFF
        with self._changed:
            partition.busy = False
            self._changed.notify_all()

    def _send_page(self, partition: _Partition, lease: Lease, ending: threading.Event) -> bool:
        rows = self._database.persist(
            lambda connection: read_partition(connection, partition.number, partition.page),
            lambda: ending.is_set() or lease.lost.is_set(),
        )
        if not rows:
            return False
        record = PageRecord(lease, [row[0] for row in rows], ending)
        error = self._deliver(_encoded(rows), record, lease)
        unsent = record.concluded[Outcome.UNSENT]
        with self._changed:
            for outcome, count in record.concluded.items():
                self._concluded[outcome] += count
        if record.refused is not None:
            self._problem = self._problem or record.refused
        if record.busy is not None:
            self._note_busy(partition, lease, [row[0] for row in rows], record.busy)
        elif not unsent and error is None:
            partition.page = min(2 * partition.page, PAGE)
        if unsent or error is not None:
            # Nothing of the partition is sent meanwhile: a later event of a customer must not overtake.
            pause = min(_FIRST_BACK_OFF * 2 ** min(partition.failures, 10), _LONGEST_BACK_OFF)
            partition.failures += 1
            partition.not_before = time.monotonic() + pause
            return False
        partition.failures = 0
        return len(rows) >= PAGE or partition.page < PAGE

    def _note_busy(
        self, partition: _Partition, lease: Lease, ids: Sequence[int], error: GameballError
    ) -> None:
        """Send fewer rows next time, to find the one that is refused; set that aside after ``max_busy``."""
        partition.page = max(1, len(ids) // 2)
        if len(ids) > 1:
            return
        now = time.monotonic()
        if partition.busy_id != ids[0]:
            partition.busy_id, partition.busy_since = ids[0], now
        if now - partition.busy_since < self._max_busy:
            return
        reason = f"refused for {now - partition.busy_since:.0f} s, certainly not accepted: {describe(error)}"

        def set_aside(connection: Connection) -> None:
            lease.fence(connection)
            mark(connection, ids, Outcome.REJECTED, reason)

        lease.persist(set_aside, lambda: self._stop.is_set() or lease.lost.is_set())
        LOGGER.warning("row %d of the outbox was set aside: %s", ids[0], reason)
        with self._changed:
            self._concluded[Outcome.REJECTED] += 1

    def _deliver(
        self, events: Iterable[EncodedEvents], record: PageRecord, lease: Lease
    ) -> GameballError | None:
        """Send a page, and return what ended it early, if anything."""
        options = SendOptions(
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
        sender = self._events._begin(cast("Iterable[EventLike]", events), options, record)  # noqa: SLF001 - internal
        with self._changed:
            self._senders.add(sender)
        if lease.lost.is_set() or self._stop.is_set():  # since the caller looked
            sender.interrupt(_stopped())
        try:
            for _ in sender.receipts():
                pass
        except GameballError as error:
            return error
        finally:
            self._events._end(sender)  # noqa: SLF001
            with self._changed:
                self._senders.discard(sender)
        return None

    def _interrupt(self) -> None:
        """Let requests in flight finish for a while, and start no more."""
        with self._changed:
            senders = list(self._senders)
            self._changed.notify_all()
        for sender in senders:
            sender.interrupt(_stopped())


def _stopped() -> GameballError:
    return GameballError("the delivery of the outbox was stopped before this was sent")


def _encoded(rows: Iterable[tuple[int, str, str]]) -> Iterator[EncodedEvents]:
    for _, customer_id, events in rows:
        # Decoded only to get the names: decoding a number and encoding it again could change it.
        yield EncodedEvents(customer_id, frozenset(orjson.loads(events)), events[1:-1].encode())
