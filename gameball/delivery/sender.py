"""Sends events with threads: reads chunks, passes them to workers and collects receipts."""

import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Final

from gameball.delivery.decisions import RetryPolicy
from gameball.delivery.durable_record import DurableRecord
from gameball.delivery.pending_chunk import PendingChunk, abandon_pending
from gameball.delivery.send_context import Done, check_process
from gameball.delivery.send_log import SendLog
from gameball.delivery.send_state import SendState
from gameball.delivery.workers import SendContext, Worker
from gameball.errors import RecordError
from gameball.rate_limit import Limiter
from gameball.receipts import Receipt
from gameball.transport.pool import ConnectionPool

#: The default grace period of requests in flight after an interrupt, in seconds.
DEFAULT_CLOSE_TIMEOUT: Final = 5.0
#: The time to wait for a worker to notice that its connection was aborted, in seconds.
ABORT_TIMEOUT: Final = 2.0
#: The same after a deadline, by which the caller needs an answer.
DEADLINE_ABORT_TIMEOUT: Final = 0.25
# The interval at which to check whether a thread is still advancing a send, in seconds.
_LOOK_AGAIN: Final = 0.05


class Sender:
    """One send: reads chunks in the caller's thread, and delivers them in worker threads.

    Args:
        state: The state of the send.
        policy: The retry policy.
        limiter: The client's rate limits.
        pool: The client's connections.
        durable_record: The ledger or another durable record, whose run the sender ends, or None.
        close_timeout: The grace period of requests in flight after an interrupt, in seconds.
    """

    def __init__(
        self,
        state: SendState,
        *,
        policy: RetryPolicy,
        limiter: Limiter,
        pool: ConnectionPool,
        durable_record: DurableRecord | None,
        close_timeout: float = DEFAULT_CLOSE_TIMEOUT,
    ) -> None:
        self._process = os.getpid()
        self._chunks = state.source.chunks()
        self._state = state
        self._context = SendContext(
            state=state, policy=policy, limiter=limiter, durable_record=durable_record
        )
        self._pool = pool
        self._log = SendLog()
        self._close_timeout = close_timeout
        # Receives an item when the deadline no longer matters.
        self._in_time: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._workers: list[Worker] = []
        self._submitted = -1
        self._interrupted = False
        self._finished = False
        self._finishes = 0
        self._finishing = threading.RLock()
        self._rest: list[Receipt] = []
        # Held by the thread that is advancing the send; free while the user of a stream handles a receipt.
        self._driving = threading.Lock()
        self._driver = 0

    def receipts(self) -> Iterator[Receipt]:
        """Send, and yield each receipt when its outcome is known.

        Raises:
            BaseException: The error of the source, an invalid event or the ledger, after all receipts.
        """
        steps = self._receipts()
        while True:
            check_process(self._process)
            with self._driving:
                self._driver = threading.get_ident()
                receipt = next(steps, None)
            if receipt is None:
                return
            self._log.note(receipt)
            yield receipt

    def _receipts(self) -> Iterator[Receipt]:
        state = self._state
        self._start_timer()
        while not (self._interrupted or state.expired) and (
            state.wants_chunk() or state.open or self._context.results
        ):
            if state.wants_chunk():
                yield from self._read()
            else:
                yield from self._collect()
        if state.expired or not self._interrupted:
            yield from self._finish_and_yield()
        if state.problem is not None:
            raise state.problem

    def _read(self) -> Iterator[Receipt]:
        state = self._state
        try:
            handed = state.examine(next(self._chunks))
        except StopIteration:
            state.end()
        except Exception as error:  # noqa: BLE001 - raised again once all earlier chunks have an outcome
            state.end(error)
        else:
            if isinstance(handed, Receipt):
                self._context.results.append(handed)
                state.advance(handed.index, handed.last)
            else:
                state.open[handed.index] = handed
                state.advance(handed.index, handed.chunk.last)
                self._submit(handed)
        # A slow source must not delay the receipts.
        while self._context.results:
            yield from self._collect()

    def _collect(self) -> Iterator[Receipt]:
        while not self._context.results:
            self._context.arrived.get()
        result = self._context.results[0]
        if isinstance(result, Done):
            self._state.open.pop(result.pending.index, None)
        elif result is not None:
            yield result
        # The result may be gone if the send was finished meanwhile.
        if self._context.results and self._context.results[0] is result:
            self._context.results.popleft()

    def _submit(self, pending: PendingChunk) -> None:
        # The source may have forked, and the child must not send the parent's chunks.
        check_process(self._process)
        if len(self._workers) < min(self._state.concurrency, len(self._state.open)):
            self._begin_worker()
        may_send = self._state.may_send(pending)
        self._submitted = pending.index
        if may_send:
            self._context.queue.put(pending)

    def _begin_worker(self) -> None:
        connection = self._pool.borrow()
        worker = Worker(connection, self._context)
        name = f"gameball-send-{len(self._workers)}"
        # The caller's context variables reach the worker, as they reach a task: traces rely on it.
        work = partial(copy_context().run, worker.work)
        worker.thread = threading.Thread(target=work, name=name, daemon=True)
        self._workers.append(worker)
        try:
            worker.thread.start()
        except RuntimeError:
            # The system cannot start more threads. The send continues with fewer, if there are any.
            self._workers.pop()
            self._pool.give_back(connection)
            if not self._workers:
                raise

    def interrupt(self, problem: BaseException) -> None:
        """Raise a problem in the caller's thread immediately. Requests in flight then have a grace period."""
        self._interrupted = True
        self._context.fail(problem)
        # Wakes the caller's thread, which may be waiting for a receipt.
        self._context.tell(None)

    def _start_timer(self) -> None:
        deadline = self._state.deadline
        if deadline is not None:
            # A separate thread, because the caller's may be in the source or, with a stream, elsewhere.
            # No ``threading.Timer``: an interrupt of its ``cancel`` could leave a lock held, so that the next
            # one waited for ever.
            seconds = min(max(0.0, deadline.left()), threading.TIMEOUT_MAX)
            threading.Thread(
                target=self._expire_after, args=(seconds,), name="gameball-deadline", daemon=True
            ).start()

    def _expire_after(self, seconds: float) -> None:
        """Wait until the send ends, at most for some seconds, which are the time to its deadline."""
        try:
            self._in_time.get(timeout=seconds)
        except queue.Empty:
            self._expire()

    def _expire(self) -> None:
        """End the send at its deadline: nothing more is sent, and requests in flight are aborted."""
        self._state.expire()
        self._context.wake()
        self._abort_connections()
        self._context.tell(None)

    def _finish_and_yield(self) -> Iterator[Receipt]:
        with self._finishing:
            self._finish_first()
        while self._rest:
            receipt = self._rest[0]
            yield receipt
            # An interrupt may come between any two steps, so it is removed only after it was handled.
            if self._rest and self._rest[0] is receipt:
                self._rest.pop(0)

    def wait(self) -> None:
        """Wait until an interrupted send has finished, or finish it if no thread is advancing it."""
        deadline = time.monotonic() + self._close_timeout + 2 * ABORT_TIMEOUT
        while not self._finished:
            if self._driving.acquire(timeout=_LOOK_AGAIN):
                try:
                    with self._finishing:
                        self._finish_first()
                finally:
                    self._driving.release()
            elif self._driver == threading.get_ident() or time.monotonic() >= deadline:
                return

    def finish(self) -> list[Receipt]:
        """End the send: requests in flight have a grace period, and are then aborted.

        Returns:
            The receipts that were not yielded yet. If an interrupt ends this call, another returns them.
        """
        if self._process != os.getpid():
            return []
        with self._finishing:
            self._finish_first()
            return list(self._rest)

    def _finish_first(self) -> None:
        """Finish the send unless that was done, and keep the receipts that were not yielded yet.

        An interrupt may end this at any step. Calling it again continues: what was collected is kept, and no
        step does harm if it is done twice.
        """
        if self._finished:
            return
        self._finishes += 1
        concluded = False
        try:
            self._conclude_open()
            concluded = True
        finally:
            self._abort_connections()
            self._close()
            # After a second interrupt, chunks still in flight stay in flight in the ledger.
            if concluded or self._finishes > 1:
                self._end_run()
        # No interrupt can come between these two assignments: Python checks for one only at calls and loops.
        self._rest = self._rest + self._state.rest()
        self._finished = True
        self._log.end(self._rest, self._state.problem)

    def _conclude_open(self) -> None:
        """Collect a receipt for each chunk that has none, and abandon what does not end in time."""
        self._context.stop()
        self._in_time.put(None)
        expired = self._state.expired
        # Abandon chunks that wait for others, or that the interrupt kept from being passed to a worker.
        waiting = {pending.index for pending in self._state.waiting()}
        for pending in list(self._state.open.values()):
            if pending.index > self._submitted or pending.index in waiting:
                self._abandon(pending)
        self._drain(0.0 if expired else self._close_timeout)
        self._abort_connections()
        self._drain(DEADLINE_ABORT_TIMEOUT if expired else ABORT_TIMEOUT)
        with self._context.concluding:
            for worker in self._workers:
                worker.abandoned = worker.busy
                worker.abandon_chunk()
        self._drain(0.0)
        stuck = {worker.pending for worker in self._workers if worker.abandoned}
        for pending in set(self._state.open.values()) - stuck:
            self._abandon(pending)

    def _end_run(self) -> None:
        if self._context.durable_record is not None:
            with suppress(RecordError):  # the end time of a run is not essential
                self._context.durable_record.end_run()

    def _abandon(self, pending: PendingChunk) -> None:
        """Abandon a pending chunk that no worker has taken."""
        # An interrupt may have come after it was abandoned, before it was removed.
        if not any(receipt.index == pending.index for receipt in self._rest[-1:]):
            self._rest.append(abandon_pending(pending, self._state.passed_deadline))
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
                if not any(receipt is result for receipt in self._rest[-1:]):
                    self._rest.append(result)
                self._state.advance(result.index, result.last)
            self._context.results.popleft()

    def _abort_connections(self) -> None:
        for worker in self._workers:
            if worker.busy:
                worker.connection.abort()

    def _close(self) -> None:
        for _ in self._workers:
            self._context.queue.put(None)
        # Each is removed before it is given back: an interrupt must not give it back twice.
        for worker in list(self._workers):
            if worker.busy or (thread := worker.thread) is None:
                continue
            # An interrupt may have come just before the thread started; it then finds nothing to do.
            deadline = time.monotonic() + ABORT_TIMEOUT
            while thread.ident is None and time.monotonic() < deadline:
                time.sleep(_LOOK_AGAIN)
            with suppress(RuntimeError):  # the thread never started
                # Two interrupts of ``join`` can make a later one wait for ever, even if the thread has ended.
                while thread.is_alive() and not worker.ended:
                    thread.join(_LOOK_AGAIN)
                thread.join(_LOOK_AGAIN)
            self._workers.remove(worker)
            self._pool.give_back(worker.connection)
