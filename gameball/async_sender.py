"""Sends with tasks: the same shell around ``Flow`` and ``deliver`` as in ``sender``, with ``await``."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial

from attrs import define, field
from gameball_api.api.batches import send_events_batch

from gameball.answers import job_or_error, usable_answer
from gameball.attempts import (
    Admit,
    Attempt,
    Conclude,
    Delivery,
    Divide,
    Hold,
    Intend,
    Pause,
    Reply,
    Step,
    Task,
    deliver,
    doubt_of,
    give_up,
    give_up_task,
    given_up,
)
from gameball.chunk import Chunk
from gameball.connection import RawClient, ReadyBatch
from gameball.delivery import Receipt
from gameball.errors import ConnectionFailedError, GameballError, LedgerError, ResponseLostError
from gameball.flow import Flow
from gameball.lanes import AsyncLane, AsyncLanes
from gameball.ledger import Ledger
from gameball.options import OpenLedger
from gameball.ratelimit import AsyncLimiter
from gameball.retries import RetryPolicy
from gameball.sender import BREAK_OFF_TIME, GRACE, Done


@define(eq=False)
class _Worker:
    """A task of the event loop, and what it is at."""

    lane: AsyncLane
    raw: RawClient
    loop_task: "asyncio.Task[None] | None" = None
    attempting: bool = False
    #: The chunk it is at, or the parts of one that was split, as far as they have no receipt.
    unsettled: list[tuple[int, Chunk]] = field(factory=list)
    #: An attempt at that which may have been accepted.
    doubt: GameballError | None = None
    #: The receipt that is being written down, before it is handed out.
    receipt: Receipt | None = None


class AsyncSender:
    """One send: reads chunks in the caller's task, and delivers them in others.

    Args:
        chunks: What to send.
        flow: How the send goes on.
        policy: How often and how soon to try again.
        limiter: The client's rate limits.
        lanes: The client's connections.
        ledger: The durable record, whose run the sender ends; or None.
    """

    def __init__(
        self,
        chunks: AsyncIterator[Chunk],
        flow: Flow,
        *,
        policy: RetryPolicy,
        limiter: AsyncLimiter,
        lanes: AsyncLanes,
        ledger: OpenLedger | None,
    ) -> None:
        self._chunks = chunks
        self._flow = flow
        self._limiter = limiter
        self._lanes = lanes
        self._ledger = ledger
        self._delivery = Delivery(policy, time.monotonic, random.random, lambda: flow.cause)
        self._stopped = asyncio.Event()
        self._tasks: asyncio.Queue[Task | None] = asyncio.Queue()
        self._results: asyncio.Queue[Receipt | Done | None] = asyncio.Queue()
        self._workers: list[_Worker] = []
        self._interrupted = False
        self._settled = asyncio.Event()
        self.caller = asyncio.current_task()

    async def receipts(self) -> AsyncIterator[Receipt]:
        """Send, and yield each receipt as it comes.

        Raises:
            BaseException: What the source, an invalid event or the ledger has raised, after all receipts.
        """
        flow = self._flow
        while not self._interrupted and (flow.wants_chunk() or flow.open):
            # A source that takes its time must not keep the receipts waiting.
            if flow.wants_chunk() and self._results.empty():
                receipt = await self._read()
                # Let the workers come to their turn, even when the source never waits.
                await asyncio.sleep(0)
            else:
                receipt = await self._collect()
            if receipt is not None:
                yield receipt
        if not self._interrupted:
            for receipt in flow.rest():
                yield receipt
        if flow.problem is not None:
            raise flow.problem

    async def _read(self) -> Receipt | None:
        flow = self._flow
        try:
            handed = flow.examine(await anext(self._chunks))
        except StopAsyncIteration:
            flow.end()
        except Exception as error:  # noqa: BLE001 - raised again when what was read before is settled
            flow.end(error)
        else:
            if isinstance(handed, Receipt):
                flow.advance(handed.index, handed.last)
                return handed
            flow.open[handed.index] = handed
            flow.advance(handed.index, handed.chunk.last)
            self._submit(handed)
        return None

    async def _collect(self) -> Receipt | None:
        result = await self._results.get()
        if isinstance(result, Done):
            self._flow.open.pop(result.task.index, None)
            return None
        return result

    def _submit(self, task: Task) -> None:
        if len(self._workers) < min(self._flow.concurrency, len(self._flow.open)):
            lane = self._lanes.borrow()
            worker = _Worker(lane, RawClient(lane))
            name = f"gameball-send-{len(self._workers)}"
            worker.loop_task = asyncio.create_task(self._work(worker), name=name)
            self._workers.append(worker)
        self._tasks.put_nowait(task)

    async def _work(self, worker: _Worker) -> None:
        while (task := await self._tasks.get()) is not None:
            steps = deliver(task, self._delivery)
            reply: Reply = None
            try:
                while True:
                    reply = await self._take(steps.send(reply), worker)
            except StopIteration:
                pass
            except Exception as error:  # noqa: BLE001 - raised again in the caller's task
                self.fail(error)
                await self._give_up(worker)
            self._results.put_nowait(Done(task))

    async def _take(self, step: Step, worker: _Worker) -> Reply:
        match step:
            case Intend(task):
                worker.unsettled = [(task.index, task.chunk)]
                worker.doubt = task.doubt
                if self._flow.cause is not None or self._ledger is None:
                    return self._flow.cause
                return await self._note(lambda ledger: ledger.intend(task.index, task.chunk))
            case Admit():
                return await self._limiter.acquire(lambda: self._flow.stopped)
            case Attempt(chunk):
                result = await self._attempt(chunk, worker)
                worker.doubt = doubt_of(result) or worker.doubt
                if isinstance(result, GameballError):
                    # From here on it is certain what it came to, or is the worker's doubt.
                    worker.lane.began_to_send = False
                return result
            case Pause(seconds):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), seconds)
            case Hold(seconds):
                self._limiter.hold(seconds)
            case Divide(index, parts):
                worker.unsettled = [(index, part) for part in parts] + worker.unsettled[1:]
                return await self._note(lambda ledger: ledger.divide(index, parts))
            case Conclude(receipt):
                worker.receipt = receipt
                try:
                    await self._note(lambda ledger: ledger.conclude(receipt))
                finally:
                    self._hand_out(worker)
        return None

    def _hand_out(self, worker: _Worker) -> None:
        """Hand out the receipt a worker has, once: even cancelled while it writes, it knows what became."""
        receipt, worker.receipt = worker.receipt, None
        # A worker that was given up on while it waited for something else has nothing left to settle.
        if receipt is not None and worker.unsettled:
            worker.unsettled.pop(0)
            worker.lane.began_to_send = False
            self._flow.settle(receipt)
            self._results.put_nowait(receipt)
            if self._flow.stopped:
                self._wake()

    async def _attempt(self, chunk: Chunk, worker: _Worker) -> int | GameballError:
        sent = True
        worker.attempting = True
        try:
            with usable_answer():
                answer = await send_events_batch.asyncio_detailed(
                    client=worker.raw, body=ReadyBatch(chunk.content)
                )
        except ConnectionFailedError as error:
            sent = False
            return error
        except GameballError as error:
            return error
        except asyncio.CancelledError:
            # The task was cancelled by settle(), and goes on to write the receipt.
            sent = worker.lane.began_to_send
            return given_up(sent=sent)
        except Exception as error:  # noqa: BLE001 - of a transport of the user's; raised again for the caller
            self.fail(error)
            return ResponseLostError(f"sending failed in an unknown way: {type(error).__name__}")
        finally:
            worker.attempting = False
            self._limiter.release(sent=sent)
        return job_or_error(answer.content)

    async def _note(self, write: Callable[[Ledger], None]) -> LedgerError | None:
        """Write to the ledger, if there is one, in a thread; what fails ends the send."""
        if self._ledger is None:
            return None
        try:
            await asyncio.to_thread(write, self._ledger.ledger)
        except LedgerError as error:
            self.fail(error)
            return error
        return None

    def stop(self, cause: GameballError | None = None) -> None:
        """Send nothing new."""
        self._flow.stop(cause)
        self._wake()

    def fail(self, problem: BaseException) -> None:
        """Send nothing new, and let the caller see a problem in the end."""
        self._flow.fail(problem)
        self._wake()

    def interrupt(self, problem: BaseException) -> None:
        """Let the caller see a problem at once; what is in flight has its grace time then."""
        self._interrupted = True
        self.fail(problem)
        # Wakes the caller, who may be waiting for a receipt.
        self._results.put_nowait(None)

    def _wake(self) -> None:
        self._stopped.set()
        self._limiter.wake()

    async def wait(self, seconds: float) -> None:
        """Wait until the send is settled, and no longer than told."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), seconds)

    async def settle(self) -> list[Receipt]:
        """End the send: what is in flight gets its grace time, and then is cancelled.

        Returns:
            The receipts that were not given yet.
        """
        receipts: list[Receipt] = []
        if self._settled.is_set():
            return receipts
        self.stop()
        try:
            await self._drain(receipts, GRACE)
            self._break_off()
            await self._drain(receipts, BREAK_OFF_TIME)
            for worker in self._workers:
                await self._give_up(worker)
            while not self._tasks.empty():
                if (task := self._tasks.get_nowait()) is not None:
                    receipts.append(give_up_task(task))
            await self._drain(receipts, 0.0)
        finally:
            # A second interrupt lands here at once; what is still in flight stays so in the ledger.
            await self._close()
        return receipts + self._flow.rest()

    async def _drain(self, receipts: list[Receipt], seconds: float) -> None:
        """Collect receipts until nothing is outstanding or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._flow.open or not self._results.empty():
                    if (receipt := await self._collect()) is not None:
                        receipts.append(receipt)

    def _break_off(self) -> None:
        for worker in self._workers:
            if worker.attempting and worker.loop_task is not None:
                worker.loop_task.cancel()

    async def _give_up(self, worker: _Worker) -> None:
        """Settle what a worker is at as well as can be known without it."""
        self._hand_out(worker)
        unsettled, worker.unsettled = worker.unsettled, []
        error = worker.doubt or given_up(sent=worker.lane.began_to_send)
        for index, chunk in unsettled:
            receipt = give_up(index, chunk, error, attempts=1)
            await self._note(partial(Ledger.conclude, receipt=receipt))
            self._results.put_nowait(receipt)

    async def _close(self) -> None:
        loop_tasks = [worker.loop_task for worker in self._workers if worker.loop_task is not None]
        if self._flow.open:
            for loop_task in loop_tasks:
                loop_task.cancel()
        for _ in loop_tasks:
            self._tasks.put_nowait(None)
        if loop_tasks:
            await asyncio.wait(loop_tasks, timeout=BREAK_OFF_TIME)
        for worker in self._workers:
            if worker.loop_task is not None and worker.loop_task.done():
                self._lanes.give_back(worker.lane)
        if self._ledger is not None:
            with suppress(LedgerError):  # when a run ended is good to know, and no more
                self._ledger.end_run()
        self._settled.set()
