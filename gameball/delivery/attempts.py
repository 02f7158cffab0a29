"""The life of one chunk, from its first attempt to its receipts: written once, for threads and tasks.

``deliver`` is a generator that asks its shell for what takes time (see ``effects``), and is sent back what
came of it. It decides everything and waits for nothing.
"""

from collections.abc import Callable, Generator

from attrs import define, frozen

from gameball.chunking.chunk import Chunk
from gameball.chunking.split import split_chunk
from gameball.delivery.decisions import Retry, RetryPolicy, Split, decide
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
from gameball.delivery.outcomes import ambiguous_error, outcome_of
from gameball.delivery.pending_chunk import PendingChunk
from gameball.errors import GameballError, RateLimitError
from gameball.receipts import Outcome, Receipt

_Effects = Generator[DeliveryEffect, DeliveryReply, None]


@frozen
class DeliveryTools:
    """What delivering a chunk needs from outside.

    Attributes:
        policy: How often and how soon to try again.
        clock: Tells the time, in seconds.
        jitter: Gives random numbers from 0 to 1.
        stop_cause: Tells why the send was stopped, once it was.
    """

    policy: RetryPolicy
    clock: Callable[[], float]
    jitter: Callable[[], float]
    stop_cause: Callable[[], GameballError | None]


def deliver(pending: PendingChunk, tools: DeliveryTools) -> _Effects:
    """Deliver a chunk, or as much of it as can be.

    Args:
        pending: The chunk.
        tools: What delivering needs from outside.

    Yields:
        Effects for the shell to carry out.
    """
    whole = _Part(pending.chunk, pending.ambiguous)
    refusal = yield RecordIntent(pending)
    if isinstance(refusal, GameballError):
        yield _outcome(pending.index, whole, refusal, 0.0, sent=False)
        return
    parts = [whole]
    while parts:
        parts[:1] = yield from _deliver_part(pending.index, parts[0], tools)


@define
class _Part:
    """A chunk, or a piece of one that was split."""

    chunk: Chunk
    # Once an attempt may have been accepted, no later failure makes that certain again.
    ambiguous: GameballError | None
    attempts: int = 0
    # The attempts that ended in a 429, and when the first of them did.
    limited: int = 0
    limited_since: float | None = None
    error: GameballError | None = None


def _deliver_part(
    index: int, part: _Part, tools: DeliveryTools
) -> Generator[DeliveryEffect, DeliveryReply, "list[_Part]"]:
    """Deliver a part, and return the parts it was split into, if it was."""
    begun = tools.clock()
    while True:
        if not (yield AcquireSlot()):
            error = part.error or tools.stop_cause() or GameballError("stopped before this was sent")
            yield _outcome(index, part, error, tools.clock() - begun, sent=False)
            return []
        result = yield SendRequest(part.chunk)
        part.attempts += 1
        if result is None:
            raise TypeError("an attempt was not replied to")
        if isinstance(result, GameballError):
            part.error = result
            part.ambiguous = ambiguous_error(result) or part.ambiguous
        if isinstance(result, RateLimitError):
            part.limited += 1
            part.limited_since = tools.clock() if part.limited_since is None else part.limited_since
        decision = decide(
            result,
            part.attempts - part.limited,
            tools.policy,
            can_split=part.chunk.first < part.chunk.last,
            jitter=tools.jitter(),
            limited_for=0.0 if part.limited_since is None else tools.clock() - part.limited_since,
        )
        if isinstance(decision, Split):
            halves = split_chunk(part.chunk)
            refusal = yield RecordSplit(index, halves)
            if isinstance(refusal, GameballError):
                yield _outcome(index, part, refusal, tools.clock() - begun, sent=False)
                return []
            return [_Part(half, part.ambiguous) for half in halves]
        if not isinstance(decision, Retry):
            yield _outcome(index, part, result, tools.clock() - begun, sent=True)
            return []
        yield PauseAll(decision.seconds) if decision.everyone else Sleep(decision.seconds)


def _outcome(
    index: int, part: _Part, result: int | GameballError, elapsed: float, *, sent: bool
) -> RecordOutcome:
    """Return the effect that records how a part ended."""
    job_id, error = (None, result) if isinstance(result, GameballError) else (result, None)
    if error is None:
        outcome = Outcome.ACCEPTED
    elif part.ambiguous is not None:
        outcome, error = Outcome.UNKNOWN, part.ambiguous
    else:
        outcome = outcome_of(error) if sent else Outcome.UNSENT
    return RecordOutcome(
        Receipt.of(
            part.chunk,
            index,
            outcome,
            job_id=job_id,
            error=error,
            attempts=part.attempts,
            elapsed=elapsed,
        )
    )
