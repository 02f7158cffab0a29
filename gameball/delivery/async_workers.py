"""The worker tasks of a send. Each delivers chunks from a queue, one after the other."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial

from attrs import define, field

from gameball.chunking.chunk import Chunk
from gameball.delivery.attempts import deliver
from gameball.delivery.durable_record import DurableRecord
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
from gameball.delivery.send_log import log_after, log_before
from gameball.errors import GameballError, RecordError, ResponseLostError
from gameball.rate_limit import AsyncLimiter, RequestEnd
from gameball.receipts import Receipt
from gameball.transport.responses import job_or_error, request_end
from gameball.transport.worker_connection import AsyncWorkerConnection


@define(eq=False, kw_only=True)
class AsyncSendContext(BaseSendContext):
    """The objects that the tasks of one send share.

    Args:
        interrupt: Raises a problem in the caller's task at once.

    Attributes:
        queue: The chunks to be delivered. None ends a worker.
        results: The results of delivering them. None only wakes the caller's task.
        aborting: Whether the send itself is cancelling its workers.
        writing: The writes to the durable record that have not ended, even if nothing waits for them.
    """

    limiter: AsyncLimiter
    interrupt: Callable[[BaseException], None]
    stopped: asyncio.Event = field(init=False, factory=asyncio.Event)
    queue: "asyncio.Queue[PendingChunk | None]" = field(init=False, factory=asyncio.Queue)
    results: "asyncio.Queue[Receipt | Done | None]" = field(init=False, factory=asyncio.Queue)
    aborting: bool = field(init=False, default=False)
    writing: "set[asyncio.Future[None]]" = field(init=False, factory=set)

    async def record(self, write: Callable[[DurableRecord], None]) -> RecordError | None:
        """Write to the durable record, if there is one, in a thread. An error ends the send."""
        if self.durable_record is None:
            return None
        work = partial(copy_context().run, write, self.durable_record)
        # Not a task, which an event loop that shuts down would cancel, while its thread goes on.
        writing = asyncio.get_running_loop().run_in_executor(None, work)
        self.writing.add(writing)
        writing.add_done_callback(self._note_written)
        try:
            await asyncio.shield(writing)
        except RecordError as error:
            self.fail(error)
            return error
        return None

    def _note_written(self, writing: "asyncio.Future[None]") -> None:
        self.writing.discard(writing)
        # Nobody may be waiting for it any more.
        if not writing.cancelled():
            writing.exception()

    async def wait_for_writes(self) -> None:
        """Wait until everything is recorded. The durable record must not be closed before."""
        while self.writing:
            await asyncio.wait(self.writing)


@define(eq=False)
class AsyncWorker(BaseWorker[AsyncWorkerConnection]):
    """A worker task and its chunk.

    Args:
        connection: The worker's connection.
        context: The objects shared with the other workers.

    Attributes:
        task: The task, or None before it is created.
        attempting: Whether a request of the worker is in flight.
        receipt: The receipt that is being recorded, before it is reported.
    """

    context: AsyncSendContext
    task: "asyncio.Task[None] | None" = field(default=None, init=False)
    attempting: bool = field(default=False, init=False)
    receipt: Receipt | None = field(default=None, init=False)

    @property
    def has_ended(self) -> bool:
        """Whether the task has ended."""
        return self.task is None or self.task.done()

    async def work(self) -> None:
        """Deliver chunks until there are no more. This is the coroutine of the task."""
        while (pending := await self.context.queue.get()) is not None:
            steps = deliver(pending, self.context.tools)
            reply: DeliveryReply = None
            try:
                while not self.context.is_in_child:
                    effect = steps.send(reply)
                    log_before(effect, self.unfinished[0][1] if self.unfinished else pending.chunk)
                    begun = time.monotonic()
                    reply = await self._carry_out(effect)
                    log_after(effect, reply, time.monotonic() - begun)
            except StopIteration:
                pass
            except asyncio.CancelledError:
                # For example by an event loop that shuts down. The caller's task finishes the send.
                if not self.context.aborting:
                    self.context.interrupt(
                        GameballError("a task of the send was cancelled from outside the send")
                    )
                raise
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's task
                self.context.fail(error)
                await self.abandon_chunk()
            if self.context.is_in_child:
                self.context.results.put_nowait(None)  # the task of the caller raises an error
                return
            for ready in self.context.state.note_end(pending):
                self.context.queue.put_nowait(ready)
            self.context.results.put_nowait(Done(pending))

    async def _carry_out(self, effect: DeliveryEffect) -> DeliveryReply:
        context = self.context
        match effect:
            case RecordIntent(pending):
                self.note_begun(pending)
                if context.state.cause is not None or context.durable_record is None:
                    return context.state.cause
                return await context.record(partial(self.intend, pending))
            case AcquireSlot():
                return await context.limiter.acquire(lambda: not context.may_send)
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
                return await context.record(partial(self.divide, index, parts))
            case RecordOutcome(receipt):
                self.receipt = receipt
                try:
                    await context.record(lambda record: record.conclude(receipt))
                finally:
                    self._hand_out()
        return None

    def _hand_out(self) -> None:
        """Report the receipt, once. The outcome is known even if recording it was cancelled."""
        receipt, self.receipt = self.receipt, None
        # If the worker was abandoned meanwhile, its receipts were already reported.
        if receipt is not None and self.unfinished:
            self.note_receipt()
            self.context.state.note_outcome(receipt)
            self.context.results.put_nowait(receipt)
            if self.context.state.stopped:
                self.context.wake()

    async def _send(self, chunk: Chunk) -> int | GameballError:
        end = RequestEnd.NOT_SENT
        self.attempting = True
        try:
            if (refusal := self.context.authorize()) is not None:
                return refusal
            content = await self.connection.send_batch(chunk.content)
            end = RequestEnd.ENDED_BY_SERVER
        except GameballError as error:
            end = request_end(error)
            return error
        except asyncio.CancelledError as error:
            sent = self.connection.began_to_send
            end = RequestEnd.GIVEN_UP if sent else RequestEnd.NOT_SENT
            if not _is_cancelled():  # raised by the user's transport
                self.context.fail(error)
            elif not self.context.aborting:
                raise
            # If finish() cancelled the task, it continues, to record the receipt.
            return abandoned_error(self.context.state.passed_deadline, sent=sent)
        except BaseException as error:  # noqa: BLE001 - from a user's transport; raised again for the caller
            end = RequestEnd.GIVEN_UP
            self.context.fail(error)
            return ResponseLostError(
                f"the transport raised an unexpected {type(error).__name__} while sending"
            )
        finally:
            self.attempting = False
            if not self.context.is_in_child:
                self.context.limiter.release(end)
        return job_or_error(content)

    async def abandon_chunk(self) -> None:
        """Record and report the receipts of all unfinished parts."""
        self._hand_out()
        receipts = self.abandon(self.context.state.passed_deadline)
        # Before they are recorded: a cancellation may end that.
        for receipt in receipts:
            self.context.results.put_nowait(receipt)
        for receipt in receipts:
            await self.context.record(partial(self.conclude_abandoned, receipt))


def _is_cancelled() -> bool:
    """Return whether the current task was really cancelled: a transport may raise CancelledError itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
