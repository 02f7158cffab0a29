"""The events of a tracker that have no outcome yet, and the counters. It sends nothing."""

import math
import threading
import time
from collections.abc import Callable
from typing import Final

from attrs import define, field

from gameball.chunking.chunk import Chunk
from gameball.chunking.split import split_before
from gameball.delivery.pending_chunk import PendingChunk
from gameball.log import LOGGER
from gameball.receipts import Outcome, Receipt
from gameball.tracking.open_chunks import OpenChunks
from gameball.tracking.options import TrackerOptions
from gameball.tracking.refusals import Refusals
from gameball.tracking.stats import TrackerStats
from gameball.tracking.waiting_events import WaitingEvents

# The least time that a worker gets to finish packing at the end, in seconds. It needs a millisecond if it can
# run. What it was packing could not be passed to ``on_failure``.
_PACKING_TIME: Final = 0.25
# The memory that an event takes besides its JSON and its customer id, in bytes: 226 with CPython 3.11.
_OVERHEAD: Final = 250


@define(eq=False)
class EventQueue:
    """The events of one process. All methods are thread-safe.

    The lock is reentrant, because a signal handler, or a ``__del__`` that the garbage collector runs, may
    track an event while the same thread is in ``put``.

    Args:
        options: The options of the tracker.
    """

    options: TrackerOptions
    # The locks are created in __attrs_post_init__: a factory would be looked up at import, before gevent
    # replaces it.
    _lock: threading.RLock = field(init=False)
    # Notified when a worker may have something to do, and when events have got their outcome.
    _changed: threading.Condition = field(init=False)
    _concluded: threading.Condition = field(init=False)
    # Held by the one worker that waits for events and packs them; the other idle workers wait for it.
    _packing: threading.Lock = field(init=False)
    _waiting: WaitingEvents = field(init=False)
    _open: OpenChunks = field(init=False, factory=OpenChunks)
    # The chunks, or parts of them, that are to be sent again.
    _returned: list[PendingChunk] = field(init=False, factory=list)
    _in_flight: int = field(init=False, default=0)
    _outcomes: dict[Outcome, int] = field(init=False, factory=lambda: dict.fromkeys(Outcome, 0))
    _refusals: Refusals = field(init=False, factory=Refusals)
    # The number and the memory of the events that have an outcome.
    _ended: int = field(init=False, default=0)
    _ended_bytes: int = field(init=False, default=0)
    # The packing worker must be woken when this number of events was put in, since the beginning.
    _wake_at: float = field(init=False, default=math.inf)
    _flush_to: int = field(init=False, default=0)
    _paused_until: float = field(init=False, default=-math.inf)
    # No event is accepted any more; no pause is kept any more; nothing is given out any more.
    _closed: bool = field(init=False, default=False)
    _stopped: bool = field(init=False, default=False)
    _drained: bool = field(init=False, default=False)
    _idle: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._lock = threading.RLock()
        self._packing = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._concluded = threading.Condition(self._lock)
        self._waiting = WaitingEvents(self.options)

    def put(self, customer_id: str, name: str, events: bytes, *, may_wait: bool = True) -> bool:
        """Add an event, and return whether there was room for it.

        Args:
            customer_id: The id of its customer.
            name: Its name.
            events: Its JSON, as ``EventEncoder.encode`` returns it.
            may_wait: Whether to wait for room, if the options say so.
        """
        size = len(customer_id) + len(events) + _OVERHEAD
        waiting = self._waiting
        with self._lock:
            if not self._has_room(size) and not (may_wait and self._wait_for_room(size)):
                refused = self._refusals.note()
            else:
                put = waiting.add((customer_id, name, events, size, time.monotonic()))
                if put >= self._wake_at or (
                    waiting.put_bytes - waiting.packed_bytes >= self.options.max_bytes
                ):
                    self._wake_at = math.inf
                    self._changed.notify()
                return True
        if refused:
            LOGGER.warning(
                "the tracker is %s; events dropped: %d", "closed" if self._closed else "full", refused
            )
        return False

    def _has_room(self, size: int) -> bool:
        options, waiting = self.options, self._waiting
        return (
            not self._closed
            and waiting.put - self._ended < options.capacity
            and waiting.put_bytes - self._ended_bytes + size <= options.max_queued_bytes
        )

    def _wait_for_room(self, size: int) -> bool:
        """Wait until there is room for an event, and return False if there never will be."""
        options = self.options
        if options.when_full != "wait" or size > options.max_queued_bytes:
            return False
        while not self._closed and not self._has_room(size):
            self._concluded.wait()
        return not self._closed

    def next_chunk(self, when_taken: Callable[[PendingChunk], object]) -> tuple[PendingChunk, bool] | None:
        """Wait for a full chunk, or for what is there after ``linger``.

        Args:
            when_taken: Called with the chunk while no other thread can see the queue without it.

        Returns:
            The next chunk, and whether no other worker is waiting for the one after it; or None if the queue
            is closed and empty.
        """
        with self._lock:
            self._idle += 1
        try:
            with self._packing:
                pending = self._wait_and_take(when_taken)
        finally:
            with self._lock:
                self._idle -= 1
                alone = self._idle == 0
        return None if pending is None else (pending, alone)

    def _wait_and_take(self, when_taken: Callable[[PendingChunk], object]) -> PendingChunk | None:
        while True:
            with self._lock:
                if not self._wait_until_ready():
                    return None
                if self._returned:
                    self._returned.sort(key=lambda pending: pending.chunk.first)
                    return self._take(self._returned.pop(0), when_taken)
                self._waiting.take()
            # Without the lock, so that ``put`` never waits for it.
            packed = self._waiting.pack()
            with self._lock:
                # Otherwise the events were dropped meanwhile.
                if packed is not None and not self._drained:
                    self._waiting.note_packed(packed)
                    return self._take(PendingChunk(self._open.add(packed), packed.chunk), when_taken)

    def _take(self, pending: PendingChunk, when_taken: Callable[[PendingChunk], object]) -> PendingChunk:
        self._in_flight += pending.chunk.events
        when_taken(pending)
        return pending

    def _wait_until_ready(self) -> bool:
        while True:
            if self._drained or (self._closed and not self._waiting and not self._returned):
                return False
            seconds = self._seconds_until_ready(time.monotonic())
            if seconds <= 0:
                return True
            self._wake_at = self._waiting.packed + (self.options.max_objects if self._waiting else 1)
            self._changed.wait(None if math.isinf(seconds) else seconds)
            self._wake_at = math.inf

    def _seconds_until_ready(self, now: float) -> float:
        if self._stopped and (self._waiting or self._returned):
            return 0.0
        if now < self._paused_until:
            return self._paused_until - now
        if self._returned:
            return 0.0
        if not self._waiting:
            return math.inf
        if self._waiting.is_full or self._closed or self._waiting.packed < self._flush_to:
            return 0.0
        return self._waiting.since + self.options.linger - now

    def expires(self, index: int, chunk: Chunk) -> float:
        """Return when the first events of a chunk, or of a part of it, expire (by ``time.monotonic``)."""
        return self._open.expires(index, chunk)

    def divide_by_age(self, index: int, chunk: Chunk) -> tuple[Chunk | None, Chunk | None]:
        """Divide a chunk, or a part of one, into the events that have expired and the others."""
        return split_before(chunk, self._open.first_living(index, chunk, time.monotonic()))

    def conclude(self, receipt: Receipt) -> None:
        """Count the outcome of a chunk, or of a part of it."""
        with self._lock:
            self._in_flight -= receipt.events
            self._conclude(receipt)

    def _conclude(self, receipt: Receipt) -> None:
        self._outcomes[receipt.outcome] += receipt.events
        self._ended += receipt.events
        self._ended_bytes += self._open.conclude(receipt.index, receipt.events)
        self._concluded.notify_all()

    def note_reported(self, receipt: Receipt) -> None:
        """Record that the outcome of a chunk, or of a part of it, was reported to the user."""
        with self._lock:
            self._open.note_reported(receipt.index, receipt.events)
            self._concluded.notify_all()

    def give_back(self, pending: PendingChunk, pause: float) -> bool:
        """Queue a chunk again, and give out nothing for some seconds.

        Returns:
            Whether this began a pause: False if there already was one.
        """
        with self._lock:
            now = time.monotonic()
            begins = self._paused_until < now
            self._paused_until = max(self._paused_until, now + pause)
            self._returned.append(pending)
            self._in_flight -= pending.chunk.events
            # Another worker may be waiting for events, without a limit.
            self._changed.notify_all()
            return begins

    def stats(self) -> TrackerStats:
        """Return all counters at one moment."""
        with self._lock:
            # Each is read once: a signal handler may track an event between any two steps.
            put, refused = self._waiting.put, self._refusals.count
            return TrackerStats(
                tracked=put + refused,
                queued=put - self._ended - self._in_flight,
                in_flight=self._in_flight,
                accepted=self._outcomes[Outcome.ACCEPTED],
                rejected=self._outcomes[Outcome.REJECTED],
                unknown=self._outcomes[Outcome.UNKNOWN],
                dropped=self._outcomes[Outcome.UNSENT] + refused,
            )

    def flush(self, timeout: float) -> bool:
        """Send what is there without waiting for more, and wait until it has its outcome.

        Args:
            timeout: How long to wait, in seconds.

        Returns:
            Whether everything that was put in before has its outcome.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            target = self._waiting.put
            self._flush_to = max(self._flush_to, target)
            self._changed.notify()
            while not (self._waiting.packed >= target and self._open.all_reported_before(target)):
                if (left := deadline - time.monotonic()) <= 0:
                    return False
                self._concluded.wait(left)
            return True

    def is_held_here(self) -> bool:
        """Return whether a signal handler, or a ``__del__``, has interrupted a method in this thread."""
        # The lock is reentrant, so trying to acquire it would tell nothing.
        return bool(self._changed._is_owned())  # type: ignore[attr-defined]  # noqa: SLF001

    def close(self) -> None:
        """Accept no more events."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()
            self._concluded.notify_all()

    def stop(self) -> None:
        """Give out what is left without any pause, so that it gets its outcome."""
        with self._lock:
            self._stopped = True
            self._changed.notify_all()

    def drain(self, until: float) -> list[PendingChunk]:
        """Give out nothing more, and return all that no worker has. The caller must conclude it.

        Args:
            until: The latest time to wait for a worker that is packing, as a time of ``time.monotonic``.
                It gets a quarter of a second in any case.
        """
        rest: list[PendingChunk] = []
        packing = self._packing.acquire(timeout=max(_PACKING_TIME, until - time.monotonic()))
        try:
            with self._lock:
                # Not if an earlier call has counted all events as dropped.
                if packing and not self._drained:
                    self._waiting.take()
                    while (packed := self._waiting.pack()) is not None:
                        self._waiting.note_packed(packed)
                        self._take(PendingChunk(self._open.add(packed), packed.chunk), rest.append)
                while self._returned:
                    self._take(self._returned.pop(0), rest.append)
                self._drained = True
                # What a worker was packing, if it has not finished.
                dropped = self._waiting.drop()
                self._outcomes[Outcome.UNSENT] += dropped
                self._ended += dropped
                self._changed.notify_all()
                self._concluded.notify_all()
        finally:
            if packing:
                self._packing.release()
        return rest
