"""Delivers an outbox: acquires its lease or stands by, and starts a thread for each partition with rows."""

import threading
import time
from functools import partial
from typing import Final

from attrs import Factory, define, field

from gameball.errors import OutboxError
from gameball.events_client import Events
from gameball.fork_safety import DaemonThread
from gameball.log import LOGGER
from gameball.outbox.database import Database
from gameball.outbox.lease import DEFAULT_TIMES, Lease, LeaseTimes, acquire
from gameball.outbox.outbox_report import OutboxReport
from gameball.outbox.page_sender import Counts, PageSender
from gameball.outbox.partition import FIRST_PAUSE, Partition
from gameball.outbox.schema import PARTITIONS
from gameball.outbox.waiting_rows import partitions_with_rows
from gameball.receipts import Outcome

#: The shortest and the longest pause between two looks at an outbox, in seconds.
_SHORTEST_POLL: Final = 0.1
_LONGEST_POLL: Final = 1.0
#: How long a row that is refused because its customer is busy (422, code 2001) is tried alone, in seconds.
MAX_BUSY: Final = 3_600.0


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
        first_pause: The first pause after events that were certainly not accepted, in seconds.
    """

    _database: Database
    _events: Events
    _stop: threading.Event
    _until_empty: bool
    _times: LeaseTimes = DEFAULT_TIMES
    _max_busy: float = MAX_BUSY
    _first_pause: float = FIRST_PAUSE
    _counts: Counts = field(init=False, factory=Counts)
    _partitions: list[Partition] = field(
        init=False,
        default=Factory(
            lambda self: [Partition(number, self._first_pause) for number in range(PARTITIONS)],
            takes_self=True,
        ),
    )
    # Notified when a partition has ended its work, and when the lease is lost.
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
                    lease.check_process()
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
            self._counts[Outcome.ACCEPTED],
            self._counts[Outcome.REJECTED],
            self._counts[Outcome.UNKNOWN],
        )

    def _hold(self, lease: Lease) -> bool:
        """Deliver for as long as the lease is held, and return whether everything was delivered."""
        LOGGER.info("delivering the outbox in %s", self._database.shown)
        sender = PageSender(self._database, self._events, lease, self._counts, self._stop, self._max_busy)

        def interrupt() -> None:
            sender.interrupt()
            with self._changed:
                self._changed.notify_all()

        lease.keep(interrupt)
        try:
            return self._advance(lease, sender)
        finally:
            sender.end()
            with self._changed:
                while any(partition.sending for partition in self._partitions):
                    self._changed.wait()
            lease.end()

    def _must_end(self, lease: Lease) -> bool:
        return self._stop.is_set() or lease.lost.is_set() or lease.is_in_child or self._problem is not None

    def _advance(self, lease: Lease, sender: PageSender) -> bool:
        poll = _SHORTEST_POLL
        while not self._must_end(lease):
            found = self._database.read_until_done(
                partitions_with_rows, lambda: self._stop.is_set() or lease.lost.is_set()
            )
            started = [
                partition
                for partition in self._partitions
                if partition.number in found and self._start(partition, lease, sender)
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
                        if not partition.sending and partition.not_before > now
                    ),
                    default=poll,
                )
                self._changed.wait(max(0.005, min(poll, due)))
        return False

    def _start(self, partition: Partition, lease: Lease, sender: PageSender) -> bool:
        if partition.sending or time.monotonic() < partition.not_before:
            return False
        partition.sending = True
        name = f"gameball-outbox-{partition.number}"
        try:
            DaemonThread(partial(self._work, partition, lease, sender), name).start()
        except RuntimeError:  # the system cannot start more threads now
            partition.sending = False
            partition.note_failure(time.monotonic())
            return False
        return True

    def _work(self, partition: Partition, lease: Lease, sender: PageSender) -> None:
        """Send pages of a partition for as long as more may be waiting. This is the target of a thread."""
        try:
            more = True
            while more and not self._must_end(lease):
                begun = time.monotonic()
                more = sender.send_page(partition)
                partition.note_end(begun, more=more)
        except BaseException as error:  # noqa: BLE001 - raised again by run
            if not (isinstance(error, OutboxError) and error.retryable):
                self._problem = self._problem or error
            partition.note_failure(time.monotonic())
        with self._changed:
            partition.sending = False
            self._changed.notify_all()
