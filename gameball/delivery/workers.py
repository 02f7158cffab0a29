"""What the threads of a send do: each takes tasks, and delivers them one after the other."""

import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from attrs import define, field, frozen
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
from gameball.errors import ConnectionFailedError, GameballError, LedgerError, ResponseLostError
from gameball.ledger.ledger import Ledger
from gameball.rate_limit import Limiter
from gameball.receipts import Receipt
from gameball.transport.connection import RawClient, ReadyBatch
from gameball.transport.pool import WorkerConnection
from gameball.transport.responses import job_or_error, readable_response


@frozen
class Done:
    """Tells that a worker has done all it could for a task."""

    task: PendingChunk


@define(eq=False)
class SendContext:
    """What the threads of one send share.

    Args:
        state: How the send goes on.
        policy: How often and how soon to try again.
        limiter: The client's rate limits.
        ledger: The durable record; or None.

    Attributes:
        tools: What delivering a chunk needs from outside.
        tasks: What is to be delivered; a None ends a worker.
        results: What has come of it. It is looked at first, and removed when it has been dealt with: an
            interrupt may come between any two steps of the caller's thread.
        arrived: Tells that there is a result.
        stopped: Whether nothing new is to be sent.
        concluding: Held while the outcome of a chunk is decided on, by its worker or by whoever gives it up.
    """

    state: SendState
    policy: RetryPolicy
    limiter: Limiter
    ledger: OpenLedger | None
    tools: DeliveryTools = field(init=False)
    tasks: "queue.SimpleQueue[PendingChunk | None]" = field(init=False, factory=queue.SimpleQueue)
    results: "deque[Receipt | Done | None]" = field(init=False, factory=deque)
    arrived: threading.Condition = field(init=False, factory=threading.Condition)
    stopped: threading.Event = field(init=False, factory=threading.Event)
    concluding: threading.Lock = field(init=False, factory=threading.Lock)

    @tools.default
    def _at_hand(self) -> DeliveryTools:
        return DeliveryTools(self.policy, time.monotonic, random.random, lambda: self.state.cause)

    def tell(self, result: Receipt | Done | None) -> None:
        """Hand something to the caller's thread."""
        with self.arrived:
            self.results.append(result)
            self.arrived.notify()

    def note(self, write: Callable[[Ledger], None]) -> LedgerError | None:
        """Write to the ledger, if there is one; what fails ends the send."""
        if self.ledger is None:
            return None
        try:
            write(self.ledger.ledger)
        except LedgerError as error:
            self.fail(error)
            return error
        return None

    def stop(self, cause: GameballError | None = None) -> None:
        """Send nothing new, from whichever thread."""
        self.state.stop(cause)
        self.wake()

    def fail(self, problem: BaseException) -> None:
        """Send nothing new, and let the caller see a problem in the end; from whichever thread."""
        self.state.fail(problem)
        self.wake()

    def wake(self) -> None:
        """Make all who wait for something ask again whether to go on."""
        self.stopped.set()
        self.limiter.wake()


@define(eq=False)
class Worker:
    """A thread, and what it is at.

    Args:
        context: What it shares with the others.
        connection: Its connection.

    Attributes:
        raw: The generated client over it.
        thread: The thread, once there is one.
        busy: Whether it is at a task.
        task: The task it was at last.
        unfinished: The chunk it is at, or the parts of one that was split, as far as they have no receipt.
        ambiguous: An attempt at that which may have been accepted.
        abandoned: Whether it was settled without it, because it did not end.
    """

    _context: SendContext
    connection: WorkerConnection
    raw: RawClient = field(init=False)
    thread: threading.Thread | None = None
    busy: bool = False
    task: PendingChunk | None = None
    unfinished: list[tuple[int, Chunk]] = field(factory=list)
    ambiguous: GameballError | None = None
    abandoned: bool = False

    @raw.default
    def _over_connection(self) -> RawClient:
        return RawClient(self.connection)

    def work(self) -> None:
        """Deliver tasks until there are no more; it is what the thread runs."""
        while (task := self._context.tasks.get()) is not None:
            self.busy = True
            self.task = task
            steps = deliver(task, self._context.tools)
            reply: DeliveryReply = None
            try:
                while True:
                    reply = self._take(steps.send(reply))
            except StopIteration:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                self._context.fail(error)
                with self._context.concluding:
                    self.abandon()
            self.busy = False
            self._context.tell(Done(task))
        # Given up on, it is back after its send has ended, and nobody else closes its connection.
        if self.abandoned:
            self.connection.close()

    def _take(self, step: DeliveryEffect) -> DeliveryReply:
        match step:
            case RecordIntent(task):
                self.unfinished = [(task.index, task.chunk)]
                self.ambiguous = task.ambiguous
                if self._context.state.cause is not None or self._context.ledger is None:
                    return self._context.state.cause
                return self._context.note(lambda ledger: ledger.intend(task.index, task.chunk))
            case AcquireSlot():
                return self._context.limiter.acquire(lambda: self._context.state.stopped)
            case SendRequest(chunk):
                result = self._attempt(chunk)
                self.ambiguous = ambiguous_error(result) or self.ambiguous
                if isinstance(result, GameballError):
                    # From here on it is certain what it came to, or is the worker's ambiguous.
                    self.connection.began_to_send = False
                return result
            case Sleep(seconds):
                self._context.stopped.wait(seconds)
            case PauseAll(seconds):
                self._context.limiter.hold(seconds)
            case RecordSplit(index, parts):
                self.unfinished = [(index, part) for part in parts] + self.unfinished[1:]
                return self._context.note(lambda ledger: ledger.divide(index, parts))
            case RecordOutcome(receipt):
                self._conclude(receipt)
        return None

    def _attempt(self, chunk: Chunk) -> int | GameballError:
        sent = True
        try:
            with readable_response():
                answer = send_events_batch.sync_detailed(client=self.raw, body=ReadyBatch(chunk.content))
        except ConnectionFailedError as error:
            sent = False
            return error
        except GameballError as error:
            return error
        except BaseException as error:  # noqa: BLE001 - of a user's transport; raised again for the caller
            self._context.fail(error)
            return ResponseLostError(f"sending failed in an unknown way: {type(error).__name__}")
        finally:
            self._context.limiter.release(sent=sent)
        return job_or_error(answer.content)

    def _conclude(self, receipt: Receipt) -> None:
        with self._context.concluding:
            if self.abandoned:
                return
            try:
                self._context.note(lambda ledger: ledger.conclude(receipt))
            finally:
                # Whatever the ledger does, what became of the chunk is known.
                self.unfinished.pop(0)
                self.connection.began_to_send = False
                self._context.state.note_outcome(receipt)
                self._context.tell(receipt)
        if self._context.state.stopped:
            self._context.wake()

    def abandon(self) -> None:
        """Finish what it is at as well as can be known without it, while ``concluding`` is held."""
        # A connection that is aborted before it began to send never will.
        error = self.ambiguous or abandoned_error(sent=self.connection.began_to_send)
        for index, chunk in self.unfinished:
            receipt = abandon(index, chunk, error, attempts=1)
            self._context.note(partial(Ledger.conclude, receipt=receipt))
            self._context.tell(receipt)
        self.unfinished = []
