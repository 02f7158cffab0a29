"""The chunks of earlier runs, read as a send comes to them: a ledger may know of a million."""

from collections import deque
from collections.abc import Callable
from typing import Final

from gameball.ledger.records import LedgerChunk

_AT_ONCE: Final = 1_000

#: Reads so many chunks that begin at a position or later, in order.
ReadChunks = Callable[[int, int], list[LedgerChunk]]


class KnownChunks:
    """What a ledger knew of each chunk when a run began, in the order of the source.

    Args:
        read: Reads chunks from the ledger.
        end: The position behind the last item that the ledger knows of; 0 where it knows of none.
    """

    def __init__(self, read: ReadChunks, end: int = 0) -> None:
        self._read = read
        self.end = end
        self._next = 0
        self._ahead: deque[LedgerChunk] = deque()

    def next_boundary(self, position: int) -> int | None:
        """Return the next position behind a given one at which a chunk must start, or None.

        Chunks must start where those of earlier runs did, and behind where they ended, to be the same.
        """
        for chunk in self._from(position):
            if position < chunk.first:
                return chunk.first
            if position <= chunk.last:
                return chunk.last + 1
        return None

    def take(self, first: int) -> LedgerChunk | None:
        """Return the chunk that begins at a position, once, and forget those before."""
        while (chunks := self._from(first)) and chunks[0].first < first:
            chunks.popleft()
        return chunks.popleft() if chunks and chunks[0].first == first else None

    def next_first(self) -> int | None:
        """Return where the next chunk begins that was not taken, or None."""
        chunks = self._ahead or self._from(self._next)
        return chunks[0].first if chunks else None

    def _from(self, position: int) -> deque[LedgerChunk]:
        """Read on until what lies ahead reaches beyond a position, or to the end."""
        ahead = self._ahead
        while self._next < self.end and (not ahead or ahead[-1].last < position):
            # From behind the last one, and not from its first item: it may have been split since.
            more = self._read(self._next, _AT_ONCE)
            if not more:
                self._next = self.end
                break
            ahead.extend(more)
            self._next = more[-1].last + 1
        return ahead
