"""The chunks of earlier runs, read in batches, because a ledger may hold a million."""

from collections import deque
from collections.abc import Callable
from typing import Final

from gameball.ledger.records import LedgerChunk

_AT_ONCE: Final = 1_000

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

    def take(self, first: int) -> LedgerChunk | None:
        """Remove and return the chunk that starts at a position, or None. Earlier chunks are dropped."""
        while (chunks := self._from(first)) and chunks[0].first < first:
            chunks.popleft()
        return chunks.popleft() if chunks and chunks[0].first == first else None

    def next_first(self) -> int | None:
        """Return the first position of the next chunk that was not taken, or None."""
        chunks = self._ahead or self._from(self._next)
        return chunks[0].first if chunks else None

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
