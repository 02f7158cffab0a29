"""How a send with threads ends: a grace period, then force, and a receipt for each chunk."""

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gameball.delivery.pending_chunk import PendingChunk, abandon_pending
from gameball.delivery.send_context import Done
from gameball.delivery.send_log import SendLog
from gameball.delivery.send_state import SendState
from gameball.delivery.workers import SendContext, Worker
from gameball.transport.pool import ConnectionPool

if TYPE_CHECKING:
    from gameball.receipts import Receipt

#: The default grace period of requests in flight after an interrupt, in seconds.
DEFAULT_CLOSE_TIMEOUT: Final = 5.0
#: The time to wait for a worker to notice that its connection was aborted, in seconds.
ABORT_TIMEOUT: Final = 2.0
#: The same after a deadline, by which the caller needs an answer.
DEADLINE_ABORT_TIMEOUT: Final = 0.25
#: The interval at which to check whether a thread has ended or is still advancing a send, in seconds.
CHECK_INTERVAL: Final = 0.05


class SendClosing:
    """The end of one send.

    Args:
        state: The state of the send.
        context: What its workers share.
        pool: The client's connections.
        log: What is logged of the send.
        stop_timer: Ends the wait for the deadline.
        close_timeout: The grace period of requests in flight after an interrupt, in seconds.

    Attributes:
        workers: The workers of the send, with the connections that they have borrowed.
        submitted: The index of the last chunk that was passed to the workers.
        rest: The receipts that were not yielded yet.
        has_ended: Whether the send has ended, so that there will be no further receipts.
    """

    def __init__(
        self,
        state: SendState,
        context: SendContext,
        *,
        pool: ConnectionPool,
        log: SendLog,
        stop_timer: Callable[[], object],
        close_timeout: float,
    ) -> None:
        self._state = state
        self._context = context
        self._pool = pool
        self._log = log
        self._stop_timer = stop_timer
        self._close_timeout = close_timeout
        self._closing = threading.RLock()
        self._calls = 0
        self.workers: list[Worker] = []
        self.submitted = -1
        self.rest: list[Receipt] = []
        self.has_ended = False

    def close(self) -> None:
        """Finish the send unless that was done, and keep the receipts that were not yielded yet.

        An interrupt may end this at any step. Calling it again continues: what was collected is kept, and no
        step does harm if it is done twice.
        """
        with self._closing:
            if self.has_ended:
                return
            self._calls += 1
            concluded = False
            try:
                self._conclude_open()
                concluded = True
            finally:
                self.abort_connections()
                self._join_workers()
                # After a second interrupt, chunks still in flight stay in flight in the ledger.
                if concluded or self._calls > 1:
                    self._context.end_run()
            # No interrupt can come between these two assignments: Python checks for one only at calls and
            # loops.
            self.rest = self.rest + self._state.rest()
            self.has_ended = True
            self._log.end(self.rest, self._state.problem)

    def _conclude_open(self) -> None:
        """Collect a receipt for each chunk that has none, and abandon what does not end in time."""
        self._context.stop()
        self._stop_timer()
        expired = self._state.expired
        # Abandon chunks that wait for others, or that the interrupt kept from being passed to a worker.
        waiting = {pending.index for pending in self._state.waiting()}
        for pending in list(self._state.open.values()):
            if pending.index > self.submitted or pending.index in waiting:
                self._abandon(pending)
        self._drain(0.0 if expired else self._close_timeout)
        self.abort_connections()
        self._drain(DEADLINE_ABORT_TIMEOUT if expired else ABORT_TIMEOUT)
        with self._context.concluding:
            for worker in self.workers:
                worker.abandoned = worker.busy
                worker.abandon_chunk()
        self._drain(0.0)
        stuck = {worker.pending for worker in self.workers if worker.abandoned}
        for pending in set(self._state.open.values()) - stuck:
            self._abandon(pending)
        self._state.find_sent_earlier()

    def _abandon(self, pending: PendingChunk) -> None:
        """Abandon a pending chunk that no worker has taken."""
        # An interrupt may have come after it was abandoned, before it was removed.
        if not any(receipt.index == pending.index for receipt in self.rest[-1:]):
            self.rest.append(abandon_pending(pending, self._state.passed_deadline))
        self._state.advance(pending.index, pending.chunk.last)
        del self._state.open[pending.index]

    def _drain(self, seconds: float) -> None:
        """Collect receipts until no chunk is open or the time is over."""
        deadline = time.monotonic() + seconds
        while self._state.open or self._context.results:
            while not self._context.results:
                if (left := deadline - time.monotonic()) <= 0:
                    return
                with suppress(queue.Empty):
                    self._context.arrived.get(timeout=left)
            result = self._context.results[0]
            if isinstance(result, Done):
                self._state.open.pop(result.pending.index, None)
            elif result is not None:
                # An interrupt may come between any two steps, so it is removed only after it was kept.
                if not any(receipt is result for receipt in self.rest[-1:]):
                    self.rest.append(result)
                self._state.advance(result.index, result.last)
            self._context.results.popleft()

    def abort_connections(self) -> None:
        """End the requests in flight by force."""
        for worker in self.workers:
            if worker.busy:
                worker.connection.abort()

    def _join_workers(self) -> None:
        for _ in self.workers:
            self._context.queue.put(None)
        # Each is removed before it is given back: an interrupt must not give it back twice.
        for worker in list(self.workers):
            if worker.busy or (thread := worker.thread) is None:
                continue
            # An interrupt may have come just before the thread started; it then finds nothing to do.
            deadline = time.monotonic() + ABORT_TIMEOUT
            while thread.ident is None and time.monotonic() < deadline:
                time.sleep(CHECK_INTERVAL)
            with suppress(RuntimeError):  # the thread never started
                # Two interrupts of ``join`` can make a later one wait for ever, even if the thread has ended.
                while thread.is_alive() and not worker.ended:
                    thread.join(CHECK_INTERVAL)
                thread.join(CHECK_INTERVAL)
            self.workers.remove(worker)
            self._pool.give_back(worker.connection)
