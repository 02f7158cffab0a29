"""The chunks of earlier runs, read in batches, because a ledger may hold a million."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Final, Self

from gameball.chunking.chunk import Chunk
from gameball.errors import LedgerMismatchError
from gameball.ledger.records import LedgerChunk, digest
from gameball.receipts import Outcome

_AT_ONCE: Final = 1_000

#: What to do about a source that differs from the recorded one.
SAME_SOURCE: Final = "send the source as it was. With another ledger, all of it would be sent again"

#: Reads the chunks that start at a position or later, in order, up to a maximum number.
ReadChunks = Callable[[int, int], list[LedgerChunk]]


class KnownChunks:
    """The chunks that a ledger held when a run started, in the order of the source.

    Args:
        read: Reads chunks from the ledger.
        end: The position after the last item in the ledger, or 0 if the ledger is empty.
    """

    def __init__(self, read: ReadChunks, end: int = 0) -> None:
        self._read = read
        self.end = end
        self._next = 0
        self._ahead: deque[LedgerChunk] = deque()

    @classmethod
    def of(cls, chunks: Sequence[LedgerChunk]) -> Self:
        """Return these chunks, which must be in the order of the source."""
        end = chunks[-1].last + 1 if chunks else 0
        return cls(lambda position, _: [chunk for chunk in chunks if chunk.first >= position], end)

    def next_boundary(self, position: int) -> int | None:
        """Return the first position after a given one at which a chunk must start, or None.

        Chunks must start where those of earlier runs started, and right after those ended, to be identical.
        """
        for chunk in self._from(position):
            if position < chunk.first:
                return chunk.first
            if position <= chunk.last:
                return chunk.last + 1
        return None

    def holds(self, position: int) -> bool:
        """Return whether a chunk of an earlier run has the item at a position."""
        return any(chunk.first <= position <= chunk.last for chunk in self._from(position))

    def sent_between(self, position: int, end: int) -> list[range]:
        """Return which items were accepted in earlier runs, or may have been.

        Args:
            position: The position after the last item that was matched.
            end: The position after the last item to look for.

        Returns:
            The positions of the items, as ranges in ascending order. The last may go beyond the end.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        sent: list[range] = []
        for chunk in takewhile(lambda chunk: chunk.first < end, self._sent_from(position)):
            adjacent = bool(sent) and sent[-1].stop == chunk.first
            first = sent.pop().start if adjacent else chunk.first
            sent.append(range(first, chunk.last + 1))
        return sent

    def has_sent_from(self, position: int) -> bool:
        """Return whether any item from a position on was accepted in an earlier run, or may have been.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return next(self._sent_from(position), None) is not None

    def _sent_from(self, position: int) -> Iterator[LedgerChunk]:
        while position < self.end and (chunks := self._read(position, _AT_ONCE)):
            yield from (one for one in chunks if one.outcome in {Outcome.ACCEPTED, Outcome.UNKNOWN})
            position = chunks[-1].last + 1

    def match(self, chunk: Chunk) -> LedgerChunk | None:
        """Return the record of a chunk from an earlier run, or None if there is none.

        Args:
            chunk: The chunks of a source, one after the other.

        Raises:
            LedgerMismatchError: The source or its division into chunks differs from that of earlier runs.
        """
        recorded = self._take(chunk.first)
        if recorded is None:
            if self.has_unmatched_before(chunk.last + 1):
                raise LedgerMismatchError(
                    f"source items {chunk.first} to {chunk.last} were divided into other chunks in an "
                    f"earlier run; {SAME_SOURCE}",
                    items=range(chunk.first, chunk.last + 1),
                )
        elif recorded.last != chunk.last or recorded.digest != digest(chunk):
            raise LedgerMismatchError(
                f"source items {recorded.first} to {recorded.last} differ from those recorded in the ledger; "
                f"{SAME_SOURCE}",
                items=range(recorded.first, recorded.last + 1),
            )
        return recorded

    def has_unmatched_before(self, position: int) -> bool:
        """Return whether a chunk that starts before a position was not matched yet."""
        chunks = self._ahead or self._from(self._next)
        return bool(chunks) and chunks[0].first < position

    def _take(self, first: int) -> LedgerChunk | None:
        """Remove and return the chunk that starts at a position, or None. Earlier chunks are dropped."""
        while (chunks := self._from(first)) and chunks[0].first < first:
            chunks.popleft()
        return chunks.popleft() if chunks and chunks[0].first == first else None

    def _from(self, position: int) -> deque[LedgerChunk]:
        """Read chunks until one of them ends at or after a position, or the ledger has no more."""
        ahead = self._ahead
        while self._next < self.end and (not ahead or ahead[-1].last < position):
            # Read from the end of the last chunk, not from its start: it may have been split since.
            more = self._read(self._next, _AT_ONCE)
            if not more:
                self._next = self.end
                break
            ahead.extend(more)
            self._next = more[-1].last + 1
        return ahead
