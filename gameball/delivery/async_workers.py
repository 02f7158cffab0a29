"""What the tasks of a send do: the twin of ``workers``, with ``await``."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from attrs import define, field
from gameball_api.api.batches import send_events_batch

from gameball.chunking.chunk import Chunk
from gameball.delivery.attempts import DeliveryTools, deliver
from gameball.delivery.effects import (
    AcquireSlot,
    DeliveryEffect,
    DeliveryReply,
    PauseAll,
    RecordIntent,
    RecordOutcome,
    RecordSplit,
    SendRequest,
    Sleep,
)
from gameball.delivery.options import OpenLedger
from gameball.delivery.outcomes import ambiguous_error
from gameball.delivery.pending_chunk import PendingChunk, abandon, abandoned_error
from gameball.delivery.retries import RetryPolicy
from gameball.delivery.send_state import SendState
from gameball.delivery.workers import Done
from gameball.errors import ConnectionFailedError, GameballError, LedgerError, ResponseLostError
from gameball.ledger.ledger import Ledger
from gameball.rate_limit import AsyncLimiter
from gameball.receipts import Receipt
from gameball.transport.connection import RawClient, ReadyBatch
from gameball.transport.pool import AsyncWorkerConnection
from gameball.transport.responses import job_or_error, readable_response


@define(eq=False)
class AsyncSendContext:
    """What the tasks of one send share.

    Args:
        state: How the send goes on.
        policy: How often and how soon to try again.
        limiter: The client's rate limits.
        ledger: The durable record; or None.
        interrupt: Lets the caller see a problem at once.

    Attributes:
        tools: What delivering a chunk needs from outside.
        tasks: What is to be delivered; a None ends a worker.
        results: What has come of it.
        stopped: Whether nothing new is to be sent.
        aborting: Whether it is the send itself that cancels its workers.
    """

    state: SendState
    policy: RetryPolicy
    limiter: AsyncLimiter
    ledger: OpenLedger | None
    interrupt: Callable[[BaseException], None]
    tools: DeliveryTools = field(init=False)
    tasks: "asyncio.Queue[PendingChunk | None]" = field(init=False, factory=asyncio.Queue)
    results: "asyncio.Queue[Receipt | Done | None]" = field(init=False, factory=asyncio.Queue)
    stopped: asyncio.Event = field(init=False, factory=asyncio.Event)
    aborting: bool = field(init=False, default=False)

    @tools.default
    def _at_hand(self) -> DeliveryTools:
        return DeliveryTools(self.policy, time.monotonic, random.random, lambda: self.state.cause)

    async def note(self, write: Callable[[Ledger], None]) -> LedgerError | None:
        """Write to the ledger, if there is one, in a thread; what fails ends the send."""
        if self.ledger is None:
            return None
        try:
            await asyncio.to_thread(write, self.ledger.ledger)
        except LedgerError as error:
            self.fail(error)
            return error
        return None

    def stop(self, cause: GameballError | None = None) -> None:
        """Send nothing new."""
        self.state.stop(cause)
        self.wake()

    def fail(self, problem: BaseException) -> None:
        """Send nothing new, and let the caller see a problem in the end."""
        self.state.fail(problem)
        self.wake()

    def wake(self) -> None:
        """Make all who wait for something ask again whether to go on."""
        self.stopped.set()
        self.limiter.wake()


@define(eq=False)
class AsyncWorker:
    """A task of the event loop, and what it is at.

    Args:
        context: What it shares with the others.
        connection: Its connection.

    Attributes:
        raw: The generated client over it.
        loop_task: The task, once there is one.
        attempting: Whether a request of it is under way.
        unfinished: The chunk it is at, or the parts of one that was split, as far as they have no receipt.
        ambiguous: An attempt at that which may have been accepted.
        receipt: The receipt that is being written down, before it is handed out.
    """

    _context: AsyncSendContext
    connection: AsyncWorkerConnection
    raw: RawClient = field(init=False)
    loop_task: "asyncio.Task[None] | None" = None
    attempting: bool = False
    unfinished: list[tuple[int, Chunk]] = field(factory=list)
    ambiguous: GameballError | None = None
    receipt: Receipt | None = None

    @raw.default
    def _over_connection(self) -> RawClient:
        return RawClient(self.connection)

    @property
    def has_ended(self) -> bool:
        """Whether its task has ended."""
        return self.loop_task is None or self.loop_task.done()

    async def work(self) -> None:
        """Deliver tasks until there are no more; it is what the task runs."""
        while (task := await self._context.tasks.get()) is not None:
            steps = deliver(task, self._context.tools)
            reply: DeliveryReply = None
            try:
                while True:
                    reply = await self._take(steps.send(reply))
            except StopIteration:
                pass
            except asyncio.CancelledError:
                # A loop that shuts down does so. The send is settled by whoever waits for it.
                if not self._context.aborting:
                    self._context.interrupt(
                        GameballError("a task of the send was cancelled by somebody else")
                    )
                raise
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's task
                self._context.fail(error)
                await self.abandon()
            self._context.results.put_nowait(Done(task))

    async def _take(self, step: DeliveryEffect) -> DeliveryReply:
        match step:
            case RecordIntent(task):
                self.unfinished = [(task.index, task.chunk)]
                self.ambiguous = task.ambiguous
                if self._context.state.cause is not None or self._context.ledger is None:
                    return self._context.state.cause
                return await self._context.note(lambda ledger: ledger.intend(task.index, task.chunk))
            case AcquireSlot():
                return await self._context.limiter.acquire(lambda: self._context.state.stopped)
            case SendRequest(chunk):
                result = await self._attempt(chunk)
                self.ambiguous = ambiguous_error(result) or self.ambiguous
                if isinstance(result, GameballError):
                    # From here on it is certain what it came to, or is the worker's ambiguous.
                    self.connection.began_to_send = False
                return result
            case Sleep(seconds):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._context.stopped.wait(), seconds)
            case PauseAll(seconds):
                self._context.limiter.hold(seconds)
            case RecordSplit(index, parts):
                self.unfinished = [(index, part) for part in parts] + self.unfinished[1:]
                return await self._context.note(lambda ledger: ledger.divide(index, parts))
            case RecordOutcome(receipt):
                self.receipt = receipt
                try:
                    await self._context.note(lambda ledger: ledger.conclude(receipt))
                finally:
                    self._hand_out()
        return None

    def _hand_out(self) -> None:
        """Hand out its receipt, once: even cancelled while it writes that down, it knows what became."""
        receipt, self.receipt = self.receipt, None
        # A worker that was given up on while it waited for something else has nothing left to settle.
        if receipt is not None and self.unfinished:
            self.unfinished.pop(0)
            self.connection.began_to_send = False
            self._context.state.note_outcome(receipt)
            self._context.results.put_nowait(receipt)
            if self._context.state.stopped:
                self._context.wake()

    async def _attempt(self, chunk: Chunk) -> int | GameballError:
        sent = True
        self.attempting = True
        try:
            with readable_response():
                answer = await send_events_batch.asyncio_detailed(
                    client=self.raw, body=ReadyBatch(chunk.content)
                )
        except ConnectionFailedError as error:
            sent = False
            return error
        except GameballError as error:
            return error
        except asyncio.CancelledError as error:
            if not _is_cancelled():  # it is of the user's transport
                self._context.fail(error)
            elif not self._context.aborting:
                raise
            # Cancelled by settle(), the task goes on to write the receipt.
            sent = self.connection.began_to_send
            return abandoned_error(sent=sent)
        except BaseException as error:  # noqa: BLE001 - of a user's transport; raised again for the caller
            self._context.fail(error)
            return ResponseLostError(f"sending failed in an unknown way: {type(error).__name__}")
        finally:
            self.attempting = False
            self._context.limiter.release(sent=sent)
        return job_or_error(answer.content)

    async def abandon(self) -> None:
        """Finish what it is at as well as can be known without it."""
        self._hand_out()
        unfinished, self.unfinished = self.unfinished, []
        error = self.ambiguous or abandoned_error(sent=self.connection.began_to_send)
        for index, chunk in unfinished:
            receipt = abandon(index, chunk, error, attempts=1)
            await self._context.note(partial(Ledger.conclude, receipt=receipt))
            self._context.results.put_nowait(receipt)


def _is_cancelled() -> bool:
    """Tell whether the task that asks was cancelled, and not only told so."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
