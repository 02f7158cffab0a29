"""The effects that generators such as ``deliver`` yield: everything that waits, sends or writes.

The generators make the decisions, and are shared by the synchronous and the asynchronous client. Their caller
carries each effect out, with threads or with tasks, and sends back a reply.
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
    """Wait for a slot within the rate limits. The reply is True, or False if the send was stopped."""


@frozen
class SendRequest:
    """Send the chunk once. The reply is the job's id, or an error."""

    chunk: Chunk


@frozen
class RecordSplit:
    """Record that a chunk is sent as two parts. The reply is an error if that failed, otherwise None."""

    index: int
    parts: tuple[Chunk, Chunk]


@frozen
class RecordOutcome:
    """Record a receipt and report it. The reply is None."""

    receipt: Receipt


@frozen
class Sleep:
    """Wait for some seconds. The reply is None."""

    seconds: float


@frozen
class PauseAll:
    """Pause all workers for some seconds, because of the account's rate limit. The reply is None."""

    seconds: float


#: The effects that ``deliver`` yields.
DeliveryEffect = RecordIntent | AcquireSlot | SendRequest | RecordSplit | RecordOutcome | Sleep | PauseAll
#: The replies to effects; see each effect.
DeliveryReply = int | GameballError | None
