"""Sends with tasks: the same shell around ``SendState`` and ``deliver`` as in ``sender``, with ``await``."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from gameball.chunking.chunk import Chunk
from gameball.delivery.async_workers import AsyncSendContext, AsyncWorker
from gameball.delivery.decisions import RetryPolicy
from gameball.delivery.open_ledger import OpenLedger
from gameball.delivery.pending_chunk import PendingChunk, abandon_pending
from gameball.delivery.send_context import Done, check_process
from gameball.delivery.send_state import SendState
from gameball.delivery.sender import ABORT_TIMEOUT, GRACE
from gameball.errors import LedgerError
from gameball.rate_limit import AsyncLimiter
from gameball.receipts import Receipt
from gameball.transport.pool import AsyncConnectionPool


class AsyncSender:
    """One send: reads chunks in the caller's task, and delivers them in others.

    Args:
        state: What is being sent.
        policy: How often and how soon to try again.
        limiter: The client's rate limits.
        pool: The client's connections.
        ledger: The durable record, whose run the sender ends; or None.
    """

    def __init__(
        self,
        state: SendState,
        *,
        policy: RetryPolicy,
        limiter: AsyncLimiter,
        pool: AsyncConnectionPool,
        ledger: OpenLedger | None,
    ) -> None:
        self._process = os.getpid()
        self._chunks = state.source.chunks_async()
        self._state = state
        self._context = AsyncSendContext(
            state=state, policy=policy, limiter=limiter, ledger=ledger, interrupt=self.interrupt
        )
        self._pool = pool
        self._workers: list[AsyncWorker] = []
        self._interrupted = False
        self._finished = asyncio.Event()
        self._finishing = asyncio.Lock()
        self._rest: list[Receipt] = []
        # The task that drives the send: none does while the reader of a stream is at a receipt.
        self._driver: asyncio.Task[Any] | None = None
        # The same while it waits for the source, and whether an interrupt has ended that.
        self._reader: asyncio.Task[Any] | None = None
        self._cut_short = False

    async def receipts(self) -> AsyncIterator[Receipt]:
        """Send, and yield each receipt as it comes.

        Raises:
            BaseException: What the source, an invalid event or the ledger has raised, after all receipts.
        """
        steps = self._receipts()
        while True:
            check_process(self._process)
            self._driver = asyncio.current_task()
            try:
                receipt = await anext(steps, None)
            finally:
                self._driver = None
            if receipt is None:
                return
            yield receipt

    async def _receipts(self) -> AsyncIterator[Receipt]:
        state = self._state
        while not self._interrupted and (state.wants_chunk() or state.open):
            # A source that takes its time must not keep the receipts waiting.
            if state.wants_chunk() and self._context.results.empty():
                receipt = await self._read()
                # Let the workers come to their turn, even when the source never waits.
                await asyncio.sleep(0)
            else:
                receipt = await self._collect()
            if receipt is not None:
                yield receipt
        if not self._interrupted:
            for receipt in state.rest():
                yield receipt
        if state.problem is not None:
            raise state.problem

    async def _read(self) -> Receipt | None:
        state = self._state
        try:
            chunk = await self._next_chunk()
            if chunk is None:
                return None
            handed = state.examine(chunk)
        except StopAsyncIteration:
            state.end()
        except Exception as error:  # noqa: BLE001 - raised again when what was read before is settled
            state.end(error)
        else:
            if isinstance(handed, Receipt):
                state.advance(handed.index, handed.last)
                return handed
            state.open[handed.index] = handed
            state.advance(handed.index, handed.chunk.last)
            self._submit(handed)
        return None

    async def _next_chunk(self) -> Chunk | None:
        """Return the next chunk, or None where an interrupt has ended waiting for the source.

        Raises:
            StopAsyncIteration: There is none.
        """
        reader = self._reader = asyncio.current_task()
        cancelled_before = 0 if reader is None else reader.cancelling()
        try:
            return await anext(self._chunks)
        except asyncio.CancelledError:
            # Taken back as asyncio.timeout does it, unless the task was cancelled by somebody else, too.
            if reader is None or not self._cut_short or reader.uncancel() > cancelled_before:
                raise
            return None
        finally:
            self._reader = None

    async def _collect(self) -> Receipt | None:
        result = await self._context.results.get()
        if isinstance(result, Done):
            self._state.open.pop(result.pending.index, None)
            return None
        return result

    def _submit(self, pending: PendingChunk) -> None:
        check_process(self._process)
        if len(self._workers) < min(self._state.concurrency, len(self._state.open)):
            connection = self._pool.borrow()
            worker = AsyncWorker(connection, self._context)
            name = f"gameball-send-{len(self._workers)}"
            worker.task = asyncio.create_task(worker.work(), name=name)
            self._workers.append(worker)
        self._context.queue.put_nowait(pending)

    def interrupt(self, problem: BaseException) -> None:
        """Let the caller see a problem at once; what is in flight has its grace time then."""
        self._interrupted = True
        self._context.fail(problem)
        # A source may wait for ever; one that closes its own client ends by itself.
        if self._reader is not None and self._reader is not asyncio.current_task():
            self._cut_short = True
            self._reader.cancel()
        # Wakes the caller, who may be waiting for a receipt.
        self._context.results.put_nowait(None)

    async def wait(self, seconds: float) -> None:
        """Wait until an interrupted send is settled, and settle it where nobody drives it.

        Args:
            seconds: How long to wait at most for the one who does.
        """
        if self._driver is None:
            self._rest += await self.finish()
        elif self._driver is not asyncio.current_task():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._finished.wait(), seconds)

    async def finish(self) -> list[Receipt]:
        """End the send: what is in flight gets its grace time, and then is cancelled.

        Returns:
            The receipts that were not given yet, once.
        """
        if self._process != os.getpid():
            return []
        async with self._finishing:
            if not self._finished.is_set():
                self._rest = await self._finish_once()
            rest, self._rest = self._rest, []
            return rest

    async def _finish_once(self) -> list[Receipt]:
        receipts: list[Receipt] = []
        self._context.stop()
        try:
            # In a loop that shuts down the workers have ended already.
            if not all(worker.has_ended for worker in self._workers):
                await self._drain(receipts, GRACE)
                self._abort_connections()
                await self._drain(receipts, ABORT_TIMEOUT)
            for worker in self._workers:
                await worker.abandon_chunk()
            while not self._context.queue.empty():
                if (pending := self._context.queue.get_nowait()) is not None:
                    receipts.append(abandon_pending(pending))
            await self._drain(receipts, 0.0)
        finally:
            # A second interrupt lands here at once; what is still in flight stays so in the ledger.
            try:
                await self._close()
            finally:
                self._finished.set()
                if self._context.ledger is not None:
                    with suppress(LedgerError):  # when a run ended is good to know, and no more
                        self._context.ledger.end_run()
        return receipts + self._state.rest()

    async def _drain(self, receipts: list[Receipt], seconds: float) -> None:
        """Collect receipts until nothing is outstanding or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._state.open or not self._context.results.empty():
                    if (receipt := await self._collect()) is not None:
                        receipts.append(receipt)

    def _abort_connections(self) -> None:
        self._context.aborting = True
        for worker in self._workers:
            if worker.attempting and worker.task is not None:
                worker.task.cancel()

    async def _close(self) -> None:
        self._context.aborting = True
        tasks = [worker.task for worker in self._workers if worker.task is not None]
        if self._state.open:
            for task in tasks:
                task.cancel()
        for _ in tasks:
            self._context.queue.put_nowait(None)
        if tasks:
            await asyncio.wait(tasks, timeout=ABORT_TIMEOUT)
        for worker in self._workers:
            if worker.has_ended:
                self._pool.give_back(worker.connection)
