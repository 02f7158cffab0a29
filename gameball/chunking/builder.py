"""The builder: checks and encodes events one by one, and packs them into chunks."""

from collections.abc import Iterable, Mapping
from typing import Final

from gameball.chunking.chunk import (
    ENVELOPE_SIZE,
    EVENTS_OPEN,
    OBJECT_CLOSE,
    OBJECT_OPEN,
    Chunk,
    Layout,
    assemble,
)
from gameball.chunking.limits import check_chunk_limits
from gameball.errors import InvalidEventError
from gameball.events import (
    OPTIONS,
    CustomerEvents,
    Event,
    EventLike,
    are_finite,
    convert,
    encode,
    find_problem,
)

_NULL: Final = b"null"
_U: Final = ord("u")
_OPENING_BRACE: Final = ord("{")
# A source with ever new names must not grow the cache without end.
_MAX_CACHED_NAMES: Final = 10_000
_TUPLE_LENGTH: Final = 3
# An object's closing braces, and the comma before it. The first has none: an empty body counts one less.
_AROUND_OBJECT: Final = len(OBJECT_CLOSE) + 1
_EMPTY: Final = ENVELOPE_SIZE - 1


class ChunkBuilder:
    """Takes source items one by one, and gives a chunk whenever one is full.

    Args:
        max_objects: The most objects of a chunk, 1 to 1,000.
        max_bytes: The most bytes of a chunk's content, its closing brackets included.
        coalesce: Let events of one customer share an object while their names differ.
        first: The position of the first source item.

    Raises:
        ValueError: A limit is out of its range.
    """

    def __init__(self, *, max_objects: int, max_bytes: int, coalesce: bool, first: int = 0) -> None:
        check_chunk_limits(max_objects, max_bytes)
        self._max_objects = max_objects
        self._max_bytes = max_bytes
        self._coalesce = coalesce
        self._keys: dict[str, bytes] = {}
        self._first = first
        self._left_out = 0
        # Where the chunk that was finished last begins, and its number of events.
        self._finished = (-1, 0)
        self._begin()

    def _begin(self) -> None:
        self._size = _EMPTY
        # For each object its JSON without the closing braces, and its only event's name or all its names.
        self._bodies: list[bytes] = []
        self._names: list[str | set[str]] = []
        # For each source item the object it is in, and the length of its own JSON.
        self._objects: list[int] = []
        self._lengths: list[int] = []
        self._several: dict[int, int] = {}
        # For each customer the object that their next event may join.
        self._open: dict[str, int] = {}

    @property
    def first(self) -> int:
        """The position of the first source item that is in no chunk yet."""
        return self._first

    @property
    def position(self) -> int:
        """The position of the next source item, which is the number of those taken so far."""
        return self._first + len(self._objects)

    def taken_beyond(self, position: int) -> tuple[int, int]:
        """Tell what was taken from a position on, in a chunk or not.

        Args:
            position: Where the chunk that was finished last begins, or a later position.

        Returns:
            The number of source items, and of the events in them.
        """
        first, events = self._finished
        pending = Layout(self._objects, self._lengths, self._several, self._coalesce).events
        return self.position - position, pending + (events if first >= position else 0)

    def leave_out(self) -> None:
        """Note that the item which was refused is left out: positions do not count it, and errors do."""
        self._left_out += 1

    def push(self, item: EventLike) -> Chunk | None:
        """Take one source item.

        Args:
            item: What the next position of the source holds.

        Returns:
            The chunk that was full before this item, or None while there is room.

        Raises:
            InvalidEventError: The item cannot be sent. What was taken before is still there for ``finish``.
        """
        return self.fill((item,))

    def fill(self, items: Iterable[EventLike]) -> Chunk | None:  # noqa: C901, PLR0912 - see the comment
        """Take source items until a chunk is full.

        Args:
            items: What the next positions of the source hold. An iterator is left behind the item that did
                not fit any more, which is taken too.

        Returns:
            The chunk that was full, or None when there are no more items.

        Raises:
            InvalidEventError: An item cannot be sent. What was taken before is still there for ``finish``.
        """
        # One straight run on local names, because it runs for every event: what was here in methods of its
        # own before took a third longer. Whatever is out of the ordinary goes to _take.
        max_objects, max_bytes, coalesce = self._max_objects, self._max_bytes, self._coalesce
        keys, opened, bodies, names = self._keys, self._open, self._bodies, self._names
        objects, lengths = self._objects, self._lengths
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
                place = f"events.{name}"
            else:
                full = self._take_unusual(item)
                if full is not None:
                    return full
                continue
            try:
                key = keys.get(name)
                value = encode(metadata, convert, OPTIONS)
                number = opened.get(customer_id)
            except TypeError as error:
                raise self._explain(error, customer_id, name, metadata, place) from None
            if key is None:
                key = self._encode_name(name, customer_id)
            # NaN and infinity are written as null, so that only what holds a null need be looked through. A
            # single letter is found five times as fast as a word, and many events lack this one.
            if value[0] != _OPENING_BRACE or (
                _U in value and value.find(_NULL) >= 0 and not are_finite((metadata,))
            ):
                self._check_metadata(metadata, customer_id, place)
            count = len(bodies)
            if number is None and count < max_objects and type(customer_id) is str and customer_id.strip():
                try:
                    body = b"".join((OBJECT_OPEN, encode(customer_id), EVENTS_OPEN, key, value))
                except TypeError as error:
                    raise self._explain(error, customer_id, name, metadata, place) from None
                size = self._size + len(body) + _AROUND_OBJECT
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
        """Return what has been taken and not yet given as a chunk, or None where there is nothing."""
        if not self._objects:
            return None
        layout = Layout(self._objects, self._lengths, self._several, self._coalesce)
        chunk = assemble(self._bodies, self._first, layout)
        self._finished = (chunk.first, chunk.events)
        self._first = self.position
        self._begin()
        return chunk

    def place(self, customer_id: str, names: set[str], events: bytes) -> Chunk | None:
        """Take a source item that is checked and encoded already.

        Args:
            customer_id: Its customer.
            names: The names of its events.
            events: The JSON of its events, without braces around.

        Returns:
            The chunk that was full before this item, or None while there is room.
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
        if not isinstance(item, CustomerEvents):
            needed = "an Event, CustomerEvents or (customer_id, name, metadata) is needed"
            raise self._invalid(None, "the item", f"is a {type(item).__name__}; {needed}")
        customer_id, events = item.customer_id, item.events
        if type(customer_id) is not str or not customer_id.strip():
            self._check_text(customer_id, None, "customer_id")
        if not isinstance(events, Mapping) or not events:
            raise self._invalid(customer_id, "events", "must map at least one event name to its metadata")
        fragments = {}
        for name, metadata in events.items():
            try:
                key = self._keys.get(name) or self._encode_name(name, customer_id)
                value = encode(metadata, convert, OPTIONS)
            except TypeError as error:
                raise self._explain(error, customer_id, name, metadata, f"events.{name}") from None
            if value[0] != _OPENING_BRACE or (value.find(_NULL) >= 0 and not are_finite((metadata,))):
                self._check_metadata(metadata, customer_id, f"events.{name}")
            fragments[name] = key + value
        return self.place(customer_id, set(fragments), b",".join(fragments.values()))

    def _take(self, customer_id: str, names: str | set[str], events: bytes) -> Chunk | None:
        """Take an encoded item into its customer's open object, or a new one, or a new chunk."""
        number = self._open.get(customer_id)
        size = self._size + 1 + len(events)
        if number is not None and size <= self._max_bytes and self._claim(number, names):
            self._bodies[number] += b"," + events
            self._objects.append(number)
            self._lengths.append(len(events))
            self._size = size
            return None
        if type(customer_id) is not str or not customer_id.strip():
            self._check_text(customer_id, None, "customer_id")
        try:
            body = b"".join((OBJECT_OPEN, encode(customer_id), EVENTS_OPEN, events))
        except TypeError as error:
            raise self._explain(error, customer_id, "name", {}, "metadata") from None
        full = None
        size = len(body) + _AROUND_OBJECT
        if len(self._bodies) == self._max_objects or self._size + size > self._max_bytes:
            if _EMPTY + size > self._max_bytes:
                reason = f"is a request of {_EMPTY + size:,} bytes; max_bytes is {self._max_bytes:,}"
                raise self._invalid(customer_id, "the item", reason)
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
        """Note names as used within an object, unless one of them is used there already."""
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

    def _encode_name(self, name: str, customer_id: object) -> bytes:
        self._check_text(name, customer_id, "name")
        key = encode(name) + b":"
        if len(self._keys) < _MAX_CACHED_NAMES:
            self._keys[name] = key
        return key

    def _check_metadata(self, metadata: object, customer_id: object, place: str) -> None:
        if not isinstance(metadata, Mapping):
            raise self._invalid(customer_id, place, f"must be a mapping, and is {type(metadata).__name__}")
        if problem := find_problem(metadata, place):
            raise self._invalid(customer_id, *problem)

    def _check_text(self, value: object, customer_id: object, place: str) -> None:
        if not isinstance(value, str):
            raise self._invalid(customer_id, place, f"must be text, and is {type(value).__name__}")
        if not value.strip():
            raise self._invalid(customer_id, place, "must not be blank")
        if problem := find_problem(value, place):
            raise self._invalid(customer_id, *problem)

    def _explain(
        self, error: TypeError, customer_id: object, name: object, metadata: object, place: str
    ) -> BaseException:
        """Return what to raise for an event that could not be encoded."""
        # orjson raises a TypeError whatever came up within convert, Ctrl-C included.
        cause = error.__cause__
        if cause is not None and not isinstance(cause, Exception):
            return cause
        try:
            self._check_text(customer_id, None, "customer_id")
            self._check_text(name, customer_id, "name")
            self._check_metadata(metadata, customer_id, place)
        except InvalidEventError as problem:
            return problem
        except RecursionError:  # what holds itself, for one
            cause = None
        # A mapping of the user's own may fail when it is read.
        if cause is not None and not isinstance(cause, TypeError | RecursionError):
            return cause
        return self._invalid(customer_id, place, "is nested too deeply to be sent")

    def _invalid(self, customer_id: object, place: str, reason: str) -> InvalidEventError:
        known = customer_id if isinstance(customer_id, str) else None
        index = self.position + self._left_out
        return InvalidEventError(index=index, customer_id=known, field=place, reason=reason)
