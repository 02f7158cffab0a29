"""The chunks of a tracker that were packed, and some events of which have no outcome yet. It has no lock."""

from attrs import define, field

from gameball.chunking.chunk import Chunk
from gameball.tracking.waiting_events import Packed


@define
class _OpenChunk:
    """A chunk, which may be delivered in several parts.

    Attributes:
        first: The position of its first event.
        events: The number of its events.
        held_bytes: The memory that they take.
        expiries: When they expire; see ``Packed``.
        concluded: The number of its events that have an outcome.
        reported: The number of its events whose outcome was reported too.
    """

    first: int
    events: int
    held_bytes: int
    expiries: list[tuple[int, float]]
    concluded: int = 0
    reported: int = 0


@define(eq=False)
class OpenChunks:
    """Knows of each chunk when its events expire, and how many of them still need an outcome."""

    _chunks: dict[int, _OpenChunk] = field(init=False, factory=dict)
    _count: int = field(init=False, default=0)

    def add(self, packed: Packed) -> int:
        """Add a chunk, and return its number."""
        index = self._count
        self._count += 1
        chunk = packed.chunk
        self._chunks[index] = _OpenChunk(chunk.first, chunk.events, packed.held_bytes, packed.expiries)
        return index

    def conclude(self, index: int, events: int) -> int:
        """Count events that have their outcome, and return the memory that is free now, in bytes."""
        chunk = self._chunks[index]
        chunk.concluded += events
        return chunk.held_bytes if chunk.concluded == chunk.events else 0

    def note_reported(self, index: int, events: int) -> None:
        """Count events whose outcome was reported, and forget the chunk after the last ones."""
        chunk = self._chunks[index]
        chunk.reported += events
        if chunk.reported == chunk.events:
            del self._chunks[index]

    def expires(self, index: int, chunk: Chunk) -> float:
        """Return when the first events of a chunk, or of a part of it, expire."""
        first = 0.0
        for position, when in self._chunks[index].expiries:
            if position > chunk.first:
                break
            first = when
        return first

    def first_living(self, index: int, chunk: Chunk, now: float) -> int:
        """Return the position of the first event that has not expired, or the one after the chunk's last."""
        living = (position for position, when in self._chunks[index].expiries if when > now)
        return max(chunk.first, next(living, chunk.last + 1))

    def all_reported_before(self, position: int) -> bool:
        """Return whether the outcomes of all packed events before a position were reported."""
        return all(chunk.first >= position for chunk in self._chunks.values())
