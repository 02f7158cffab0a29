"""A chunk to be delivered, and the receipt of a chunk whose delivery was abandoned. No I/O."""

from attrs import frozen

from gameball.chunking.chunk import Chunk
from gameball.delivery.deadline import Deadline
from gameball.delivery.failure_outcomes import outcome_of
from gameball.errors import ConnectionFailedError, DeadlineError, GameballError, ResponseLostError
from gameball.receipts import Receipt


@frozen
class PendingChunk:
    """A chunk to be delivered.

    Attributes:
        index: The number of the chunk within the send.
        chunk: The chunk.
        ambiguous: The error of an earlier attempt that may have been accepted, or None. If there is one, the
            chunk is UNKNOWN unless a later attempt is accepted.
    """

    index: int
    chunk: Chunk
    ambiguous: GameballError | None = None


def abandon(index: int, chunk: Chunk, error: GameballError, *, attempts: int) -> Receipt:
    """Return the receipt of a chunk whose delivery was abandoned.

    Args:
        index: The chunk's number within the send.
        chunk: The chunk.
        error: Why it was abandoned. This determines its outcome.
        attempts: The number of requests started for it, if known.

    Returns:
        The receipt.
    """
    return Receipt.of(chunk, index, outcome_of(error), error=error, attempts=attempts)


def abandon_pending(pending: PendingChunk, deadline: Deadline | None) -> Receipt:
    """Return the receipt of a pending chunk that no worker has taken."""
    error = pending.ambiguous or abandoned_error(deadline, sent=False)
    return abandon(pending.index, pending.chunk, error, attempts=0)


def abandoned_error(deadline: Deadline | None, *, sent: bool) -> GameballError:
    """Return the error of an abandoned attempt.

    Args:
        deadline: The deadline that passed, or None if it was abandoned for another reason.
        sent: Whether any of it may have been sent.
    """
    if sent:
        lost = ResponseLostError(
            f"{deadline or 'abandoned'} while the request was in flight: it may have been accepted"
        )
        lost.given_up = True
        return lost
    if deadline is not None:
        return DeadlineError(f"{deadline} before this was sent")
    return ConnectionFailedError("abandoned before anything was sent")
