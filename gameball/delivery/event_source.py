"""What was handed over to a send, and what is left of it that was not sent."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk_events import OnInvalid
from gameball.errors import GameballError, InvalidEventError
from gameball.events import CustomerEvents
from gameball.receipts import Outcome, Receipt


class EventSource:
    """Keeps what a user handed over, out of sight: its repr shows nothing of the events.

    Args:
        events: What the user handed over.
    """

    def __init__(self, events: object) -> None:
        self._source: Any = events
        self._sequence = events if isinstance(events, Sequence) else ()
        self._builder: ChunkBuilder | None = None
        self._on_invalid: OnInvalid | None = None
        self._left_out: list[int] = []

    def begin(self, builder: ChunkBuilder, on_invalid: OnInvalid | None) -> None:
        """Note what divides the events, and what is told of those that are left out."""
        self._builder = builder
        self._on_invalid = on_invalid

    def take(self) -> Any:  # noqa: ANN401 - whatever was handed over
        """Return what was handed over, once."""
        source, self._source = self._source, ()
        return source

    @property
    def on_invalid(self) -> OnInvalid | None:
        """What to tell of each event that is left out; None where none is to be."""
        return None if self._on_invalid is None else self._leave_out

    def _leave_out(self, error: InvalidEventError) -> None:
        if self._on_invalid is not None:
            self._on_invalid(error)
        if self._sequence:
            self._left_out.append(error.index)

    def rest(self, index: int, position: int, error: GameballError | None) -> list[Receipt]:
        """Return the receipt of what has none, or nothing where there is none.

        Of a sequence that is all that was not read, too; of anything else, what was read in vain.

        Args:
            index: The receipt's number.
            position: The position of the first item without a receipt.
            error: Why it was not sent.
        """
        items, events = self._left_from(position)
        if items <= 0:
            return []
        return [
            Receipt(
                index=index,
                first=position,
                last=position + items - 1,
                objects=0,
                events=events,
                outcome=Outcome.UNSENT,
                error=error,
            )
        ]

    def _left_from(self, position: int) -> tuple[int, int]:
        if not self._sequence:
            return (0, 0) if self._builder is None else self._builder.taken_beyond(position)
        left_out = set(self._left_out)
        kept = (item for place, item in enumerate(self._sequence) if place not in left_out)
        events = sum(_events_in(item) for item in itertools.islice(kept, position, None))
        return len(self._sequence) - len(left_out) - position, events


def _events_in(item: object) -> int:
    # What was not read was not checked either: it may hold anything.
    return len(item.events) if isinstance(item, CustomerEvents) and isinstance(item.events, Mapping) else 1
