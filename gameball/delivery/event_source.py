"""The source of a send: its chunks, its positions, and its unsent items."""

import os
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import cast

from attrs import define

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk import Chunk
from gameball.chunking.chunk_events import EarlierChunks, OnInvalid, build_chunks, build_chunks_async
from gameball.errors import InvalidEventError
from gameball.events import CustomerEvents, Event, EventLike


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


@define
class RestOfSource:
    """Consecutive items of a source that have no receipt.

    Attributes:
        first: The position of the first item.
        last: The position of the last item.
        events: The number of events.
        was_sent: Whether an earlier run may have sent them.
    """

    first: int
    last: int
    events: int
    was_sent: bool


class EventSource:
    """A source of events, with the positions of its items and of those that were skipped.

    Args:
        events: The events. Only ``chunks_async`` accepts async iterables.
        builder: Packs the events into chunks.
        on_invalid: Called with the error of each invalid event, which is then skipped. None raises the first
            error.
        earlier: The chunks of earlier runs, or None.
    """

    def __init__(
        self,
        events: Iterable[EventLike] | AsyncIterable[EventLike],
        builder: ChunkBuilder,
        on_invalid: OnInvalid | None = None,
        earlier: EarlierChunks | None = None,
    ) -> None:
        self._events = events
        self._sequence = events if isinstance(events, Sequence) else ()
        self._builder = builder
        self._on_invalid = on_invalid
        self._earlier = earlier
        self._skipped: set[int] = set()

    def chunks(self) -> Iterator[Chunk]:
        """Return an iterator that builds chunks on demand. The source must not be an async iterable."""
        events = cast("Iterable[EventLike]", self._events)
        return build_chunks(events, self._builder, self._earlier, self._skip_hook())

    def chunks_async(self) -> AsyncIterator[Chunk]:
        """Return an async iterator that builds chunks on demand, and lets other tasks run meanwhile."""
        return build_chunks_async(self._events, self._builder, self._earlier, self._skip_hook())

    def _skip_hook(self) -> OnInvalid | None:
        on_invalid = self._on_invalid
        if on_invalid is None:
            return None

        def skip(error: InvalidEventError) -> None:
            on_invalid(error)
            if self._sequence:
                self._skipped.add(error.index)

        return skip

    @property
    def end(self) -> int:
        """The position after the last item that ``rest`` returns."""
        return len(self._sequence) if self._sequence else self._builder.position

    def rest(self, position: int, sent: Sequence[range] = ()) -> list[RestOfSource]:
        """Return the items without a receipt, in order.

        If the source is a sequence, this includes the items that were not read; otherwise only the items that
        were read and not sent.

        Args:
            position: The position of the first item without a receipt.
            sent: The items that an earlier run has sent, or may have sent, in ascending order.

        Returns:
            Those that an earlier run may have sent, and the others, in separate parts. Items of a source that
            is not a sequence are in one part, because there are few.
        """
        if not self._sequence:
            taken = self._builder.taken_from(position)
            if taken is None:
                return []
            first, last, events = taken
            was_sent = any(items.start <= last and first < items.stop for items in sent)
            return [RestOfSource(first, last, events, was_sent)]
        parts: list[RestOfSource] = []
        ahead = deque(sent)
        for place, item in islice(enumerate(self._sequence), position, None):
            if place in self._skipped:
                continue
            while ahead and ahead[0].stop <= place:
                ahead.popleft()
            was_sent = bool(ahead) and place in ahead[0]
            if not parts or parts[-1].was_sent is not was_sent:
                parts.append(RestOfSource(place, place, 0, was_sent))
            parts[-1].last = place
            parts[-1].events += _count_events(item)
        return parts


def _count_events(item: object) -> int:
    # Items that were not read were not checked either, so they may be anything.
    return len(item.events) if isinstance(item, CustomerEvents) and isinstance(item.events, Mapping) else 1
