"""The source of a send: its chunks, its positions, and its unsent items."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk import Chunk
from gameball.chunking.chunk_events import NextBoundary, OnInvalid, build_chunks, build_chunks_async
from gameball.errors import GameballError, InvalidEventError
from gameball.events import CustomerEvents, EventLike
from gameball.receipts import Outcome, Receipt


class EventSource:
    """A source of events, with the positions of its items and of those that were skipped.

    Args:
        events: The events. Only ``chunks_async`` accepts async iterables.
        builder: Packs the events into chunks.
        on_invalid: Called with the error of each invalid event, which is then skipped. None raises the first
            error.
        next_boundary: Returns the positions at which a chunk must start, as in an earlier run.
    """

    def __init__(
        self,
        events: Iterable[EventLike] | AsyncIterable[EventLike],
        builder: ChunkBuilder,
        on_invalid: OnInvalid | None = None,
        next_boundary: NextBoundary | None = None,
    ) -> None:
        self._events = events
        self._sequence = events if isinstance(events, Sequence) else ()
        self._builder = builder
        self._on_invalid = on_invalid
        self._next_boundary = next_boundary
        self._left_out: set[int] = set()

    def chunks(self) -> Iterator[Chunk]:
        """Return an iterator that builds chunks on demand.

        Raises:
            TypeError: The source is an async iterable.
        """
        if not isinstance(self._events, Iterable):
            raise TypeError("Gameball does not accept an async iterable; use AsyncGameball")
        return build_chunks(self._events, self._builder, self._next_boundary, self._leave_out_hook())

    def chunks_async(self) -> AsyncIterator[Chunk]:
        """Return an async iterator that builds chunks on demand, and lets other tasks run meanwhile."""
        return build_chunks_async(self._events, self._builder, self._next_boundary, self._leave_out_hook())

    def _leave_out_hook(self) -> OnInvalid | None:
        on_invalid = self._on_invalid
        if on_invalid is None:
            return None

        def leave_out(error: InvalidEventError) -> None:
            on_invalid(error)
            if self._sequence:
                self._left_out.add(error.index)

        return leave_out

    def unsent(self, index: int, position: int, error: GameballError | None) -> list[Receipt]:
        """Return one receipt for all items without one, or an empty list if there are none.

        If the source is a sequence, this includes the items that were not read; otherwise only the items that
        were read and not sent.

        Args:
            index: The number of the receipt.
            position: The position of the first item without a receipt.
            error: Why the items were not sent.
        """
        items, events = self._remaining_from(position)
        if items <= 0:
            return []
        last = position + items - 1
        return [Receipt(index, position, last, objects=0, events=events, outcome=Outcome.UNSENT, error=error)]

    def _remaining_from(self, position: int) -> tuple[int, int]:
        if not self._sequence:
            return self._builder.taken_beyond(position)
        kept = (item for place, item in enumerate(self._sequence) if place not in self._left_out)
        events = sum(_count_events(item) for item in islice(kept, position, None))
        return len(self._sequence) - len(self._left_out) - position, events


def _count_events(item: object) -> int:
    # Items that were not read were not checked either, so they may be anything.
    return len(item.events) if isinstance(item, CustomerEvents) and isinstance(item.events, Mapping) else 1
