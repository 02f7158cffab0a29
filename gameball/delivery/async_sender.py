"""Sends events with tasks, as ``sender`` does with threads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from gameball.chunking.chunk import Chunk
from gameball.delivery.async_closing import AsyncSendClosing
from gameball.delivery.async_workers import AsyncSendContext, AsyncWorker
from gameball.delivery.closing import ABORT_TIMEOUT, DEFAULT_CLOSE_TIMEOUT
from gameball.delivery.decisions import RetryPolicy
from gameball.delivery.durable_record import DurableRecord
from gameball.delivery.pending_chunk import PendingChunk
from gameball.delivery.send_log import SendLog
from gameball.delivery.send_state import SendState
from gameball.rate_limit import AsyncLimiter
from gameball.receipts import Receipt
from gameball.transport.pool import AsyncConnectionPool


class AsyncSender:
    """One send: reads chunks in the caller's task, and delivers them in worker tasks.

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
        limiter: AsyncLimiter,
        pool: AsyncConnectionPool,
        durable_record: DurableRecord | None,
        close_timeout: float = DEFAULT_CLOSE_TIMEOUT,
    ) -> None:
        self._chunks = state.source.chunks_async()
        self._state = state
        self._context = AsyncSendContext(
            state=state,
            policy=policy,
            limiter=limiter,
            durable_record=durable_record,
            interrupt=self.interrupt,
        )
        self._pool = pool
        self._log = SendLog()
        self._close_timeout = close_timeout
        self._timer: asyncio.TimerHandle | None = None
        self._closing = AsyncSendClosing(
            state,
            self._context,
            pool=pool,
            log=self._log,
            stop_timer=self._stop_timer,
            close_timeout=close_timeout,
        )
        self._interrupted = False
        # The task that is advancing the send, or None while the user of a stream handles a receipt.
        self._driver: asyncio.Task[Any] | None = None
        # The task that is waiting for the source, and whether an interrupt cancelled that wait.
        self._reader: asyncio.Task[Any] | None = None
        self._cut_short = False

    async def receipts(self) -> AsyncIterator[Receipt]:
        """Send, and yield each receipt when its outcome is known.

        Raises:
            BaseException: The error of the source, an invalid event or the ledger, after all receipts.
        """
        steps = self._receipts()
        while True:
            self._context.check_process()
            self._driver = asyncio.current_task()
            try:
                receipt = await anext(steps, None)
            finally:
                self._driver = None
            if receipt is None:
                return
            self._log.note(receipt)
            yield receipt

    async def _receipts(self) -> AsyncIterator[Receipt]:
        state = self._state
        if state.deadline is not None:
            self._timer = asyncio.get_running_loop().call_later(state.deadline.left(), self._expire)
        while not (self._interrupted or state.expired) and (
            state.wants_chunk() or state.open or not self._context.results.empty()
        ):
            # A slow source must not delay the receipts.
            if state.wants_chunk() and self._context.results.empty():
                await self._read()
                # Let the workers run, even if the source never awaits anything.
                await asyncio.sleep(0)
            elif (receipt := await self._closing.collect()) is not None:
                yield receipt
        if state.expired or not self._interrupted:
            await self._closing.close()
            while self._closing.rest:
                yield self._closing.rest.pop(0)
        if state.problem is not None:
            raise state.problem

    async def _read(self) -> None:
        state = self._state
        try:
            chunk = await self._next_chunk()
            if chunk is None:
                return
            handed = state.examine(chunk)
        except StopAsyncIteration:
            state.end()
        except Exception as error:  # noqa: BLE001 - raised again once all earlier chunks have an outcome
            state.end(error)
        else:
            if isinstance(handed, Receipt):
                # Not returned: a cancellation could lose it on its way to the caller.
                self._context.results.put_nowait(handed)
                state.advance(handed.index, handed.last)
            else:
                state.open[handed.index] = handed
                state.advance(handed.index, handed.chunk.last)
                self._submit(handed)

    async def _next_chunk(self) -> Chunk | None:
        """Return the next chunk, or None if an interrupt cancelled the wait for the source.

        Raises:
            StopAsyncIteration: There are no more chunks.
        """
        reader = self._reader = asyncio.current_task()
        cancelled_before = 0 if reader is None else reader.cancelling()
        try:
            return await anext(self._chunks)
        except asyncio.CancelledError:
            # Undo our own cancellation, as asyncio.timeout does, unless someone else also cancelled the task.
            if reader is None or not self._cut_short or reader.uncancel() > cancelled_before:
                raise
            return None
        finally:
            self._reader = None

    def _submit(self, pending: PendingChunk) -> None:
        self._context.check_process()
        if len(self._closing.workers) < min(self._state.concurrency, len(self._state.open)):
            connection = self._pool.borrow()
            worker = AsyncWorker(connection, self._context)
            name = f"gameball-send-{len(self._closing.workers)}"
            worker.task = asyncio.create_task(worker.work(), name=name)
            self._closing.workers.append(worker)
        if self._state.may_send(pending):
            self._context.queue.put_nowait(pending)

    def interrupt(self, problem: BaseException) -> None:
        """Raise a problem in the caller's task immediately. Requests in flight then have a grace period."""
        self._interrupted = True
        self._context.fail(problem)
        self._wake_caller()

    def _expire(self) -> None:
        """End the send at its deadline: nothing more is sent, and requests in flight are aborted."""
        self._state.expire()
        self._context.wake()
        self._closing.abort_connections()
        self._wake_caller()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _wake_caller(self) -> None:
        # A source may wait for ever. A source that itself closed the client is not waiting.
        if self._reader is not None and self._reader is not asyncio.current_task():
            self._cut_short = True
            self._reader.cancel()
        # The caller's task may be waiting for a receipt.
        self._context.results.put_nowait(None)

    async def wait(self) -> None:
        """Wait until an interrupted send has finished, or finish it if no task is advancing it."""
        seconds = self._close_timeout + 2 * ABORT_TIMEOUT
        if self._driver is None:
            await self.finish()
        elif self._driver is not asyncio.current_task():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.ended.wait(), seconds)

    async def finish(self) -> list[Receipt]:
        """End the send: requests in flight have a grace period, and are then cancelled.

        Returns:
            The receipts that were not yielded yet. If a cancellation ends this call, another returns them.
        """
        if self._context.is_in_child:
            return []
        await self._closing.close()
        return list(self._closing.rest)
