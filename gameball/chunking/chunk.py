"""A chunk: the body of one request, and the location of each source item in it."""

from collections.abc import Collection, Hashable, Sequence
from itertools import accumulate
from typing import Final

from attrs import field, frozen

BODY_OPEN: Final = b'{"body":['
OBJECT_OPEN: Final = b'{"customerId":'
EVENTS_OPEN: Final = b',"events":{'
OBJECT_CLOSE: Final = b"}}"
BODY_CLOSE: Final = b"]}"
#: The bytes of a body without any object.
ENVELOPE_SIZE: Final = len(BODY_OPEN) + len(BODY_CLOSE)


@frozen
class Layout:
    """The location of each source item in a chunk's content, which is needed to split the chunk.

    Attributes:
        objects: For each source item, in order, the number of its object.
        lengths: For each source item, the length of its JSON: the names and metadata of its events.
        several: The number of events of each source item that does not have exactly one, by its index in the
            lists above.
        coalesce: Whether events of one customer may share an object.
        gaps: Where source items were skipped: the number of items before each gap, and its length.
        customers: The customers of the events, or None if the builder did not keep them.
    """

    objects: list[int]
    lengths: list[int]
    several: dict[int, int]
    coalesce: bool
    gaps: list[tuple[int, int]] = field(factory=list)
    customers: frozenset[str] | None = None

    @property
    def events(self) -> int:
        """The number of events."""
        return len(self.objects) - len(self.several) + sum(self.several.values())

    @property
    def last_offset(self) -> int:
        """The position of the last source item, counted from the first one."""
        items = len(self.objects)
        return items - 1 + sum(length for before, length in self.gaps if before < items)

    def offsets(self) -> list[int]:
        """Return the position of each source item, counted from the first one."""
        lengths = dict(self.gaps)
        steps = (1 + lengths.get(place, 0) for place in range(1, len(self.objects)))
        return list(accumulate(steps, initial=0))


@frozen
class Chunk:
    """The body of a request, ready to be sent.

    Attributes:
        content: The request body: JSON, as bytes.
        objects: The number of objects in the body, 1 to 1,000.
        events: The number of events in the body.
        first: The position of its first source item, counted from 0.
        last: The position of its last source item. The chunk holds all items from first to last, except
            those that were skipped because they cannot be sent.
        layout: The location of each source item in the content.
    """

    content: bytes = field(repr=False)
    objects: int
    events: int
    first: int
    last: int
    layout: Layout = field(repr=False, eq=False)

    @property
    def size(self) -> int:
        """The size of the request body, in bytes."""
        return len(self.content)

    def customers(self) -> Collection[Hashable]:
        """Return what identifies the customers of the events."""
        if self.layout.customers is not None:
            return self.layout.customers
        return {customer for customer, _ in self.items()}

    def items(self) -> list[tuple[bytes, bytes]]:
        """Return the source items, in order: the JSON of each item's customer id and of its events."""
        members: list[list[int]] = [[] for _ in range(self.objects)]
        for place, number in enumerate(self.layout.objects):
            members[number].append(place)
        items = [(b"", b"")] * len(self.layout.objects)
        start = len(BODY_OPEN) + len(OBJECT_OPEN)
        for places in members:
            # Quotes within a customer id are escaped, so the first match is the end of the id.
            end_of_customer = self.content.index(b'"' + EVENTS_OPEN, start) + 1
            customer = self.content[start:end_of_customer]
            begin = end_of_customer + len(EVENTS_OPEN)
            for place in places:
                end = begin + self.layout.lengths[place]
                items[place] = customer, self.content[begin:end]
                begin = end + 1
            start = begin - 1 + len(OBJECT_CLOSE) + 1 + len(OBJECT_OPEN)
        return items


def assemble(bodies: Sequence[bytes | bytearray], first: int, layout: Layout) -> Chunk:
    """Build a chunk.

    Args:
        bodies: The objects, each without its closing braces.
        first: The position of the first source item.
        layout: The location of each source item.

    Returns:
        The chunk.
    """
    return Chunk(
        content=BODY_OPEN + (OBJECT_CLOSE + b",").join(bodies) + OBJECT_CLOSE + BODY_CLOSE,
        objects=len(bodies),
        events=layout.events,
        first=first,
        last=first + layout.last_offset,
        layout=layout,
    )
