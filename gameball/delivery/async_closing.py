"""How a send with tasks ends, as ``closing`` does with threads."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from gameball.delivery.async_workers import AsyncSendContext, AsyncWorker
from gameball.delivery.closing import ABORT_TIMEOUT, DEADLINE_ABORT_TIMEOUT
from gameball.delivery.pending_chunk import abandon_pending
from gameball.delivery.send_context import Done
from gameball.delivery.send_log import SendLog
from gameball.delivery.send_state import SendState
from gameball.receipts import Receipt
from gameball.transport.pool import AsyncConnectionPool


class AsyncSendClosing:
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
        rest: The receipts that were not yielded yet.
        ended: Set when the send has ended, so that there will be no further receipts.
    """

    def __init__(
        self,
        state: SendState,
        context: AsyncSendContext,
        *,
        pool: AsyncConnectionPool,
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
        self._closing = asyncio.Lock()
        self._calls = 0
        self.workers: list[AsyncWorker] = []
        self.rest: list[Receipt] = []
        self.ended = asyncio.Event()

    async def collect(self) -> Receipt | None:
        """Wait for the next result, and return its receipt, or None if it has none."""
        result = await self._context.results.get()
        self._context.check_process()
        if isinstance(result, Done):
            self._state.open.pop(result.pending.index, None)
            return None
        return result

    async def close(self) -> None:
        """Finish the send unless that was done, and keep the receipts that were not yielded yet.

        A cancellation may end this at any await. Calling it again continues, as with threads.
        """
        async with self._closing:
            if self.ended.is_set():
                return
            self._calls += 1
            concluded = False
            try:
                await self._conclude_open()
                concluded = True
            finally:
                await self._join_workers()
                await self._context.wait_for_writes()
                # After a second cancellation, chunks still in flight stay in flight in the ledger.
                if concluded or self._calls > 1:
                    self._context.end_run()
            # What a worker reported when it was cancelled.
            await self._drain(0.0)
            self.rest += self._state.rest()
            self.ended.set()
            self._log.end(self.rest, self._state.problem)

    async def _conclude_open(self) -> None:
        """Collect a receipt for each chunk that has none, and abandon what does not end in time."""
        self._context.stop()
        self._stop_timer()
        expired = self._state.expired
        for waiting in self._state.waiting():
            del self._state.open[waiting.index]
            self.rest.append(abandon_pending(waiting, self._state.passed_deadline))
        # If the event loop is shutting down, the workers have already ended.
        if not all(worker.has_ended for worker in self.workers):
            await self._drain(0.0 if expired else self._close_timeout)
            self.abort_connections()
            await self._drain(DEADLINE_ABORT_TIMEOUT if expired else ABORT_TIMEOUT)
        # First, because a worker that was abandoned would take the next chunk while others are awaited.
        while not self._context.queue.empty():
            if (pending := self._context.queue.get_nowait()) is not None:
                self._state.open.pop(pending.index, None)
                self.rest.append(abandon_pending(pending, self._state.passed_deadline))
        for worker in self.workers:
            await worker.abandon_chunk()
        await self._drain(0.0)
        self._state.find_sent_earlier()

    async def _drain(self, seconds: float) -> None:
        """Collect receipts until no chunk is open or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._state.open or not self._context.results.empty():
                    if (receipt := await self.collect()) is not None:
                        self.rest.append(receipt)

    def abort_connections(self) -> None:
        """End the requests in flight by force."""
        self._context.aborting = True
        for worker in self.workers:
            if worker.attempting and worker.task is not None:
                worker.task.cancel()

    async def _join_workers(self) -> None:
        self._context.aborting = True
        tasks = [worker.task for worker in self.workers if worker.task is not None]
        if self._state.open:
            for task in tasks:
                task.cancel()
        for _ in tasks:
            self._context.queue.put_nowait(None)
        if tasks:
            await asyncio.wait(
                tasks, timeout=DEADLINE_ABORT_TIMEOUT if self._state.expired else ABORT_TIMEOUT
            )
        for worker in [worker for worker in self.workers if worker.has_ended]:
            # After a second cancellation, it may have ended before it could report its chunk.
            for receipt in worker.abandon(self._state.passed_deadline):
                self.rest.append(receipt)
                self._state.open.pop(receipt.index, None)
            self.workers.remove(worker)
            self._pool.give_back(worker.connection)
