"""The base classes of workers and of the objects they share, for threads and tasks."""

import asyncio
import os
import random
import threading
import time
from contextlib import suppress
from typing import Generic, TypeVar

from attrs import define, field, frozen

from gameball.chunking.chunk import Chunk
from gameball.delivery.attempts import DeliveryTools
from gameball.delivery.deadline import Deadline
from gameball.delivery.decisions import RetryPolicy
from gameball.delivery.durable_record import DurableRecord
from gameball.delivery.failure_outcomes import ambiguous_error
from gameball.delivery.latch import Latch
from gameball.delivery.pending_chunk import PendingChunk, abandon, abandoned_error
from gameball.delivery.send_state import SendState
from gameball.errors import GameballError, RecordError
from gameball.rate_limit import AsyncLimiter, Limiter
from gameball.receipts import Receipt
from gameball.transport.worker_connection import AsyncWorkerConnection, WorkerConnection


@frozen
class Done:
    """Reports that a worker has finished with a chunk."""

    pending: PendingChunk


@define(eq=False, kw_only=True)
class BaseSendContext:
    """The objects that the workers of one send share.

    Args:
        state: The state of the send.
        policy: The retry policy.
        limiter: The client's rate limits.
        durable_record: The ledger or another durable record, or None.

    Attributes:
        process: The id of the process that began the send.
        stopped: Set when no new requests may be sent.
        tools: The dependencies of ``deliver``.
    """

    state: SendState
    policy: RetryPolicy
    limiter: Limiter | AsyncLimiter
    durable_record: DurableRecord | None
    process: int = field(init=False, factory=os.getpid)
    stopped: Latch | asyncio.Event = field(init=False)
    tools: DeliveryTools = field(init=False)

    @tools.default
    def _tools_of_this_send(self) -> DeliveryTools:
        return DeliveryTools(self.policy, time.monotonic, random.random, lambda: self.state.cause)

    @property
    def is_in_child(self) -> bool:
        """Whether this process was forked from the one that began the send, which continues there.

        Threads do not exist in a forked child. But greenlets of gevent do, and so do the tasks of an event
        loop. Each of them must end without doing anything.
        """
        return self.process != os.getpid()

    def check_process(self) -> None:
        """Check that the send is used only in the process that began it.

        Raises:
            GameballError: This process is a forked child.
        """
        if self.is_in_child:
            raise GameballError(
                "this send was started before a fork and continues in the parent process; "
                "start a new send in the child"
            )

    @property
    def may_send(self) -> bool:
        """Whether a worker may begin a request."""
        return not (self.state.stopped or self.is_in_child)

    def stop(self, cause: GameballError | None = None) -> None:
        """Stop the send: no new requests are sent."""
        self.state.stop(cause)
        self.wake()

    def fail(self, problem: BaseException) -> None:
        """Stop the send because of a problem, which is raised to the caller at the end."""
        self.state.fail(problem)
        self.wake()

    def authorize(self) -> RecordError | None:
        """Ask the durable record, if any, whether a request may start now. An error ends the send."""
        if self.durable_record is None:
            return None
        try:
            self.durable_record.authorize()
        except RecordError as error:
            self.fail(error)
            return error
        return None

    def end_run(self) -> None:
        """Record in the durable record, if any, that the send has ended."""
        if self.durable_record is not None:
            with suppress(RecordError):  # the end time of a run is not essential
                self.durable_record.end_run()

    def wake(self) -> None:
        """Make every waiting worker check again whether to continue."""
        self.stopped.set()
        self.limiter.wake()


ConnectionT = TypeVar("ConnectionT", WorkerConnection, AsyncWorkerConnection)


@define(eq=False)
class BaseWorker(Generic[ConnectionT]):
    """The state of a worker.

    Args:
        connection: The worker's connection.

    Attributes:
        unfinished: The worker's chunk, or the parts of it if it was split, without those that have a receipt.
        ambiguous: The error of an attempt to send them that may have been accepted, or None.
    """

    connection: ConnectionT
    _recording: threading.Lock = field(init=False)
    unfinished: list[tuple[int, Chunk]] = field(factory=list, init=False)
    ambiguous: GameballError | None = field(default=None, init=False)

    # Not a factory: it would be looked up at import, before gevent replaces it.
    @_recording.default
    def _new_recording_lock(self) -> threading.Lock:
        return threading.Lock()

    def intend(self, pending: PendingChunk, record: DurableRecord) -> None:
        """Record that the chunk is about to be sent, unless it was abandoned meanwhile.

        A slow disk may keep this waiting until the send is finished. Recorded after its outcome, the chunk
        would be UNKNOWN in the ledger for ever, although it was not sent.
        """
        with self._recording:
            if self.unfinished:
                record.intend(pending.index, pending.chunk)

    def divide(self, index: int, parts: tuple[Chunk, Chunk], record: DurableRecord) -> None:
        """Record that a chunk is sent as two parts, unless it was abandoned meanwhile."""
        with self._recording:
            if self.unfinished:
                record.divide(index, parts)

    def conclude_abandoned(self, receipt: Receipt, record: DurableRecord) -> None:
        """Record the receipt of a chunk or part that was abandoned."""
        with self._recording:
            record.conclude(receipt)

    def note_begun(self, pending: PendingChunk) -> None:
        """Record that the worker has taken a chunk."""
        self.unfinished = [(pending.index, pending.chunk)]
        self.ambiguous = pending.ambiguous

    def note_result(self, result: int | GameballError) -> None:
        """Record the result of an attempt."""
        self.ambiguous = ambiguous_error(result) or self.ambiguous
        if isinstance(result, GameballError):
            # This attempt has a result, so ``abandon`` must not count it as in flight.
            self.connection.began_to_send = False

    def note_split(self, index: int, parts: tuple[Chunk, Chunk]) -> None:
        """Record that the chunk is sent as two parts."""
        self.unfinished = [(index, part) for part in parts] + self.unfinished[1:]

    def note_receipt(self) -> None:
        """Record that the first unfinished chunk has its receipt."""
        self.unfinished.pop(0)
        self.connection.began_to_send = False

    def abandon(self, deadline: Deadline | None) -> list[Receipt]:
        """Return the receipts of all unfinished parts, from what is known without the worker.

        Args:
            deadline: The deadline that passed, or None if they are abandoned for another reason.
        """
        # A connection that is aborted before it begins to send never sends.
        error = self.ambiguous or abandoned_error(deadline, sent=self.connection.began_to_send)
        unfinished, self.unfinished = self.unfinished, []
        return [abandon(index, chunk, error, attempts=1) for index, chunk in unfinished]
