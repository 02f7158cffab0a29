"""What the threads of a send do: each takes chunks, and delivers them one after the other."""

import queue
import threading
from collections import deque
from collections.abc import Callable
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
from gameball.delivery.pending_chunk import PendingChunk
from gameball.delivery.send_context import BaseSendContext, BaseWorker, Done
from gameball.errors import ConnectionFailedError, GameballError, LedgerError, ResponseLostError
from gameball.ledger.ledger import Ledger
from gameball.rate_limit import Limiter
from gameball.receipts import Receipt
from gameball.transport.responses import job_or_error
from gameball.transport.worker_connection import WorkerConnection


@define(eq=False, kw_only=True)
class SendContext(BaseSendContext):
    """What the threads of one send share.

    Attributes:
        queue: The chunks to be delivered; a None ends a worker.
        results: What has come of them. It is looked at first, and removed when it has been dealt with: an
            interrupt may come between any two steps of the caller's thread.
        arrived: Tells that there is a result.
        concluding: Held while the outcome of a chunk is decided on, by its worker or by whoever abandons it.
    """

    limiter: Limiter
    stopped: threading.Event = field(init=False, factory=threading.Event)
    queue: "queue.SimpleQueue[PendingChunk | None]" = field(init=False, factory=queue.SimpleQueue)
    results: "deque[Receipt | Done | None]" = field(init=False, factory=deque)
    arrived: threading.Condition = field(init=False, factory=threading.Condition)
    concluding: threading.Lock = field(init=False, factory=threading.Lock)

    def tell(self, result: Receipt | Done | None) -> None:
        """Hand something to the caller's thread."""
        with self.arrived:
            self.results.append(result)
            self.arrived.notify()

    def record(self, write: Callable[[Ledger], None]) -> LedgerError | None:
        """Write to the ledger, if there is one; what fails ends the send."""
        if self.ledger is None:
            return None
        try:
            write(self.ledger.ledger)
        except LedgerError as error:
            self.fail(error)
            return error
        return None


@define(eq=False)
class Worker(BaseWorker[WorkerConnection]):
    """A thread, and what it works on.

    Args:
        connection: Its connection.
        context: What it shares with the others.

    Attributes:
        thread: The thread, once there is one.
        busy: Whether it works on a chunk.
        pending: The chunk it worked on last.
        abandoned: Whether the send was finished without it, because it did not end.
    """

    context: SendContext
    thread: threading.Thread | None = field(default=None, init=False)
    busy: bool = field(default=False, init=False)
    pending: PendingChunk | None = field(default=None, init=False)
    abandoned: bool = field(default=False, init=False)

    def work(self) -> None:
        """Deliver chunks until there are no more; it is what the thread runs."""
        while (pending := self.context.queue.get()) is not None:
            self.busy = True
            self.pending = pending
            steps = deliver(pending, self.context.tools)
            reply: DeliveryReply = None
            try:
                while True:
                    reply = self._carry_out(steps.send(reply))
            except StopIteration:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                self.context.fail(error)
                with self.context.concluding:
                    self.abandon_chunk()
            self.busy = False
            self.context.tell(Done(pending))
        # Abandoned, it is back after its send has ended, and nobody else closes its connection.
        if self.abandoned:
            self.connection.close()

    def _carry_out(self, effect: DeliveryEffect) -> DeliveryReply:
        context = self.context
        match effect:
            case RecordIntent(pending):
                self.note_begun(pending)
                if context.state.cause is not None or context.ledger is None:
                    return context.state.cause
                return context.record(lambda ledger: ledger.intend(pending.index, pending.chunk))
            case AcquireSlot():
                return context.limiter.acquire(lambda: context.state.stopped)
            case SendRequest(chunk):
                result = self._send(chunk)
                self.note_result(result)
                return result
            case Sleep(seconds):
                context.stopped.wait(seconds)
            case PauseAll(seconds):
                context.limiter.hold(seconds)
            case RecordSplit(index, parts):
                self.note_split(index, parts)
                return context.record(lambda ledger: ledger.divide(index, parts))
            case RecordOutcome(receipt):
                self._record_outcome(receipt)
        return None

    def _send(self, chunk: Chunk) -> int | GameballError:
        sent = True
        try:
            content = self.connection.send_batch(chunk.content)
        except ConnectionFailedError as error:
            sent = False
            return error
        except GameballError as error:
            return error
        except BaseException as error:  # noqa: BLE001 - of a user's transport; raised again for the caller
            self.context.fail(error)
            return ResponseLostError(f"sending failed in an unknown way: {type(error).__name__}")
        finally:
            self.context.limiter.release(sent=sent)
        return job_or_error(content)

    def _record_outcome(self, receipt: Receipt) -> None:
        context = self.context
        with context.concluding:
            if self.abandoned:
                return
            try:
                context.record(lambda ledger: ledger.conclude(receipt))
            finally:
                # Whatever the ledger does, the outcome of the chunk is known.
                self.note_receipt()
                context.state.note_outcome(receipt)
                context.tell(receipt)
        if context.state.stopped:
            context.wake()

    def abandon_chunk(self) -> None:
        """Hand out the receipts of what is unfinished, while ``concluding`` is held."""
        for receipt in self.abandon():
            self.context.record(partial(Ledger.conclude, receipt=receipt))
            self.context.tell(receipt)
