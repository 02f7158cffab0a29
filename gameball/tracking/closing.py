"""Closes trackers within a time limit, several of them at the same time."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from gameball.chunking.chunk import Chunk
from gameball.delivery.pending_chunk import abandon, abandoned_error
from gameball.errors import ClientClosedError
from gameball.fork_safety import DaemonThread
from gameball.log import LOGGER
from gameball.receipts import Receipt
from gameball.tracking.background import Background
from gameball.tracking.outbox_delivery import OutboxDelivery

# The part of the time for closing that is left for requests in flight to be aborted, and for what is dropped
# to be reported, in seconds.
_ABORT_TIME: Final = 0.5
# The most that it takes of a short time to close.
_ABORT_SHARE: Final = 0.25
# The least time for what is left to get its outcome, in seconds. It needs a millisecond if it can run.
_CONCLUDING_TIME: Final = 5.0


class Closing:
    """The end of one tracker in one process, in steps. From its creation on, the tracker accepts no events.

    Args:
        background: The queue and the threads, or None if there are none.
        delivery: The delivery of the outbox, or None if there is none.
        seconds: How long it may take.
        when_closed: Called at the end.
    """

    def __init__(
        self,
        background: Background | None,
        delivery: OutboxDelivery | None,
        seconds: float,
        when_closed: Callable[[], object],
    ) -> None:
        self._background = background
        self._delivery = delivery
        self._when_closed = when_closed
        self._deadline = time.monotonic() + seconds
        ending = min(_ABORT_TIME, seconds * _ABORT_SHARE)
        self._abort_at = self._deadline - ending
        self._report_at = self._deadline - ending / 2
        self.holds = False
        # From now on the threads send what is queued without waiting for more.
        if delivery is not None:
            delivery.stop()
        if background is not None:
            background.queue.close()

    def hold(self, *, wait: bool) -> None:
        """Keep other threads from closing the same tracker, and note whether that succeeded.

        Args:
            wait: Whether to wait for another thread that is closing it: the program must not end before that
                has sent what it can. A thread of the tracker would wait for itself.
        """
        background = self._background
        if background is not None and not self.holds:
            seconds = 0.0 if not wait or background.is_own_thread() else _left(self._deadline)
            self.holds = background.closing.acquire(timeout=seconds)

    def release(self) -> None:
        """Let other threads close it."""
        if self._background is not None and self.holds:
            self.holds = False
            self._background.closing.release()

    def _open(self) -> Background | None:
        """Return the background if this must close it."""
        background = self._background
        if background is None or not self.holds or background.ended or background.context.is_in_child:
            return None
        # Called by a signal handler that has interrupted ``track``: the other threads cannot go on before it
        # returns. They then send what is queued, and the end of the program, or another call, does the rest.
        return None if background.queue.is_held_here() else background

    def send(self) -> None:
        """Wait until everything is sent, at most until the timeout."""
        if (background := self._open()) is None:
            return
        if background.queue.stats().queued:
            background.begin_first_worker()
        if background.started:
            background.queue.flush(_left(self._abort_at))
        elif background.queue.stats().queued:
            # From Python 3.12 on, no thread can be started any more when ``atexit`` functions run.
            with suppress(OSError):  # no connection; what is queued is dropped
                background.work_here(self._abort_at)

    def abort(self) -> None:
        """Abort the requests in flight, and begin no more."""
        if (background := self._open()) is None:
            return
        background.context.stop(ClientClosedError("the tracker was closed before this was sent"))
        background.queue.stop()
        for worker in background.workers:
            if worker.busy:
                worker.connection.abort()

    def finish(self) -> None:
        """Give everything that is left its outcome, report it, and end the threads."""
        if (background := self._open()) is not None:
            for worker in background.workers:
                # They end by themselves when the queue is empty. An interrupt may have kept one from
                # starting.
                thread = worker.thread
                if (
                    thread is not None
                    and thread.ident is not None
                    and thread is not threading.current_thread()
                ):
                    thread.join(_left(self._report_at))
            self._end(background)
        if self._delivery is not None:
            self._delivery.wait(_left(self._deadline))
        if self._background is None or self._background.ended:
            self._when_closed()

    def _end(self, background: Background) -> None:
        """Conclude and report what is left, in a thread: no interrupt can end that halfway.

        The user's function may not return in time, either.
        """
        if background.reporter is None or background.reporter.ident is None:
            work = partial(_conclude_rest, background, self._report_at)
            background.reporter = DaemonThread(work, "gameball-track-closing")
            try:
                background.reporter.start()
            except RuntimeError:  # the system cannot start more threads, or Python is shutting down
                background.reporter = threading.current_thread()
                work()
        enough = max(_CONCLUDING_TIME, _left(self._deadline))
        background.concluded.wait(enough)
        if background.reporter is not threading.current_thread():
            # Without a function of the user, it only logs.
            has_function = background.context.on_failure is not None
            background.reporter.join(_left(self._deadline) if has_function else enough)
        if background.unreported:
            message = "the tracker was closed before on_failure was called for all events; missing: %d"
            LOGGER.log(logging.WARNING, message, background.unreported)
        background.ended = True


def _left(until: float) -> float:
    return max(0.0, until - time.monotonic())


def _conclude_rest(background: Background, until: float) -> None:
    """Give everything that is left its outcome, and report it."""
    dropped = _drop_rest(background, until)
    background.unreported = sum(receipt.events for receipt, _ in dropped)
    for worker in background.workers:
        if not worker.busy:
            background.pool.give_back(worker.connection)
    background.concluded.set()
    _log_end(background)
    for receipt, chunk in dropped:
        background.context.report(receipt, chunk)
        background.unreported -= receipt.events


def _drop_rest(background: Background, until: float) -> list[tuple[Receipt, Chunk]]:
    """Conclude what no worker has, and what the workers have that did not end in time."""
    queue, context = background.queue, background.context
    # First: a worker must not take a chunk after it was abandoned.
    error = abandoned_error(None, sent=False)
    rest = queue.drain(until)
    dropped = [(abandon(pending.index, pending.chunk, error, attempts=0), pending.chunk) for pending in rest]
    for receipt, _ in dropped:
        queue.conclude(receipt)
    with context.concluding:
        for worker in background.workers:
            worker.abandoned = worker.busy
            worker.abandon_chunk()
            abandoned, worker.unreported = worker.unreported, []
            dropped += abandoned
    return dropped


def _log_end(background: Background) -> None:
    stats = background.queue.stats()
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


class Closable(Protocol):
    """What ``close_trackers`` needs of a tracker."""

    def begin_closing(self, timeout: float | None) -> Closing:
        """Accept no more events, and return what ends the tracker.

        Args:
            timeout: How long that may take, in seconds, or None for the tracker's own time.
        """


def close_trackers(trackers: Iterable[Closable], timeout: float | None = None) -> None:
    """Close trackers at the same time, so that together they take no longer than one.

    Args:
        trackers: The trackers.
        timeout: How long it may take, in seconds. Defaults to the time of each tracker.
    """
    closings = [tracker.begin_closing(timeout) for tracker in trackers]
    _take_steps(closings, wait=False)
    # Those that other threads were closing.
    _take_steps([closing for closing in closings if not closing.holds], wait=True)


def _take_steps(closings: list[Closing], *, wait: bool) -> None:
    try:
        for closing in closings:
            closing.hold(wait=wait)
        for step in (Closing.send, Closing.abort, Closing.finish):
            for closing in closings:
                step(closing)
    finally:
        for closing in closings:
            closing.release()
