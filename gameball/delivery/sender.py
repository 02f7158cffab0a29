"""Sends events with threads: reads chunks, passes them to workers and collects receipts."""

import queue
import threading
import time
from collections.abc import Iterator
from contextvars import copy_context
from functools import partial

from gameball.delivery.closing import ABORT_TIMEOUT, CHECK_INTERVAL, DEFAULT_CLOSE_TIMEOUT, SendClosing
from gameball.delivery.decisions import RetryPolicy
from gameball.delivery.durable_record import DurableRecord
from gameball.delivery.pending_chunk import PendingChunk
from gameball.delivery.send_context import Done
from gameball.delivery.send_log import SendLog
from gameball.delivery.send_state import SendState
from gameball.delivery.workers import SendContext, Worker
from gameball.fork_safety import DaemonThread
from gameball.rate_limit import Limiter
from gameball.receipts import Receipt
from gameball.transport.pool import ConnectionPool


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
        self._closing = SendClosing(
            state,
            self._context,
            pool=pool,
            log=self._log,
            stop_timer=partial(self._in_time.put, None),
            close_timeout=close_timeout,
        )
        self._interrupted = False
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
            self._context.check_process()
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
            yield from self._close_and_yield()
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
        self._context.check_process()
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
        self._context.check_process()
        if len(self._closing.workers) < min(self._state.concurrency, len(self._state.open)):
            self._begin_worker()
        may_send = self._state.may_send(pending)
        self._closing.submitted = pending.index
        if may_send:
            self._context.queue.put(pending)

    def _begin_worker(self) -> None:
        connection = self._pool.borrow()
        worker = Worker(connection, self._context)
        name = f"gameball-send-{len(self._closing.workers)}"
        # The caller's context variables reach the worker, as they reach a task: traces rely on it.
        work = partial(copy_context().run, worker.work)
        worker.thread = DaemonThread(work, name)
        self._closing.workers.append(worker)
        try:
            worker.thread.start()
        except RuntimeError:
            # The system cannot start more threads. The send continues with fewer, if there are any.
            self._closing.workers.pop()
            self._pool.give_back(connection)
            if not self._closing.workers:
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
            DaemonThread(partial(self._expire_after, seconds), "gameball-deadline").start()

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
        self._closing.abort_connections()
        self._context.tell(None)

    def _close_and_yield(self) -> Iterator[Receipt]:
        closing = self._closing
        closing.close()
        while closing.rest:
            receipt = closing.rest[0]
            yield receipt
            # An interrupt may come between any two steps, so it is removed only after it was handled.
            if closing.rest and closing.rest[0] is receipt:
                closing.rest.pop(0)

    def wait(self) -> None:
        """Wait until an interrupted send has ended, or end it if no thread is advancing it."""
        deadline = time.monotonic() + self._close_timeout + 2 * ABORT_TIMEOUT
        while not self._closing.has_ended:
            if self._driving.acquire(timeout=CHECK_INTERVAL):
                try:
                    self._closing.close()
                finally:
                    self._driving.release()
            elif self._driver == threading.get_ident() or time.monotonic() >= deadline:
                return

    def finish(self) -> list[Receipt]:
        """End the send: requests in flight have a grace period, and are then aborted.

        Returns:
            The receipts that were not yielded yet. If an interrupt ends this call, another returns them.
        """
        if self._context.is_in_child:
            return []
        self._closing.close()
        return list(self._closing.rest)
