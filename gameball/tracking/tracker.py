"""The tracker: records events immediately, and sends them in the background."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from gameball.argument_checks import check_seconds
from gameball.chunking.event_encoder import EventEncoder
from gameball.delivery.decisions import RetryPolicy
from gameball.errors import TrackerFullError
from gameball.fork_safety import renew_after_fork
from gameball.rate_limit import Limiter
from gameball.tracking.at_exit import AT_EXIT
from gameball.tracking.background import Background
from gameball.tracking.closing import Closing, close_trackers
from gameball.tracking.options import TrackerOptions
from gameball.tracking.outbox_delivery import OutboxDelivery
from gameball.tracking.stats import TrackerStats
from gameball.transport.pool import ConnectionPool

_NO_METADATA: Mapping[str, object] = {}
#: The default time that ``flush`` waits, in seconds.
DEFAULT_FLUSH_TIMEOUT = 5.0


class Tracker:
    """Records events immediately and sends them in the background. Get one from ``gb.events.tracker()``.

    It is thread-safe. Its threads start with the first event. After a fork, the child has an empty tracker
    and its own threads; the parent sends the parent's events.

    Args:
        options: The options.
        pool: The client's connections.
        limiter: The client's rate limits.
        policy: The client's retry policy.
        make_delivery: Returns a new delivery of the outbox, if the tracker has one.
        owns_pool: Whether only this tracker uses the pool, and closes it.
    """

    def __init__(
        self,
        options: TrackerOptions,
        pool: ConnectionPool,
        limiter: Limiter,
        policy: RetryPolicy,
        make_delivery: Callable[[], OutboxDelivery] | None = None,
        *,
        owns_pool: bool = False,
    ) -> None:
        self._options = options
        self._pool = pool
        self._limiter = limiter
        self._policy = policy
        self._make_delivery = make_delivery
        self._owns_pool = owns_pool
        self._encoder = EventEncoder(options.max_bytes)
        self._closed = False
        self.after_fork_in_child()
        renew_after_fork(self)
        AT_EXIT.add(self)

    def after_fork_in_child(self) -> None:
        """Start empty. The parent sends its events, and its locks may be held by threads that are gone."""
        # Every lock is created by the first ``track``: gunicorn's gevent workers replace the locks of
        # threading after the fork, and a greenlet that waits for one of the original locks stops all others.
        self._backgrounds: dict[str, Background] = {}
        self._deliveries: dict[str, OutboxDelivery] = {}

    def start(self) -> None:
        """Start the threads of this process now, instead of with its first event.

        The first ``track`` of a process starts them, and so does its first ``Outbox.add`` if the tracker
        delivers an outbox. Call this where a process begins its work, for example in gunicorn's
        ``post_worker_init``, so that the rows that an earlier process left in the outbox need not wait for
        the next event. Later calls do nothing. Do not call it before a fork: the child would have no threads
        until its own first event, and the parent would deliver.
        """
        background = self._backgrounds.get("current")
        if background is None or not background.started:
            self._start()

    def start_delivery(self) -> bool:
        """Start the delivery of the outbox in this process, if the tracker has one; see ``start``.

        Returns:
            Whether there is anything to be started in future: False if the tracker is closed.
        """
        delivery = self._deliveries.get("current")
        if self._make_delivery is None or self._closed or (delivery is not None and delivery.started):
            return not self._closed
        delivery = self._deliveries.setdefault("current", self._make_delivery())
        AT_EXIT.note_working(self)
        delivery.start()
        if self._closed:  # by another thread, since the first check
            delivery.stop()
            AT_EXIT.note_closed(self)
        return not self._closed

    def track(self, customer_id: str, name: str, metadata: Mapping[str, object] | None = None) -> bool:
        """Record an event. It is checked and encoded now, and sent later.

        This never waits for a server, unless ``when_full`` is ``wait`` and the queue is full.

        Args:
            customer_id: Your own id of the customer. It must not be blank.
            name: The name of the event. It must not be blank.
            metadata: Details of the event; see ``Event``. Later changes to it change nothing. Nothing may
                change it during this call, such as another thread.

        Returns:
            Whether the event was queued. False means that it will not be sent: the queue is full, or the
            tracker is closed. It is counted in ``stats.dropped``, and logged at most once a minute.

        Raises:
            InvalidEventError: The event cannot be sent.
            TrackerFullError: The queue is full or the tracker is closed, and ``when_full`` is ``raise``.
        """
        events = self._encoder.encode(customer_id, name, _NO_METADATA if metadata is None else metadata)
        # The queue hashes both later, and a subclass may have another method for that.
        if type(customer_id) is not str or type(name) is not str:
            customer_id, name = str.__str__(customer_id), str.__str__(name)
        background = self._backgrounds.get("current")
        if background is None or not background.started:
            background = self._start()
        if self._options.when_full == "drop":
            return background.queue.put(customer_id, name, events)
        # A worker that waited for room in ``on_failure`` would wait for itself.
        if background.queue.put(customer_id, name, events, may_wait=not background.is_own_thread()):
            return True
        if self._options.when_full == "raise":
            raise TrackerFullError
        return False

    def _start(self) -> Background:
        background = self._backgrounds.get("current")
        if background is None:
            # Two threads may get here at the same time. Both must use the same one, which needs no lock.
            background = self._backgrounds.setdefault(
                "current", Background(self._options, self._pool, self._limiter, self._policy)
            )
        if self._closed:
            background.queue.close()
        else:
            AT_EXIT.note_working(self)
            background.begin_first_worker()
            self.start_delivery()
        return background

    @property
    def stats(self) -> TrackerStats:
        """The counts of this process's events by outcome, at one moment. They always add up."""
        background = self._backgrounds.get("current")
        return TrackerStats() if background is None else background.queue.stats()

    def flush(self, timeout: float = DEFAULT_FLUSH_TIMEOUT) -> bool:
        """Send what is queued now, without waiting for ``linger``, and wait for the outcomes.

        Args:
            timeout: How long to wait, in seconds: 5 by default.

        Returns:
            True if everything that was tracked before has an outcome of any kind; otherwise False. The
            events are not lost then: the tracker continues to send them.

        Raises:
            ValueError: ``timeout`` is not a number of seconds.
            RuntimeError: It was called from ``on_failure``, and would wait for itself.
        """
        check_seconds("timeout", timeout)
        background = self._backgrounds.get("current")
        if background is None:
            return True
        if background.is_own_thread():
            raise RuntimeError("flush must not be called from on_failure: it would wait for itself")
        return background.queue.flush(timeout)

    def close(self, timeout: float | None = None) -> None:
        """Send what is queued until the timeout, and end the threads and the outbox's delivery.

        Requests that are still in flight at the end are aborted, and their events are unknown. Events that
        were not sent are dropped. Both are logged, and passed to ``on_failure`` until the timeout.
        A later call waits until an earlier one in another thread has ended, completes one that was
        interrupted, and otherwise does nothing. It is called at the end of the program and by
        ``Gameball.close``, for all trackers at the same time. If a signal handler that has interrupted
        ``track`` calls it, it waits for nothing: what is queued is sent afterwards, and the end of the
        program completes it.

        Args:
            timeout: How long it may take, in seconds. Defaults to the tracker's ``close_timeout``.

        Raises:
            ValueError: ``timeout`` is not a number of seconds.
        """
        close_trackers([self], timeout)

    def begin_closing(self, timeout: float | None = None) -> Closing:
        """Accept no more events, and return what ends the tracker; see ``close``. It waits for nothing."""
        seconds = self._options.close_timeout if timeout is None else timeout
        check_seconds("timeout", seconds)
        self._closed = True
        background, delivery = self._backgrounds.get("current"), self._deliveries.get("current")
        return Closing(background, delivery, seconds, self._note_closed)

    def _note_closed(self) -> None:
        AT_EXIT.note_closed(self)
        if self._owns_pool:
            self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
