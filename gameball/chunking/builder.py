"""The builder checks and encodes events one by one, and packs them into chunks."""

from collections.abc import Iterable, Mapping
from sys import getrefcount
from typing import Final

import orjson

from gameball.chunking.chunk import (
    EVENTS_OPEN,
    OBJECT_OPEN,
    Chunk,
    Layout,
    assemble,
)
from gameball.chunking.encoded_events import EncodedEvents
from gameball.chunking.event_encoder import (
    AROUND_OBJECT,
    EMPTY,
    FRAGMENT_REFERENCES,
    NULL,
    OPENING_BRACE,
    EventEncoder,
    U,
    describe_exception,
    may_be_invalid,
)
from gameball.chunking.limits import check_chunk_limits
from gameball.events import CustomerEvents, Event, EventLike
from gameball.json_values import OPTIONS, are_finite, convert, encode

_TUPLE_LENGTH: Final = 3


class ChunkBuilder:
    """Accepts source items one by one, and returns a chunk whenever one is full.

    Args:
        max_objects: The maximum number of objects in a chunk, 1 to 1,000.
        max_bytes: The maximum size of a chunk's content in bytes, including its closing brackets.
        coalesce: Whether events of one customer may share an object if their names differ.
        first: The position of the first source item.
        keep_customers: Whether chunks name their customers, if that costs little.

    Raises:
        ValueError: A limit is out of range.
    """

    def __init__(
        self,
        *,
        max_objects: int,
        max_bytes: int,
        coalesce: bool,
        first: int = 0,
        keep_customers: bool = False,
    ) -> None:
        check_chunk_limits(max_objects, max_bytes)
        self._max_objects = max_objects
        self._max_bytes = max_bytes
        self._coalesce = coalesce
        self._keep_customers = keep_customers and coalesce
        self._encoder = EventEncoder(max_bytes, lambda: self.position)
        self._first = first
        # The first and last position and the number of events of the last finished chunk.
        self._finished = (-1, -1, 0)
        self._begin()

    def _begin(self) -> None:
        self._size = EMPTY
        # For each object, its JSON without the closing braces, and the name or names of its events.
        self._bodies: list[bytes | bytearray] = []
        self._names: list[str | set[str]] = []
        # For each source item, the number of its object and the length of its JSON.
        self._objects: list[int] = []
        self._lengths: list[int] = []
        self._several: dict[int, int] = {}
        # Where source items were skipped: the number of items before each gap, and its length; and their sum.
        self._gaps: list[tuple[int, int]] = []
        self._skipped = 0
        # For each customer, the number of the object that their next event may be added to.
        self._open: dict[str, int] = {}

    @property
    def first(self) -> int:
        """The position of the first source item that is neither in a finished chunk nor skipped."""
        return self._first

    @property
    def position(self) -> int:
        """The position of the next source item. Skipped items are counted."""
        return self._first + len(self._objects) + self._skipped

    def taken_from(self, position: int) -> tuple[int, int, int] | None:
        """Find the source items accepted from a position on, whether or not they are in a chunk.

        Args:
            position: The first position of the last finished chunk, or a later position.

        Returns:
            The first and the last position of the items, and the number of their events; None without any.
        """
        parts = []
        if self._finished[0] >= position:
            parts.append(self._finished)
        if self._objects:
            layout = self._layout()
            parts.append((self._first, self._first + layout.last_offset, layout.events))
        if not parts:
            return None
        return parts[0][0], parts[-1][1], sum(events for _, _, events in parts)

    def skip(self) -> None:
        """Skip the item that was just rejected: positions count it, but no chunk holds it."""
        before = len(self._objects)
        if before == 0:
            self._first += 1
            return
        if self._gaps and self._gaps[-1][0] == before:
            _, length = self._gaps.pop()
            self._gaps.append((before, length + 1))
        else:
            self._gaps.append((before, 1))
        self._skipped += 1

    def _layout(self) -> Layout:
        # With coalesce, every customer of the chunk has an object that is open.
        customers = frozenset(self._open) if self._keep_customers else None
        return Layout(self._objects, self._lengths, self._several, self._coalesce, self._gaps, customers)

    def push(self, item: EventLike) -> Chunk | None:
        """Add one source item.

        Args:
            item: The next source item.

        Returns:
            The previous chunk if the item did not fit into it, otherwise None.

        Raises:
            InvalidEventError: The item cannot be sent. The items before it are kept, for ``finish``.
        """
        return self.fill((item,))

    def fill(self, items: Iterable[EventLike]) -> Chunk | None:  # noqa: C901, PLR0912 - see the comment
        """Add source items until a chunk is full.

        Args:
            items: The next source items. The item that did not fit is consumed from an iterator, and goes
                into the next chunk.

        Returns:
            The full chunk, or None if the items ran out first.

        Raises:
            InvalidEventError: An item cannot be sent. The items before it are kept, for ``finish``.
        """
        # One loop with local variables, because it runs for every event: divided into methods it took a third
        # longer. It handles the common cases and leaves the others to _take.
        max_objects, max_bytes, coalesce = self._max_objects, self._max_bytes, self._coalesce
        keys, opened, bodies, names = self._encoder.keys, self._open, self._bodies, self._names
        objects, lengths = self._objects, self._lengths
        metadata: Mapping[str, object] | None
        for item in items:
            if type(item) is Event:
                customer_id, name, metadata = item.customer_id, item.name, item.metadata
                place = "metadata"
            elif type(item) is tuple and len(item) == _TUPLE_LENGTH:
                customer_id, name, metadata = item
                place = "metadata"
            elif type(item) is CustomerEvents and type(item.events) is dict and len(item.events) == 1:
                customer_id = item.customer_id
                ((name, metadata),) = item.events.items()
                place = ""  # the place is made only for an error: it would take a twentieth of the time
            else:
                full = self._take_unusual(item)
                if full is not None:
                    return full
                continue
            try:
                key = keys.get(name)
                value = encode(metadata, convert, OPTIONS)
                is_open = customer_id in opened
            except Exception as error:  # noqa: BLE001 - a value may be of any class, whose methods raise anything
                raise self._encoder.explain(
                    error, customer_id, name, metadata, place or f"events.{name}"
                ) from None
            if key is None:
                key = self._encoder.encode_name(name, customer_id)
            # This is may_be_invalid. Calling it would take a tenth longer.
            if (
                (type(metadata) is not dict and value[0] != OPENING_BRACE)
                or (U in value and value.find(NULL) >= 0 and not are_finite((metadata,)))
                or getrefcount(orjson.Fragment) != FRAGMENT_REFERENCES
            ):
                value = self._encoder.check_metadata(value, metadata, customer_id, place or f"events.{name}")
            count = len(bodies)
            if not is_open and count < max_objects and type(customer_id) is str and customer_id.strip():
                try:
                    body = b"".join((OBJECT_OPEN, encode(customer_id), EVENTS_OPEN, key, value))
                except TypeError as error:
                    raise self._encoder.explain(
                        error, customer_id, name, metadata, place or f"events.{name}"
                    ) from None
                size = self._size + len(body) + AROUND_OBJECT
                if size <= max_bytes:
                    self._size = size
                    bodies.append(body)
                    names.append(name)
                    objects.append(count)
                    lengths.append(len(key) + len(value))
                    if coalesce:
                        opened[customer_id] = count
                    continue
            full = self._take(customer_id, name, key + value)
            if full is not None:
                return full
        return None

    def finish(self) -> Chunk | None:
        """Return a chunk of the items that are not in one yet, or None if there are none."""
        if not self._objects:
            return None
        chunk = assemble(self._bodies, self._first, self._layout())
        self._finished = (chunk.first, chunk.last, chunk.events)
        self._first = self.position
        self._begin()
        return chunk

    def place(self, customer_id: str, names: set[str], events: bytes) -> Chunk | None:
        """Add a source item that is already checked and encoded.

        Args:
            customer_id: The id of its customer.
            names: The names of its events.
            events: The JSON of its events, without the enclosing braces.

        Returns:
            The previous chunk if the item did not fit into it, otherwise None.
        """
        full = self._take(customer_id, names, events)
        if len(names) != 1:
            self._several[len(self._objects) - 1] = len(names)
        return full

    def _take_unusual(self, item: object) -> Chunk | None:
        if isinstance(item, Event):
            return self.push((item.customer_id, item.name, item.metadata))
        if isinstance(item, tuple) and len(item) == _TUPLE_LENGTH:
            return self.push(tuple(item))
        if isinstance(item, EncodedEvents):
            return self.place(item.customer_id, set(item.names), item.events)
        if not isinstance(item, CustomerEvents):
            needed = "must be an Event, CustomerEvents or (customer_id, name, metadata)"
            got = f"a tuple of {len(item)}" if isinstance(item, tuple) else type(item).__name__
            raise self._encoder.invalid(
                None, "the item", f"{needed}, got {got}; without metadata write (customer_id, name, {{}})"
            )
        return self._take_customer_events(item)

    def _take_customer_events(self, item: CustomerEvents) -> Chunk | None:
        customer_id, events = item.customer_id, item.events
        if type(customer_id) is not str or not customer_id.strip():
            self._encoder.check_text(customer_id, None, "customer_id")
        try:
            pairs = list(events.items()) if isinstance(events, Mapping) else []
        except Exception as error:  # noqa: BLE001 - as above
            raise self._encoder.invalid(customer_id, "events", describe_exception(error)) from None
        if not pairs:
            raise self._encoder.invalid(
                customer_id, "events", "must map at least one event name to its metadata"
            )
        fragments = {}
        for name, metadata in pairs:
            try:
                key = self._encoder.keys.get(name) or self._encoder.encode_name(name, customer_id)
                value = encode(metadata, convert, OPTIONS)
            except Exception as error:  # noqa: BLE001 - as above
                raise self._encoder.explain(error, customer_id, name, metadata, f"events.{name}") from None
            if may_be_invalid(value, metadata):
                value = self._encoder.check_metadata(value, metadata, customer_id, f"events.{name}")
            fragments[name] = key + value
        return self.place(customer_id, set(fragments), b",".join(fragments.values()))

    def _take(self, customer_id: str, names: str | set[str], events: bytes) -> Chunk | None:
        """Add an encoded item to its customer's open object, to a new object, or to a new chunk."""
        number = self._open.get(customer_id)
        size = self._size + 1 + len(events)
        if number is not None and size <= self._max_bytes and self._claim(number, names):
            body = self._bodies[number]
            if isinstance(body, bytes):
                # Adding to bytes would copy them: 200,000 names of one customer once took 7 s.
                body = self._bodies[number] = bytearray(body)
            body += b"," + events
            self._objects.append(number)
            self._lengths.append(len(events))
            self._size = size
            return None
        if type(customer_id) is not str or not customer_id.strip():
            self._encoder.check_text(customer_id, None, "customer_id")
        try:
            body = b"".join((OBJECT_OPEN, encode(customer_id), EVENTS_OPEN, events))
        except TypeError as error:
            raise self._encoder.explain(error, customer_id, "name", {}, "metadata") from None
        full = None
        size = len(body) + AROUND_OBJECT
        if len(self._bodies) == self._max_objects or self._size + size > self._max_bytes:
            if EMPTY + size > self._max_bytes:
                raise self._encoder.too_large(customer_id, EMPTY + size)
            full = self.finish()
        number = len(self._bodies)
        self._size += size
        self._bodies.append(body)
        self._names.append(names)
        self._objects.append(number)
        self._lengths.append(len(events))
        if self._coalesce:
            self._open[customer_id] = number
        return full

    def _claim(self, number: int, names: str | set[str]) -> bool:
        """Add event names to an object, unless it already has one of them; return whether they were added."""
        taken = self._names[number]
        if isinstance(taken, str):
            taken = self._names[number] = {taken}
        if isinstance(names, str):
            if names in taken:
                return False
            taken.add(names)
            return True
        if not taken.isdisjoint(names):
            return False
        taken |= names
        return True
