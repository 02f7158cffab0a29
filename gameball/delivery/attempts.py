"""The life of one chunk, from its first attempt to its receipts: written once, for threads and tasks.

``deliver`` is a generator that asks its shell for what takes time (see the steps below), and is sent back
what came of it. It decides everything and waits for nothing.
"""

from collections.abc import Callable, Generator

from attrs import define, field, frozen

from gameball.chunking.builder import split_chunk
from gameball.chunking.chunk import Chunk
from gameball.delivery.retries import Retry, RetryPolicy, Split, decide
from gameball.errors import ConnectionFailedError, GameballError, ResponseLostError
from gameball.receipts import Outcome, Receipt, outcome_of


@frozen
class PendingChunk:
    """A chunk to be delivered.

    Attributes:
        index: Its number within the send.
        chunk: The chunk.
        ambiguous: The error of an earlier attempt that may have been accepted, or None. With one, the chunk
            is UNKNOWN unless a later attempt is accepted.
    """

    index: int
    chunk: Chunk
    ambiguous: GameballError | None = None


@frozen
class RecordIntent:
    """Asks to note down that the chunk is about to be sent. Replied to with an error when that failed."""

    task: PendingChunk


@frozen
class AcquireSlot:
    """Asks to wait for a place within the rate limits. Replied to with whether a stop left one."""


@frozen
class SendRequest:
    """Asks to send the chunk once. Replied to with a job's id, or with what went wrong."""

    chunk: Chunk


@frozen
class Sleep:
    """Asks to wait, in seconds. Replied to with None; the next admission tells of a stop."""

    seconds: float


@frozen
class PauseAll:
    """Asks that nobody sends for some seconds. Replied to with None."""

    seconds: float


@frozen
class RecordSplit:
    """Asks to note down that a chunk goes on as two. Replied to with an error when that failed."""

    index: int
    parts: tuple[Chunk, Chunk]


@frozen
class RecordOutcome:
    """Asks to note down and hand out a receipt. Replied to with None."""

    receipt: Receipt


Effect = RecordIntent | AcquireSlot | SendRequest | Sleep | PauseAll | RecordSplit | RecordOutcome
#: What a shell replies with: see each step.
Reply = int | GameballError | None


@define
class Delivery:
    """What delivering has at hand.

    Attributes:
        policy: How often and how soon to try again.
        clock: Tells the time, in seconds.
        jitter: Gives random numbers from 0 to 1.
        cause: Tells why the send was stopped, once it was.
    """

    policy: RetryPolicy
    clock: Callable[[], float]
    jitter: Callable[[], float]
    cause: Callable[[], GameballError | None]


def deliver(task: PendingChunk, delivery: Delivery) -> Generator[Effect, Reply, None]:
    """Deliver a chunk, or as much of it as can be.

    Args:
        task: The chunk.
        delivery: What delivering has at hand.

    Yields:
        Steps for the shell to take.
    """
    whole = _Part(task.chunk, task.ambiguous)
    refusal = yield RecordIntent(task)
    if isinstance(refusal, GameballError):
        yield from _conclude(task.index, whole, refusal, 0.0, sent=False)
        return
    pending = [whole]
    while pending:
        part = pending.pop(0)
        parts = yield from _deliver_part(task.index, part, delivery)
        pending[:0] = parts


@define
class _Part:
    """A chunk, or a piece of one that was split."""

    chunk: Chunk
    # Once an attempt may have been accepted, no later failure makes that certain again.
    ambiguous: GameballError | None
    attempts: int = 0
    error: GameballError | None = field(default=None)


def _deliver_part(index: int, part: _Part, delivery: Delivery) -> Generator[Effect, Reply, "list[_Part]"]:
    """Deliver a part, and return the parts it was split into, if it was."""
    begun = delivery.clock()
    result: Reply = None
    while True:
        if not (yield AcquireSlot()):
            result = part.error or delivery.cause() or GameballError("stopped before this was sent")
            return (yield from _conclude(index, part, result, delivery.clock() - begun, sent=False))
        result = yield SendRequest(part.chunk)
        part.attempts += 1
        if result is None:
            raise TypeError("an attempt was not replied to")
        if isinstance(result, GameballError):
            part.error = result
            part.ambiguous = ambiguous_error(result) or part.ambiguous
        decision = decide(
            result,
            part.attempts,
            delivery.policy,
            can_split=part.chunk.first < part.chunk.last,
            jitter=delivery.jitter(),
        )
        if isinstance(decision, Split):
            parts = split_chunk(part.chunk)
            refusal = yield RecordSplit(index, parts)
            if isinstance(refusal, GameballError):
                return (yield from _conclude(index, part, refusal, delivery.clock() - begun, sent=False))
            return [_Part(piece, part.ambiguous) for piece in parts]
        if not isinstance(decision, Retry):
            return (yield from _conclude(index, part, result, delivery.clock() - begun, sent=True))
        yield PauseAll(decision.seconds) if decision.everyone else Sleep(decision.seconds)


def _conclude(
    index: int, part: _Part, result: int | GameballError, elapsed: float, *, sent: bool
) -> Generator[Effect, Reply, "list[_Part]"]:
    error = result if isinstance(result, GameballError) else None
    if error is None:
        outcome = Outcome.ACCEPTED
    elif part.ambiguous is not None:
        outcome, error = Outcome.UNKNOWN, part.ambiguous
    else:
        outcome = outcome_of(error) if sent else Outcome.UNSENT
    yield RecordOutcome(
        Receipt(
            index=index,
            first=part.chunk.first,
            last=part.chunk.last,
            objects=part.chunk.objects,
            events=part.chunk.events,
            outcome=outcome,
            job_id=None if isinstance(result, GameballError) else result,
            error=error,
            attempts=part.attempts,
            elapsed=elapsed,
        )
    )
    return []


def ambiguous_error(result: Reply) -> GameballError | None:
    """Return what an attempt ended with, if it may have been accepted nevertheless."""
    if isinstance(result, GameballError) and outcome_of(result) is Outcome.UNKNOWN:
        return result
    return None


def abandon(index: int, chunk: Chunk, error: GameballError, *, attempts: int) -> Receipt:
    """Write the receipt of a chunk whose delivery came to no end of its own.

    Args:
        index: The chunk's number.
        chunk: The chunk.
        error: What is known of its end.
        attempts: How many requests were begun for it, as far as is known.

    Returns:
        The receipt.
    """
    return Receipt(
        index=index,
        first=chunk.first,
        last=chunk.last,
        objects=chunk.objects,
        events=chunk.events,
        outcome=outcome_of(error),
        job_id=None,
        error=error,
        attempts=attempts,
        elapsed=0.0,
    )


def abandon_pending(task: PendingChunk) -> Receipt:
    """Write the receipt of a task that no worker has come to."""
    return abandon(task.index, task.chunk, task.ambiguous or abandoned_error(sent=False), attempts=0)


def abandoned_error(*, sent: bool) -> GameballError:
    """Return the error of an attempt that was given up on, by whether any of it may have been sent."""
    if sent:
        return ResponseLostError("given up on while it was in flight: it may have been accepted")
    return ConnectionFailedError("given up on before anything of it was sent")
