"""What the workers of a send share, and what each works on; the same for threads and tasks."""

import asyncio
import os
import random
import threading
import time
from typing import Generic, TypeVar

from attrs import define, field, frozen

from gameball.chunking.chunk import Chunk
from gameball.delivery.attempts import DeliveryTools
from gameball.delivery.decisions import RetryPolicy
from gameball.delivery.open_ledger import OpenLedger
from gameball.delivery.outcomes import ambiguous_error
from gameball.delivery.pending_chunk import PendingChunk, abandon, abandoned_error
from gameball.delivery.send_state import SendState
from gameball.errors import GameballError
from gameball.rate_limit import AsyncLimiter, Limiter
from gameball.receipts import Receipt
from gameball.transport.worker_connection import AsyncWorkerConnection, WorkerConnection


@frozen
class Done:
    """Tells that a worker has done all it could for a chunk."""

    pending: PendingChunk


def check_process(process: int) -> None:
    """Check that a send is driven by the process that began it.

    Raises:
        GameballError: This is a forked child of it.
    """
    if process != os.getpid():
        raise GameballError(
            "this send belongs to the process that began it, and goes on there: "
            "begin another one after a fork"
        )


@define(eq=False, kw_only=True)
class BaseSendContext:
    """What the workers of one send share.

    Args:
        state: What is being sent, and where it stands.
        policy: How often and how soon to try again.
        limiter: The client's rate limits.
        ledger: The durable record; or None.

    Attributes:
        stopped: Whether nothing new is to be sent.
        tools: What delivering a chunk needs from outside.
    """

    state: SendState
    policy: RetryPolicy
    limiter: Limiter | AsyncLimiter
    ledger: OpenLedger | None
    stopped: threading.Event | asyncio.Event = field(init=False)
    tools: DeliveryTools = field(init=False)

    @tools.default
    def _tools_of_this_send(self) -> DeliveryTools:
        return DeliveryTools(self.policy, time.monotonic, random.random, lambda: self.state.cause)

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


ConnectionT = TypeVar("ConnectionT", WorkerConnection, AsyncWorkerConnection)


@define(eq=False)
class BaseWorker(Generic[ConnectionT]):
    """What a worker works on.

    Args:
        connection: Its connection.

    Attributes:
        unfinished: The chunk it works on, or the parts of one that was split, as far as they have no receipt.
        ambiguous: The error of an attempt at those that may have been accepted, or None.
    """

    connection: ConnectionT
    unfinished: list[tuple[int, Chunk]] = field(factory=list, init=False)
    ambiguous: GameballError | None = field(default=None, init=False)

    def note_begun(self, pending: PendingChunk) -> None:
        """Note that the worker has taken a chunk."""
        self.unfinished = [(pending.index, pending.chunk)]
        self.ambiguous = pending.ambiguous

    def note_result(self, result: int | GameballError) -> None:
        """Note what came of an attempt."""
        self.ambiguous = ambiguous_error(result) or self.ambiguous
        if isinstance(result, GameballError):
            # What the attempt means for the chunk is known from here on.
            self.connection.began_to_send = False

    def note_split(self, index: int, parts: tuple[Chunk, Chunk]) -> None:
        """Note that the chunk goes on as two."""
        self.unfinished = [(index, part) for part in parts] + self.unfinished[1:]

    def note_receipt(self) -> None:
        """Note that the first unfinished chunk has its receipt."""
        self.unfinished.pop(0)
        self.connection.began_to_send = False

    def abandon(self) -> list[Receipt]:
        """Return the receipts of what is unfinished, as far as can be known without the worker."""
        # A connection that is aborted before it began to send never will.
        error = self.ambiguous or abandoned_error(sent=self.connection.began_to_send)
        unfinished, self.unfinished = self.unfinished, []
        return [abandon(index, chunk, error, attempts=1) for index, chunk in unfinished]
