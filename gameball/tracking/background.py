"""The queue and the threads of a tracker in one process, and how the threads start."""

import logging
import sys
import threading
from functools import partial

from attrs import evolve

from gameball.chunking.builder import ChunkBuilder
from gameball.delivery.decisions import RetryPolicy
from gameball.delivery.event_source import EventSource
from gameball.delivery.latch import Latch
from gameball.delivery.send_state import SendState
from gameball.fork_safety import DaemonThread
from gameball.rate_limit import Limiter
from gameball.tracking.event_queue import EventQueue
from gameball.tracking.options import TrackerOptions
from gameball.tracking.workers import TrackerContext, TrackerWorker
from gameball.transport.pool import ConnectionPool


def _start_resolver_of_gevent() -> None:
    """Start the thread in which gevent looks up names of hosts, if gevent has replaced ``socket``.

    The first connection of a process may be made at its end, when Python 3.12 starts no threads.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("socket"):
        return
    threads = sys.modules["gevent"].get_hub().threadpool
    if threads.size == 0:
        threads.spawn(int)


class Background:
    """The queue and the worker threads of a tracker in one process.

    The workers share no coordinating thread: the one that waits for events packs them and sends them, while
    the next one waits. So a slow request never delays the next one, and no chunk is passed to another thread.

    Args:
        options: The options of the tracker.
        pool: The client's connections.
        limiter: The client's rate limits.
        policy: The client's retry policy.

    Attributes:
        started: Whether there is a worker. The system may have been unable to start the first one.
        ended: Whether it is closed for good. A close that was interrupted can be completed.
        closing: Held by the thread that closes it.
        reporter: The thread that concludes and reports what is left when it is closed, or None.
        concluded: Set when everything has its outcome.
        unreported: The number of events that are still to be reported.
    """

    def __init__(
        self, options: TrackerOptions, pool: ConnectionPool, limiter: Limiter, policy: RetryPolicy
    ) -> None:
        self.queue = EventQueue(options)
        self.pool = pool
        self.started = False
        self.ended = False
        # Reentrant: an interrupt of ``close`` may leave it held, and a later call in its thread completes it.
        self.closing = threading.RLock()
        self.reporter: threading.Thread | None = None
        self.concluded = Latch()
        self.unreported = 0
        self.workers: list[TrackerWorker] = []
        self._concurrency = options.concurrency
        # Reentrant; see ``begin_worker``.
        self._starting = threading.RLock()
        self._is_starting = False
        nothing = EventSource((), ChunkBuilder(max_objects=1, max_bytes=1, coalesce=False))
        self.context = TrackerContext(
            state=SendState(options.concurrency, frozenset(), "report", nothing, None),
            policy=evolve(policy, retry_for=options.max_age, on_unknown="report"),
            limiter=limiter,
            durable_record=None,
            events=self.queue,
            on_failure=options.on_failure,
        )
        self.context.begin_worker = self.begin_worker

    def begin_first_worker(self) -> None:
        """Start a worker if there is none. If that fails, a later call tries again."""
        if not self.started:
            self.begin_worker(first=True)

    def begin_worker(self, *, first: bool = False) -> None:
        """Start one more worker, unless there are as many as requests may be in flight. It raises nothing.

        Args:
            first: Whether to start it only if no other worker was started.
        """
        with self._starting:
            # This thread may be starting one: a signal handler, or a ``__del__``, may track meanwhile.
            enough = self.started if first else len(self.workers) >= self._concurrency
            if self._is_starting or enough:
                return
            try:
                self._is_starting = True
                self._begin_worker()
            except Exception as error:  # noqa: BLE001 - no file descriptor is free, or no thread; it is tried again
                if isinstance(error, RuntimeError) and not threading.main_thread().is_alive():
                    # Python 3.12 starts no threads at the end of the program. ``Closing`` does their work.
                    return
                message = "the tracker could not start a thread, and tries again with the next event"
                self.context.problems.log(logging.ERROR, message, error)
            finally:
                self._is_starting = False

    def _begin_worker(self) -> None:
        _start_resolver_of_gevent()
        connection = self.pool.borrow()
        worker = TrackerWorker(connection, self.context)
        name = f"gameball-track-{len(self.workers)}"
        worker.thread = DaemonThread(partial(self._run, worker), name)
        # Before it starts: an interrupt may come right after that, and ``close`` must find the worker.
        self.workers.append(worker)
        try:
            worker.thread.start()
        except RuntimeError:  # the system cannot start more threads, or Python is shutting down
            self.workers.remove(worker)
            self.pool.give_back(connection)
            raise
        self.started = True

    def _run(self, worker: TrackerWorker) -> None:
        # An interrupt may have kept the thread that started it from recording that.
        self.started = True
        worker.work()

    def work_here(self, until: float) -> None:
        """Send what is queued in the calling thread. The queue must be closed.

        Args:
            until: When to begin no more requests, as a time of ``time.monotonic``.
        """
        worker = TrackerWorker(self.pool.borrow(), self.context, until=until)
        worker.thread = threading.current_thread()
        self.workers.append(worker)
        try:
            worker.work()
        finally:
            worker.thread = None

    def is_own_thread(self) -> bool:
        """Return whether the current thread is one that may run ``on_failure``."""
        current = threading.current_thread()
        return current is self.reporter or any(worker.thread is current for worker in self.workers)
