"""The delivery of one chunk, from its first attempt to its receipts, shared by threads and tasks.

``deliver`` is a generator that makes all decisions and never waits. It yields the effects that its worker
must carry out (see ``effects``), and receives their results.
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
from gameball.delivery.failure_outcomes import ambiguous_error, outcome_of
from gameball.delivery.pending_chunk import PendingChunk
from gameball.errors import DeadlineError, GameballError, RateLimitError, describe
from gameball.receipts import Outcome, Receipt

_Effects = Generator[DeliveryEffect, DeliveryReply, None]


@frozen
class DeliveryTools:
    """The dependencies of ``deliver``.

    Attributes:
        policy: The retry policy.
        clock: Returns the current time, in seconds.
        jitter: Returns a random number from 0 to 1.
        stop_cause: Returns why the send was stopped, or None if it was not.
    """

    policy: RetryPolicy
    clock: Callable[[], float]
    jitter: Callable[[], float]
    stop_cause: Callable[[], GameballError | None]


def deliver(pending: PendingChunk, tools: DeliveryTools) -> _Effects:
    """Deliver a chunk, or as much of it as possible.

    Args:
        pending: The chunk.
        tools: The dependencies.

    Yields:
        Effects for the worker to carry out.
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
    """A chunk, or a part of one that was split."""

    chunk: Chunk
    # If an attempt may have been accepted, no later failure can show that it was not.
    ambiguous: GameballError | None
    attempts: int = 0
    # The attempts that ended in a 429, and when the first of them did.
    limited: int = 0
    limited_since: float | None = None
    failing_since: float | None = None
    error: GameballError | None = None


def _deliver_part(
    index: int, part: _Part, tools: DeliveryTools
) -> Generator[DeliveryEffect, DeliveryReply, "list[_Part]"]:
    """Deliver a part, and return the parts it was split into, if any."""
    begun = tools.clock()
    while True:
        if not (yield AcquireSlot()):
            error = _why_not_sent(part.error, tools.stop_cause())
            yield _outcome(index, part, error, tools.clock() - begun, sent=False)
            return []
        result = yield SendRequest(part.chunk)
        part.attempts += 1
        if result is None:
            raise TypeError("SendRequest got no reply")
        if isinstance(result, GameballError):
            part.error = result
            part.failing_since = tools.clock() if part.failing_since is None else part.failing_since
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
            limited_for=_since(part.limited_since, tools.clock()),
            failing_for=_since(part.failing_since, tools.clock()),
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


def _since(begun: float | None, now: float) -> float:
    return 0.0 if begun is None else now - begun


def _why_not_sent(last: GameballError | None, cause: GameballError | None) -> GameballError:
    """Return the error of a part that was not sent again because the send was stopped."""
    if isinstance(cause, DeadlineError):
        return cause if last is None else DeadlineError(f"{cause}; the last attempt failed: {describe(last)}")
    return last or cause or GameballError("the send was stopped before this was sent")


def _outcome(
    index: int, part: _Part, result: int | GameballError, elapsed: float, *, sent: bool
) -> RecordOutcome:
    """Return the effect that records the outcome of a part."""
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
