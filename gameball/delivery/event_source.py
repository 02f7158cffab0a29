"""What was handed over to a send: its chunks, its positions, and the part of it that was not sent."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk import Chunk
from gameball.chunking.chunk_events import NextBoundary, OnInvalid, build_chunks, build_chunks_async
from gameball.errors import GameballError, InvalidEventError
from gameball.events import CustomerEvents, EventLike
from gameball.receipts import Outcome, Receipt


class EventSource:
    """A source of events with its positions, and what was left out of it.

    Args:
        events: What was handed over. Only ``chunks_async`` takes async iterables.
        builder: Packs the events into chunks.
        on_invalid: Called with the error of each event that is left out; None ends at the first one.
        next_boundary: Tells at which positions a chunk must start, as in an earlier run.
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
        """Return the chunks, made as they are asked for.

        Raises:
            TypeError: The source is an async iterable.
        """
        if not isinstance(self._events, Iterable):
            raise TypeError("an async iterable needs AsyncGameball; Gameball takes any other iterable")
        return build_chunks(self._events, self._builder, self._next_boundary, self._leave_out_hook())

    def chunks_async(self) -> AsyncIterator[Chunk]:
        """Return the chunks, made as they are asked for; between events the event loop has its turn."""
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
        """Return the receipt of everything that has none, or nothing where there is nothing.

        For a sequence that includes what was not read; for anything else, what was read and not sent.

        Args:
            index: The receipt's number.
            position: The position of the first item without a receipt.
            error: Why it was not sent.
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
    # What was not read was not checked either: it may hold anything.
    return len(item.events) if isinstance(item, CustomerEvents) and isinstance(item.events, Mapping) else 1
