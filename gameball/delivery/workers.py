"""The worker threads of a send. Each delivers chunks from a queue, one after the other."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

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
from gameball.delivery.latch import Latch
from gameball.delivery.pending_chunk import PendingChunk, abandoned_error
from gameball.delivery.send_context import BaseSendContext, BaseWorker, Done
from gameball.delivery.send_log import log_after, log_before
from gameball.errors import ConnectionFailedError, GameballError, RecordError, ResponseLostError
from gameball.rate_limit import Limiter, RequestEnd
from gameball.receipts import Receipt
from gameball.transport.responses import job_or_error, request_end
from gameball.transport.worker_connection import WorkerConnection


@define(eq=False, kw_only=True)
class SendContext(BaseSendContext):
    """The objects that the threads of one send share.

    Attributes:
        queue: The chunks to be delivered. None ends a worker.
        results: The results of delivering them. A result is removed only after it was handled, because an
            interrupt may come between any two steps of the caller's thread.
        arrived: Has an item for each result that arrived since the caller's thread last waited for one.
        concluding: Held while the outcome of a chunk is decided, by its worker or by the thread that abandons
            it.
    """

    limiter: Limiter
    stopped: Latch = field(init=False, factory=Latch)
    queue: "queue.SimpleQueue[PendingChunk | None]" = field(init=False, factory=queue.SimpleQueue)
    results: "deque[Receipt | Done | None]" = field(init=False, factory=deque)
    arrived: "SimpleQueue[None]" = field(init=False)
    concluding: threading.Lock = field(init=False)

    # Not factories: they would be looked up at import, before gevent replaces them.
    @arrived.default
    def _new_queue(self) -> "SimpleQueue[None]":
        # Not a condition: an interrupt of the caller's thread could leave its lock held.
        return queue.SimpleQueue()

    @concluding.default
    def _new_lock(self) -> threading.Lock:
        return threading.Lock()

    def tell(self, result: Receipt | Done | None) -> None:
        """Pass a result to the caller's thread. None only wakes it."""
        self.results.append(result)
        self.arrived.put(None)

    def record(self, write: Callable[[DurableRecord], None]) -> RecordError | None:
        """Write to the durable record, if there is one. An error ends the send."""
        if self.durable_record is None:
            return None
        try:
            write(self.durable_record)
        except RecordError as error:
            self.fail(error)
            return error
        return None


@define(eq=False)
class Worker(BaseWorker[WorkerConnection]):
    """A worker thread and its chunk.

    Args:
        connection: The worker's connection.
        context: The objects shared with the other workers.

    Attributes:
        thread: The thread, or None before it is created.
        busy: Whether the worker is delivering a chunk.
        pending: The current or last chunk.
        abandoned: Whether the send was finished without this worker, because it did not end in time.
        ended: Whether the worker has taken its last step.
    """

    context: SendContext
    thread: threading.Thread | None = field(default=None, init=False)
    busy: bool = field(default=False, init=False)
    pending: PendingChunk | None = field(default=None, init=False)
    abandoned: bool = field(default=False, init=False)
    ended: bool = field(default=False, init=False)

    def work(self) -> None:
        """Deliver chunks until there are no more. This is the target of the thread."""
        while (pending := self.next_chunk()) is not None:
            self.busy = True
            self.pending = pending
            steps = deliver(pending, self.context.tools)
            reply: DeliveryReply = None
            try:
                while not self.context.is_in_child:
                    effect = steps.send(reply)
                    log_before(effect, self.unfinished[0][1] if self.unfinished else pending.chunk)
                    begun = time.monotonic()
                    reply = self.carry_out(effect)
                    log_after(effect, reply, time.monotonic() - begun)
            except StopIteration:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                self.context.fail(error)
                with self.context.concluding:
                    self.abandon_chunk()
            if self.context.is_in_child:
                self.context.tell(None)  # the greenlet of the caller raises an error
                break
            self.busy = False
            self.finish_chunk(pending)
        # An abandoned worker ends after its send, so it must close its connection itself.
        if self.abandoned:
            self.connection.close()
        self.ended = True

    def next_chunk(self) -> PendingChunk | None:
        """Wait for the next chunk and return it, or None if there are no more."""
        return self.context.queue.get()

    def finish_chunk(self, pending: PendingChunk) -> None:
        """Report that the worker has finished with a chunk, and pass on the chunks that waited for it."""
        # Here and not in the caller's thread, which may be waiting for the source.
        for ready in self.context.state.note_end(pending):
            self.context.queue.put(ready)
        self.context.tell(Done(pending))

    def carry_out(self, effect: DeliveryEffect) -> DeliveryReply:
        """Do what the delivery of a chunk asks for, and return the reply."""
        context = self.context
        match effect:
            case RecordIntent(pending):
                self.note_begun(pending)
                if context.state.cause is not None or context.durable_record is None:
                    return context.state.cause
                return context.record(partial(self.intend, pending))
            case AcquireSlot():
                return context.limiter.acquire(lambda: not context.may_send)
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
                return context.record(partial(self.divide, index, parts))
            case RecordOutcome(receipt):
                self.record_outcome(receipt)
        return None

    def _send(self, chunk: Chunk) -> int | GameballError:
        end = RequestEnd.NOT_SENT
        try:
            if (refusal := self.context.authorize()) is not None:
                return refusal
            content = self.connection.send_batch(chunk.content)
            end = RequestEnd.ENDED_BY_SERVER
        except GameballError as error:
            end = request_end(error)
            sent = end is not RequestEnd.NOT_SENT
            passed = self.context.state.passed_deadline
            return abandoned_error(passed, sent=sent) if passed and _is_abort(error) else error
        except BaseException as error:  # noqa: BLE001 - from a user's transport; raised again for the caller
            end = RequestEnd.GIVEN_UP
            self.context.fail(error)
            return ResponseLostError(
                f"the transport raised an unexpected {type(error).__name__} while sending"
            )
        finally:
            if not self.context.is_in_child:
                self.context.limiter.release(end)
        return job_or_error(content)

    def record_outcome(self, receipt: Receipt) -> None:
        """Record and report the receipt of the first unfinished chunk."""
        context = self.context
        with context.concluding:
            if self.abandoned:
                return
            try:
                context.record(lambda record: record.conclude(receipt))
            finally:
                # The outcome of the chunk is known, even if the ledger could not record it.
                self.note_receipt()
                context.state.note_outcome(receipt)
                context.tell(receipt)
        if context.state.stopped:
            context.wake()

    def abandon_chunk(self) -> None:
        """Record and report the receipts of all unfinished parts. The caller must hold ``concluding``."""
        for receipt in self.abandon(self.context.state.passed_deadline):
            self.context.record(partial(self.conclude_abandoned, receipt))
            self.context.tell(receipt)


def _is_abort(error: GameballError) -> bool:
    """Return whether an attempt may have failed because its connection was aborted, and has no response."""
    return isinstance(error, ConnectionFailedError | ResponseLostError)
