"""``events.tracker`` of both clients."""

from typing import TYPE_CHECKING, Protocol, cast

from gameball.delivery.decisions import RetryPolicy
from gameball.rate_limit import AsyncLimiter, Limiter
from gameball.tracking import options as defaults
from gameball.tracking.async_tracker import AsyncTracker
from gameball.tracking.open_trackers import OpenTrackers
from gameball.tracking.options import OnFailure, TrackerOptions, WhenFull
from gameball.tracking.outbox_delivery import DeliverableOutbox, OutboxDelivery
from gameball.tracking.tracker import Tracker
from gameball.transport.pool import AsyncConnectionPool, ConnectionPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from gameball.events_client import Events


def _delivery_of(
    outbox: DeliverableOutbox | None, events: "Callable[[], Events]"
) -> "Callable[[], OutboxDelivery] | None":
    return None if outbox is None else lambda: OutboxDelivery(outbox, events())


class _Events(Protocol):
    _pool: ConnectionPool
    _limiter: Limiter
    _policy: RetryPolicy
    _trackers: OpenTrackers


class TrackerMethods:
    """The part of ``Events`` that records events for sending them in the background."""

    def tracker(
        self: _Events,
        *,
        linger: float = defaults.DEFAULT_LINGER,
        capacity: int = defaults.DEFAULT_CAPACITY,
        max_queued_bytes: int = defaults.DEFAULT_MAX_QUEUED_BYTES,
        when_full: WhenFull = "drop",
        max_age: float = defaults.DEFAULT_MAX_AGE,
        on_failure: OnFailure | None = None,
        concurrency: int = defaults.DEFAULT_CONCURRENCY,
        close_timeout: float = defaults.DEFAULT_CLOSE_TIMEOUT,
        outbox: DeliverableOutbox | None = None,
    ) -> Tracker:
        """Return a tracker, which records events immediately and sends them in the background.

        One per client is enough: all threads can share it.

        Args:
            linger: How long an event may wait for others to share its request, in seconds: 1 by default. A
                full request is sent immediately.
            capacity: The maximum number of events without an outcome, 10,000 by default.
            max_queued_bytes: The maximum memory that they take, in bytes: 50,000,000 by default.
            when_full: What ``track`` does when there is no room: ``drop`` returns False, ``wait`` waits until
                there is room, ``raise`` raises ``TrackerFullError``.
            max_age: How long events that the server certainly did not accept are retried, in seconds: 3,600
                by default. Then they are dropped.
            on_failure: Called in a background thread with the ``Receipt`` of each request that was not
                accepted, and its events, read from their JSON. Events that are dropped after they were queued
                have the outcome UNSENT: they can be sent again. UNKNOWN events may have been accepted. It is
                not called for an event that ``track`` refuses. The tracker sends its next request over the
                same connection only after the function has returned.
            concurrency: The maximum number of requests in flight at a time, 8 by default.
            close_timeout: How long ``close``, and the end of the program, may take to send what is queued, in
                seconds: 5 by default.
            outbox: An ``Outbox`` that a thread of the tracker also delivers, from the first ``track``,
                ``outbox.add`` or ``start`` of the process until the tracker is closed. If there are many
                processes, one delivers and the others stand by. Errors are logged, and the delivery is tried
                again after 30 seconds.

        Returns:
            The tracker.

        Raises:
            ValueError: An argument is out of range.
            ClientClosedError: The client is closed.
        """
        options = TrackerOptions(
            linger=linger,
            capacity=capacity,
            max_queued_bytes=max_queued_bytes,
            when_full=when_full,
            max_age=max_age,
            on_failure=on_failure,
            concurrency=concurrency,
            close_timeout=close_timeout,
        )
        make_delivery = _delivery_of(outbox, lambda: cast("Events", self))
        tracker = Tracker(options, self._pool, self._limiter, self._policy, make_delivery)
        if outbox is not None:
            outbox.call_when_added(tracker.start_delivery)
        return self._trackers.add(tracker)


class _AsyncEvents(Protocol):
    _pool: AsyncConnectionPool
    _limiter: AsyncLimiter
    _policy: RetryPolicy
    _trackers: OpenTrackers

    def _events_for_threads(self, pool: ConnectionPool, limiter: Limiter) -> "Events": ...


class AsyncTrackerMethods:
    """The part of ``AsyncEvents`` that records events for sending them in the background."""

    def tracker(
        self: _AsyncEvents,
        *,
        linger: float = defaults.DEFAULT_LINGER,
        capacity: int = defaults.DEFAULT_CAPACITY,
        max_queued_bytes: int = defaults.DEFAULT_MAX_QUEUED_BYTES,
        when_full: WhenFull = "drop",
        max_age: float = defaults.DEFAULT_MAX_AGE,
        on_failure: OnFailure | None = None,
        concurrency: int = defaults.DEFAULT_CONCURRENCY,
        close_timeout: float = defaults.DEFAULT_CLOSE_TIMEOUT,
        outbox: DeliverableOutbox | None = None,
    ) -> AsyncTracker:
        """Return a tracker; see ``Events.tracker``.

        ``track`` is a normal call without ``await``. It never blocks, unless ``when_full`` is ``wait``: that
        blocks the event loop. ``flush`` and ``close`` are awaited. Threads send the requests. They follow the
        client's rate limits, but count separately from the requests of its tasks.

        Raises:
            ValueError: An argument is out of range, or the client was created with a ``transport``.
            ClientClosedError: The client is closed.
        """
        options = TrackerOptions(
            linger=linger,
            capacity=capacity,
            max_queued_bytes=max_queued_bytes,
            when_full=when_full,
            max_age=max_age,
            on_failure=on_failure,
            concurrency=concurrency,
            close_timeout=close_timeout,
        )
        pool, limiter = self._pool.for_threads(), self._limiter.for_threads()
        make_delivery = _delivery_of(outbox, lambda: self._events_for_threads(pool, limiter))
        tracker = Tracker(options, pool, limiter, self._policy, make_delivery, owns_pool=True)
        if outbox is not None:
            outbox.call_when_added(tracker.start_delivery)
        return AsyncTracker(self._trackers.add(tracker))
