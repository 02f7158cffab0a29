"""The steps that a decision asks its shell for: everything that waits, sends or writes.

Decisions are generators, written once. Each yields these; a shell, with threads or with tasks, carries them
out and sends back what came of them.
"""

from attrs import frozen

from gameball.chunking.chunk import Chunk
from gameball.delivery.pending_chunk import PendingChunk
from gameball.errors import GameballError
from gameball.receipts import Receipt


@frozen
class RecordIntent:
    """Record that the chunk is about to be sent. The reply is an error if that failed, otherwise None."""

    pending: PendingChunk


@frozen
class AcquireSlot:
    """Wait for a place within the rate limits. The reply is whether there is one: False after a stop."""


@frozen
class SendRequest:
    """Send the chunk once. The reply is the job's id, or what went wrong."""

    chunk: Chunk


@frozen
class RecordSplit:
    """Record that a chunk goes on as two. The reply is an error if that failed, otherwise None."""

    index: int
    parts: tuple[Chunk, Chunk]


@frozen
class RecordOutcome:
    """Record a receipt and hand it out. The reply is None."""

    receipt: Receipt


@frozen
class Sleep:
    """Wait, in seconds. The reply is None."""

    seconds: float


@frozen
class PauseAll:
    """Let nobody send for some seconds, because the account was turned away. The reply is None."""

    seconds: float


#: What delivering a chunk asks for.
DeliveryEffect = RecordIntent | AcquireSlot | SendRequest | RecordSplit | RecordOutcome | Sleep | PauseAll
#: What a shell replies with; see each effect.
DeliveryReply = int | GameballError | None
