"""The source of a send: its chunks, its positions, and its unsent items."""

import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import cast

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk import Chunk
from gameball.chunking.chunk_events import NextBoundary, OnInvalid, build_chunks, build_chunks_async
from gameball.errors import GameballError, InvalidEventError
from gameball.events import CustomerEvents, Event, EventLike
from gameball.receipts import Outcome, Receipt


def check_events(events: object, *, takes_async: bool = False) -> None:
    """Check that the argument ``events`` can be a source, before anything is opened or sent.

    Args:
        events: The argument.
        takes_async: Whether async iterables are accepted.

    Raises:
        TypeError: It is not an iterable of events.
    """
    kind = type(events).__name__
    if isinstance(events, Event | CustomerEvents):
        cure = f"got one {kind}; write send([event])"
    elif isinstance(events, tuple) and events and isinstance(events[0], str):
        cure = "got one event as a tuple; write send([(customer_id, name, metadata)])"
    elif isinstance(events, str | os.PathLike):
        cure = f"got {kind}; to send a file write send(gameball.sources.read_jsonl(path))"
    elif isinstance(events, Mapping | bytes | bytearray):
        cure = f"got {kind}; write send([Event(customer_id, name, metadata)])"
    elif isinstance(events, Iterable) or (takes_async and isinstance(events, AsyncIterable)):
        return
    elif isinstance(events, AsyncIterable):
        cure = "got an async iterable; use AsyncGameball, which accepts one"
    else:
        cure = f"got {kind}; write send([Event(customer_id, name, metadata)])"
    raise TypeError(f"events must be an iterable of events, {cure}")


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
        self._skipped: set[int] = set()

    def chunks(self) -> Iterator[Chunk]:
        """Return an iterator that builds chunks on demand. The source must not be an async iterable."""
        events = cast("Iterable[EventLike]", self._events)
        return build_chunks(events, self._builder, self._next_boundary, self._skip_hook())

    def chunks_async(self) -> AsyncIterator[Chunk]:
        """Return an async iterator that builds chunks on demand, and lets other tasks run meanwhile."""
        return build_chunks_async(self._events, self._builder, self._next_boundary, self._skip_hook())

    def _skip_hook(self) -> OnInvalid | None:
        on_invalid = self._on_invalid
        if on_invalid is None:
            return None

        def skip(error: InvalidEventError) -> None:
            on_invalid(error)
            if self._sequence:
                self._skipped.add(error.index)

        return skip

    def unsent(self, index: int, position: int, error: GameballError | None) -> list[Receipt]:
        """Return one receipt for all items without one, or an empty list if there are none.

        If the source is a sequence, this includes the items that were not read; otherwise only the items that
        were read and not sent.

        Args:
            index: The number of the receipt.
            position: The position of the first item without a receipt.
            error: Why the items were not sent.
        """
        remaining = self._remaining_from(position)
        if remaining is None:
            return []
        first, last, events = remaining
        return [Receipt(index, first, last, objects=0, events=events, outcome=Outcome.UNSENT, error=error)]

    def _remaining_from(self, position: int) -> tuple[int, int, int] | None:
        """Return the first and last position of the items without a receipt, and their number of events."""
        if not self._sequence:
            return self._builder.taken_from(position)
        first = last = None
        events = 0
        for place, item in islice(enumerate(self._sequence), position, None):
            if place not in self._skipped:
                first, last = place if first is None else first, place
                events += _count_events(item)
        return None if first is None or last is None else (first, last, events)


def _count_events(item: object) -> int:
    # Items that were not read were not checked either, so they may be anything.
    return len(item.events) if isinstance(item, CustomerEvents) and isinstance(item.events, Mapping) else 1
