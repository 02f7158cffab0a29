"""What the tasks of a send do: the twin of ``workers``, with ``await``."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from attrs import define, field

from gameball.chunking.chunk import Chunk
from gameball.delivery.attempts import deliver
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
from gameball.delivery.pending_chunk import PendingChunk, abandoned_error
from gameball.delivery.send_context import BaseSendContext, BaseWorker, Done
from gameball.errors import ConnectionFailedError, GameballError, LedgerError, ResponseLostError
from gameball.ledger.ledger import Ledger
from gameball.rate_limit import AsyncLimiter
from gameball.receipts import Receipt
from gameball.transport.responses import job_or_error
from gameball.transport.worker_connection import AsyncWorkerConnection


@define(eq=False, kw_only=True)
class AsyncSendContext(BaseSendContext):
    """What the tasks of one send share.

    Args:
        interrupt: Lets the caller see a problem at once.

    Attributes:
        queue: The chunks to be delivered; a None ends a worker.
        results: What has come of them.
        aborting: Whether it is the send itself that cancels its workers.
    """

    limiter: AsyncLimiter
    interrupt: Callable[[BaseException], None]
    stopped: asyncio.Event = field(init=False, factory=asyncio.Event)
    queue: "asyncio.Queue[PendingChunk | None]" = field(init=False, factory=asyncio.Queue)
    results: "asyncio.Queue[Receipt | Done | None]" = field(init=False, factory=asyncio.Queue)
    aborting: bool = field(init=False, default=False)

    async def record(self, write: Callable[[Ledger], None]) -> LedgerError | None:
        """Write to the ledger, if there is one, in a thread; what fails ends the send."""
        if self.ledger is None:
            return None
        try:
            await asyncio.to_thread(write, self.ledger.ledger)
        except LedgerError as error:
            self.fail(error)
            return error
        return None


@define(eq=False)
class AsyncWorker(BaseWorker[AsyncWorkerConnection]):
    """A task of the event loop, and what it works on.

    Args:
        connection: Its connection.
        context: What it shares with the others.

    Attributes:
        task: The task, once there is one.
        attempting: Whether a request of it is under way.
        receipt: The receipt that is being recorded, before it is handed out.
    """

    context: AsyncSendContext
    task: "asyncio.Task[None] | None" = field(default=None, init=False)
    attempting: bool = field(default=False, init=False)
    receipt: Receipt | None = field(default=None, init=False)

    @property
    def has_ended(self) -> bool:
        """Whether its task has ended."""
        return self.task is None or self.task.done()

    async def work(self) -> None:
        """Deliver chunks until there are no more; it is what the task runs."""
        while (pending := await self.context.queue.get()) is not None:
            steps = deliver(pending, self.context.tools)
            reply: DeliveryReply = None
            try:
                while True:
                    reply = await self._carry_out(steps.send(reply))
            except StopIteration:
                pass
            except asyncio.CancelledError:
                # A loop that shuts down does so. The send is finished by whoever waits for it.
                if not self.context.aborting:
                    self.context.interrupt(GameballError("a task of the send was cancelled by somebody else"))
                raise
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's task
                self.context.fail(error)
                await self.abandon_chunk()
            self.context.results.put_nowait(Done(pending))

    async def _carry_out(self, effect: DeliveryEffect) -> DeliveryReply:
        context = self.context
        match effect:
            case RecordIntent(pending):
                self.note_begun(pending)
                if context.state.cause is not None or context.ledger is None:
                    return context.state.cause
                return await context.record(lambda ledger: ledger.intend(pending.index, pending.chunk))
            case AcquireSlot():
                return await context.limiter.acquire(lambda: context.state.stopped)
            case SendRequest(chunk):
                result = await self._send(chunk)
                self.note_result(result)
                return result
            case Sleep(seconds):
                with suppress(TimeoutError):
                    await asyncio.wait_for(context.stopped.wait(), seconds)
            case PauseAll(seconds):
                context.limiter.hold(seconds)
            case RecordSplit(index, parts):
                self.note_split(index, parts)
                return await context.record(lambda ledger: ledger.divide(index, parts))
            case RecordOutcome(receipt):
                self.receipt = receipt
                try:
                    await context.record(lambda ledger: ledger.conclude(receipt))
                finally:
                    self._hand_out()
        return None

    def _hand_out(self) -> None:
        """Hand out its receipt, once: even cancelled while it records that, it knows the outcome."""
        receipt, self.receipt = self.receipt, None
        # A worker that was abandoned while it waited for something else has nothing left to hand out.
        if receipt is not None and self.unfinished:
            self.note_receipt()
            self.context.state.note_outcome(receipt)
            self.context.results.put_nowait(receipt)
            if self.context.state.stopped:
                self.context.wake()

    async def _send(self, chunk: Chunk) -> int | GameballError:
        sent = True
        self.attempting = True
        try:
            content = await self.connection.send_batch(chunk.content)
        except ConnectionFailedError as error:
            sent = False
            return error
        except GameballError as error:
            return error
        except asyncio.CancelledError as error:
            if not _is_cancelled():  # it is of the user's transport
                self.context.fail(error)
            elif not self.context.aborting:
                raise
            # Cancelled by finish(), the task goes on to record the receipt.
            sent = self.connection.began_to_send
            return abandoned_error(sent=sent)
        except BaseException as error:  # noqa: BLE001 - of a user's transport; raised again for the caller
            self.context.fail(error)
            return ResponseLostError(f"sending failed in an unknown way: {type(error).__name__}")
        finally:
            self.attempting = False
            self.context.limiter.release(sent=sent)
        return job_or_error(content)

    async def abandon_chunk(self) -> None:
        """Hand out the receipts of what is unfinished."""
        self._hand_out()
        for receipt in self.abandon():
            await self.context.record(partial(Ledger.conclude, receipt=receipt))
            self.context.results.put_nowait(receipt)


def _is_cancelled() -> bool:
    """Tell whether the task that asks was cancelled, and not only told so."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
