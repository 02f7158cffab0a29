"""The events of a tracker that have no outcome yet, and the counters. It sends nothing."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from attrs import define, field

from gameball.chunking.builder import ChunkBuilder
from gameball.delivery.pending_chunk import PendingChunk
from gameball.log import LOGGER
from gameball.receipts import Outcome, Receipt
from gameball.tracking.options import TrackerOptions
from gameball.tracking.stats import TrackerStats

# The memory that an event takes besides its JSON and its customer id, in bytes: 226 with CPython 3.11.
_OVERHEAD: Final = 250
#: At most one warning about a full queue in this time, in seconds.
WARNING_PERIOD: Final = 60.0


@define
class _OpenChunk:
    """A chunk that was packed, and some events of which have no outcome yet.

    Attributes:
        first: The number of its first event, counted from 0.
        held_bytes: The memory that its events take.
        expires: When its events are given up, as a time of ``time.monotonic``.
        concluded: The number of its events that have an outcome.
        reported: The number of its events whose outcome was reported too.
        events: The number of its events.
    """

    first: int
    events: int
    held_bytes: int
    expires: float
    concluded: int = 0
    reported: int = 0


@define(eq=False)
class EventQueue:
    """The events of one process. All methods are thread-safe.

    The lock is reentrant, because the garbage collector may run a ``__del__`` that tracks an event while the
    same thread is in ``put``.

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
    _builder: ChunkBuilder = field(init=False)
    # The customer, name, JSON, size and time of each event.
    _entries: deque[tuple[str, str, bytes, int, float]] = field(init=False, factory=deque)
    # The size and time of the event that did not fit in the last chunk, which the builder holds.
    _left: tuple[int, float] | None = field(init=False, default=None)
    _returned: list[PendingChunk] = field(init=False, factory=list)
    _open: dict[int, _OpenChunk] = field(init=False, factory=dict)
    _chunks: int = field(init=False, default=0)
    # All events that were put in; of those: that were packed, that are in flight, that have an outcome.
    _put: int = field(init=False, default=0)
    _packed: int = field(init=False, default=0)
    _in_flight: int = field(init=False, default=0)
    _outcomes: dict[Outcome, int] = field(init=False, factory=lambda: dict.fromkeys(Outcome, 0))
    _refused: int = field(init=False, default=0)
    _held: int = field(init=False, default=0)
    _held_bytes: int = field(init=False, default=0)
    _waiting_bytes: int = field(init=False, default=0)
    # The number of waiting events at which the packing worker must be woken.
    _wake_at: float = field(init=False, default=math.inf)
    _flush_to: int = field(init=False, default=0)
    _paused_until: float = field(init=False, default=-math.inf)
    _closed: bool = field(init=False, default=False)
    _stopped: bool = field(init=False, default=False)
    # Whether the tracker was closed and what was left was dropped.
    _ended: bool = field(init=False, default=False)
    _idle: int = field(init=False, default=0)
    _warn_at: float = field(init=False, default=-math.inf)
    _refused_before: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._lock = threading.RLock()
        self._packing = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._concluded = threading.Condition(self._lock)
        options = self.options
        self._builder = ChunkBuilder(
            max_objects=options.max_objects, max_bytes=options.max_bytes, coalesce=True
        )

    def put(self, customer_id: str, name: str, events: bytes, *, may_wait: bool = True) -> bool:
        """Add an event, and return whether there was room for it.

        Args:
            customer_id: The id of its customer.
            name: Its name.
            events: Its JSON, as ``EventEncoder.encode`` returns it.
            may_wait: Whether to wait for room, if the options say so.
        """
        size = len(customer_id) + len(events) + _OVERHEAD
        with self._lock:
            if (
                self._closed
                or self._held >= self.options.capacity
                or self._held_bytes + size > self.options.max_queued_bytes
            ) and not (may_wait and self._wait_for_room(size)):
                self._refused += 1
                refused = self._due_warning()
            else:
                self._add((customer_id, name, events, size, time.monotonic()))
                if len(self._entries) >= self._wake_at or self._waiting_bytes >= self.options.max_bytes:
                    self._wake_at = math.inf
                    self._changed.notify()
                return True
        if refused:
            LOGGER.warning(
                "the tracker is %s; events dropped: %d", "closed" if self._closed else "full", refused
            )
        return False

    def _add(self, entry: tuple[str, str, bytes, int, float]) -> None:
        """Add an entry and count it. No call here may let another ``put`` of this thread run meanwhile."""
        # Single assignments, because a tuple could start the garbage collector, which may call ``put``.
        size = entry[3]
        before = len(self._entries)
        put = self._put
        held = self._held
        held_bytes = self._held_bytes
        waiting_bytes = self._waiting_bytes
        try:
            self._entries.append(entry)
        finally:
            # Also if a signal handler raised: the event is counted exactly if it is in the queue.
            added = len(self._entries) - before
            self._put = put + added
            self._held = held + added
            self._held_bytes = held_bytes + added * size
            self._waiting_bytes = waiting_bytes + added * size

    def _wait_for_room(self, size: int) -> bool:
        """Wait until there is room for an event, and return False if there never will be."""
        options = self.options
        if options.when_full != "wait" or size > options.max_queued_bytes:
            return False
        while not self._closed and (
            self._held >= options.capacity or self._held_bytes + size > options.max_queued_bytes
        ):
            self._concluded.wait()
        return not self._closed

    def _due_warning(self) -> int:
        """Return how many events were refused since the last warning if it is time for one, otherwise 0."""
        now = time.monotonic()
        if now < self._warn_at:
            return 0
        self._warn_at = now + WARNING_PERIOD
        refused, self._refused_before = self._refused - self._refused_before, self._refused
        return refused

    def next_chunk(self, when_taken: Callable[[bool], object]) -> PendingChunk | None:
        """Wait for a full chunk, or for what is there after ``linger``.

        Args:
            when_taken: Called when there is a chunk, with whether no other worker is waiting for the next.

        Returns:
            The next chunk, or None if the queue is closed and empty.
        """
        with self._lock:
            self._idle += 1
        with self._packing:
            with self._lock:
                ready = self._wait_until_ready()
                self._idle -= 1
                if not ready:
                    return None
                pending = self._take_returned()
            if pending is None:
                pending = self._pack()
            with self._lock:
                alone = self._idle == 0
        when_taken(alone)
        return pending

    def _wait_until_ready(self) -> bool:
        while True:
            now = time.monotonic()
            waiting = self._put - self._packed
            if self._closed and not waiting and not self._returned:
                return False
            seconds = self._seconds_until_ready(now, waiting)
            if seconds <= 0:
                return True
            self._wake_at = 1 if waiting == 0 else self.options.max_objects - (self._left is not None)
            self._changed.wait(None if math.isinf(seconds) else seconds)
            self._wake_at = math.inf

    def _seconds_until_ready(self, now: float, waiting: int) -> float:
        if self._stopped:
            return 0.0
        if now < self._paused_until:
            return self._paused_until - now
        if self._returned:
            return 0.0
        if not waiting:
            return math.inf
        full = waiting >= self.options.max_objects or self._waiting_bytes >= self.options.max_bytes
        if full or self._closed or self._packed < self._flush_to:
            return 0.0
        since = self._left[1] if self._left is not None else self._entries[0][4]
        return since + self.options.linger - now

    def _take_returned(self) -> PendingChunk | None:
        if not self._returned:
            return None
        self._returned.sort(key=lambda pending: pending.chunk.first)
        pending = self._returned.pop(0)
        self._in_flight += pending.chunk.events
        return pending

    def _pack(self) -> PendingChunk | None:
        """Build a chunk of the oldest events. Only the worker that holds ``_packing`` calls this.

        Returns:
            The chunk, or None if its events were dropped meanwhile.
        """
        size, oldest = self._left or (0, math.inf)
        left = None
        chunk = None
        # Without the lock, so that ``put`` never waits for it.
        while chunk is None and self._entries:
            customer_id, name, events, added, since = self._entries.popleft()
            chunk = self._builder.place(customer_id, {name}, events)
            if chunk is None:
                size += added
                oldest = min(oldest, since)
            else:
                left = added, since
        chunk = chunk or self._builder.finish()
        if chunk is None:
            raise RuntimeError("a chunk was packed while no event was waiting")
        with self._lock:
            if self._ended:
                return None
            self._left = left
            index = self._chunks
            self._chunks += 1
            self._open[index] = _OpenChunk(self._packed, chunk.events, size, oldest + self.options.max_age)
            self._packed += chunk.events
            self._in_flight += chunk.events
            self._waiting_bytes -= size
        return PendingChunk(index, chunk)

    def expires(self, index: int) -> float:
        """Return when the events of a chunk are given up, as a time of ``time.monotonic``."""
        return self._open[index].expires

    def conclude(self, receipt: Receipt) -> None:
        """Count the outcome of a chunk, or of a part of it."""
        with self._lock:
            self._outcomes[receipt.outcome] += receipt.events
            self._in_flight -= receipt.events
            self._held -= receipt.events
            chunk = self._open[receipt.index]
            chunk.concluded += receipt.events
            if chunk.concluded == chunk.events:
                self._held_bytes -= chunk.held_bytes
            self._concluded.notify_all()

    def note_reported(self, receipt: Receipt) -> None:
        """Record that the outcome of a chunk, or of a part of it, was reported to the user."""
        with self._lock:
            chunk = self._open[receipt.index]
            chunk.reported += receipt.events
            if chunk.reported == chunk.events:
                del self._open[receipt.index]
            self._concluded.notify_all()

    def give_back(self, pending: PendingChunk, pause: float) -> bool:
        """Queue a chunk again, and pack and return nothing for some seconds.

        Returns:
            Whether this began a pause: False if there already was one, or if nothing more will be sent.
        """
        with self._lock:
            begins = self._paused_until < time.monotonic()
            self._paused_until = time.monotonic() + pause
            self._returned.append(pending)
            self._in_flight -= pending.chunk.events
            # Another worker may be waiting for events, without a limit.
            self._changed.notify_all()
            return begins

    def stats(self) -> TrackerStats:
        """Return all counters at one moment."""
        with self._lock:
            return TrackerStats(
                tracked=self._put + self._refused,
                queued=self._held - self._in_flight,
                in_flight=self._in_flight,
                accepted=self._outcomes[Outcome.ACCEPTED],
                rejected=self._outcomes[Outcome.REJECTED],
                unknown=self._outcomes[Outcome.UNKNOWN],
                dropped=self._outcomes[Outcome.UNSENT] + self._refused,
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
            target = self._put
            self._flush_to = max(self._flush_to, target)
            self._changed.notify()
            while not self._has_outcomes(target):
                if (left := deadline - time.monotonic()) <= 0:
                    return False
                self._concluded.wait(left)
            return True

    def _has_outcomes(self, target: int) -> bool:
        return self._packed >= target and all(chunk.first >= target for chunk in self._open.values())

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

    def drop_rest(self) -> None:
        """Count all events that no worker has as dropped."""
        with self._lock:
            self._ended = True
            rest = self._held - self._in_flight
            self._outcomes[Outcome.UNSENT] += rest
            self._held -= rest
            self._packed = self._put
            self._entries.clear()
            self._returned.clear()
            self._concluded.notify_all()
