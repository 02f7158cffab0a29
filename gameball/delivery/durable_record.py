"""The durable record of a send, which is written before and after each request."""

from typing import Protocol

from gameball.chunking.chunk import Chunk
from gameball.receipts import Receipt


class DurableRecord(Protocol):
    """What a send writes to disk, so that afterwards it is known which chunks were in flight.

    There are two implementations: the ledger, which records positions in a source, and the outbox, whose
    events are rows of the user's database. Workers call the methods, from several threads at a time.
    """

    def intend(self, number: int, chunk: Chunk) -> None:
        """Record that a chunk is about to be sent. The record is durable when this returns.

        Args:
            number: The chunk's number within the send.
            chunk: The chunk.

        Raises:
            RecordError: The record could not be written, so the chunk must not be sent.
        """

    def authorize(self) -> None:
        """Check, immediately before each request, that this process may still send.

        It is called in the event loop too, so it must not wait.

        Raises:
            RecordError: It may not, for example because another process has taken over.
        """

    def divide(self, number: int, parts: tuple[Chunk, Chunk]) -> None:
        """Record that a chunk that the server found too large is sent as two parts.

        Raises:
            RecordError: The record could not be written, so the parts must not be sent.
        """

    def conclude(self, receipt: Receipt) -> None:
        """Record the outcome of a chunk, even of one whose intent was not recorded.

        Raises:
            RecordError: The record could not be written. The send ends.
        """

    def end_run(self) -> None:
        """Record the end of the send, and free what belongs to it.

        Raises:
            RecordError: The record could not be written.
        """
