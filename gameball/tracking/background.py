"""The threads of a tracker in one process: how they start, and how they end by a deadline."""

import logging
import threading
import time
from typing import Final

from attrs import evolve

from gameball.chunking.builder import ChunkBuilder
from gameball.delivery.decisions import RetryPolicy
from gameball.delivery.event_source import EventSource
from gameball.delivery.send_state import SendState
from gameball.errors import ClientClosedError
from gameball.log import LOGGER
from gameball.rate_limit import Limiter
from gameball.tracking.event_queue import EventQueue
from gameball.tracking.options import TrackerOptions
from gameball.tracking.workers import TrackerContext, TrackerWorker
from gameball.transport.pool import ConnectionPool

# The part of the time for closing that is left for requests in flight to be aborted, in seconds.
_ABORT_TIME: Final = 0.5
# The most that it takes of a short time to close.
_ABORT_SHARE: Final = 0.25


class Background:
    """The queue and the worker threads of a tracker in one process.

    The workers share no coordinating thread: the one that waits for events packs them and sends them, while
    the next one waits. So a slow request never delays the next one, and a chunk is handed to no other thread.

    Args:
        options: The options of the tracker.
        pool: The client's connections.
        limiter: The client's rate limits.
        policy: The client's retry policy.
    """

    def __init__(
        self, options: TrackerOptions, pool: ConnectionPool, limiter: Limiter, policy: RetryPolicy
    ) -> None:
        self.queue = EventQueue(options)
        self._options = options
        self._pool = pool
        #: Whether there is a worker. The system may have been unable to start the first one.
        self.started = False
        self._workers: list[TrackerWorker] = []
        # Whether it is closed for good. A close that was interrupted can be called again.
        self._ended = False
        self._closing = threading.Lock()
        self._starting = threading.Lock()
        nothing = EventSource((), ChunkBuilder(max_objects=1, max_bytes=1, coalesce=False))
        self._context = TrackerContext(
            state=SendState(options.concurrency, frozenset(), "report", nothing, None),
            policy=evolve(policy, retry_for=options.max_age, on_unknown="report"),
            limiter=limiter,
            durable_record=None,
            events=self.queue,
            on_failure=options.on_failure,
        )
        self._context.begin_worker = self.begin_worker

    def begin_first_worker(self) -> None:
        """Start a worker if there is none."""
        if not self.started:
            self.begin_worker(most=1)

    def begin_worker(self, most: int | None = None) -> None:
        """Start one more worker, unless there are enough.

        Args:
            most: The number that is enough. Defaults to the maximum of requests in flight.
        """
        with self._starting:
            if len(self._workers) < (most or self._options.concurrency):
                connection = self._pool.borrow()
                worker = TrackerWorker(connection, self._context)
                name = f"gameball-track-{len(self._workers)}"
                worker.thread = threading.Thread(target=worker.work, name=name, daemon=True)
                try:
                    worker.thread.start()
                except RuntimeError:  # the system cannot start more threads, or Python is shutting down
                    self._pool.give_back(connection)
                else:
                    self._workers.append(worker)
                    self.started = True

    def is_worker(self) -> bool:
        """Return whether the current thread is a worker."""
        current = threading.current_thread()
        return any(worker.thread is current for worker in self._workers)

    def close(self, timeout: float) -> None:
        """Send what is there, as far as the time allows, and end the threads.

        Args:
            timeout: How long that may take, in seconds.
        """
        deadline = time.monotonic() + timeout
        # Another thread may be closing it. The program must not end before that has sent what it can, but a
        # worker would wait for itself.
        if not self._closing.acquire(timeout=0.0 if self.is_worker() else timeout):
            return
        try:
            if not self._ended:
                self._close(deadline)
        finally:
            self._closing.release()

    def _close(self, deadline: float) -> None:
        timeout = max(0.0, deadline - time.monotonic())
        self.queue.close()
        self.queue.flush(timeout - min(_ABORT_TIME, timeout * _ABORT_SHARE))
        self._context.stop(ClientClosedError("the tracker was closed before this was sent"))
        self.queue.stop()
        for worker in self._workers:
            if worker.busy:
                worker.connection.abort()
        self._wait_for_workers(deadline)
        with self._context.concluding:
            for worker in self._workers:
                worker.abandoned = worker.busy
                worker.abandon_chunk()
        self.queue.drop_rest()
        self._ended = True
        for worker in self._workers:
            if not worker.busy:
                self._pool.give_back(worker.connection)
        self._log_end()

    def _wait_for_workers(self, deadline: float) -> None:
        """Wait until the threads have ended. They end without being told when the queue is empty."""
        for worker in self._workers:
            if worker.thread is not None and worker.thread is not threading.current_thread():
                worker.thread.join(max(0.0, deadline - time.monotonic()))

    def _log_end(self) -> None:
        stats = self.queue.stats()
        lost = stats.dropped + stats.rejected + stats.unknown
        LOGGER.log(
            logging.WARNING if lost else logging.INFO,
            "tracker closed; events tracked: %d, accepted: %d, rejected: %d, unknown: %d, dropped: %d",
            stats.tracked,
            stats.accepted,
            stats.rejected,
            stats.unknown,
            stats.dropped,
        )
