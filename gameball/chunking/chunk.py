"""A chunk: one request's body, and where in it each source item stands."""

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
    """Where in a chunk's content each source item is, so that the chunk can be split.

    Attributes:
        objects: For each source item, in order, the number of the object it is in.
        lengths: For each source item the length of its JSON: its events' names and metadata.
        several: How many events a source item has, where that is not one: by its place in the lists.
        coalesce: Whether events of one customer could share an object.
    """

    objects: list[int]
    lengths: list[int]
    several: dict[int, int]
    coalesce: bool

    @property
    def events(self) -> int:
        """The number of events."""
        return len(self.objects) - len(self.several) + sum(self.several.values())


@frozen
class Chunk:
    """A request, ready to be sent.

    Attributes:
        content: The request's body: JSON, in bytes.
        objects: The number of objects in the body, 1 to 1,000.
        events: The number of events in it.
        first: The position of its first source item, counted from 0.
        last: The position of its last source item; all between the two are in the chunk as well.
        layout: Where each source item is.
    """

    content: bytes = field(repr=False)
    objects: int
    events: int
    first: int
    last: int
    layout: Layout = field(repr=False, eq=False)

    @property
    def size(self) -> int:
        """The length of the request's body, in bytes."""
        return len(self.content)

    def items(self) -> list[tuple[bytes, bytes]]:
        """Cut the source items out of the content, in order: each item's customer and events, as JSON."""
        members: list[list[int]] = [[] for _ in range(self.objects)]
        for place, number in enumerate(self.layout.objects):
            members[number].append(place)
        items = [(b"", b"")] * len(self.layout.objects)
        start = len(BODY_OPEN) + len(OBJECT_OPEN)
        for places in members:
            # Within a customer's id a quote is escaped, so that this is found nowhere before its end.
            end_of_customer = self.content.index(b'"' + EVENTS_OPEN, start) + 1
            customer = self.content[start:end_of_customer]
            begin = end_of_customer + len(EVENTS_OPEN)
            for place in places:
                end = begin + self.layout.lengths[place]
                items[place] = customer, self.content[begin:end]
                begin = end + 1
            start = begin - 1 + len(OBJECT_CLOSE) + 1 + len(OBJECT_OPEN)
        return items


def assemble(bodies: list[bytes], first: int, layout: Layout) -> Chunk:
    """Put a chunk together.

    Args:
        bodies: The objects, each without its closing braces.
        first: The position of the first source item.
        layout: Where each source item is.

    Returns:
        The chunk.
    """
    return Chunk(
        content=BODY_OPEN + (OBJECT_CLOSE + b",").join(bodies) + OBJECT_CLOSE + BODY_CLOSE,
        objects=len(bodies),
        events=layout.events,
        first=first,
        last=first + len(layout.objects) - 1,
        layout=layout,
    )
