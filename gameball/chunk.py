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
    """Where in a chunk's content each source item is, so that the chunk can be split byte for byte.

    Attributes:
        objects: For each source item, in order, the number of the object it is in.
        lengths: For each source item the length of its JSON: its events' names and metadata.
        several: How many events a source item has, where that is not one: by its place in the lists.
    """

    objects: list[int]
    lengths: list[int]
    several: dict[int, int]


@frozen
class Chunk:
    """A request, ready to be sent.

    Attributes:
        content: The request's body: JSON, in bytes.
        objects: The number of objects in the body, 1 to 1,000.
        events: The number of events in it.
        first: The position of its first source item, counted from 0.
        last: The position of its last source item; all between the two are in the chunk as well.
    """

    content: bytes = field(repr=False)
    objects: int
    events: int
    first: int
    last: int
    _layout: Layout = field(repr=False, eq=False, alias="layout")

    @property
    def size(self) -> int:
        """The length of the request's body, in bytes."""
        return len(self.content)

    def split(self) -> "tuple[Chunk, Chunk]":
        """Divide the chunk in two, by its source items, for a server that found it too large.

        Returns:
            The first half and the second half. Their events are, byte for byte, those of the chunk.

        Raises:
            ValueError: The chunk holds a single source item, which is never divided.
        """
        count = len(self._layout.objects)
        if count == 1:
            raise ValueError("a chunk of a single source item cannot be split")
        pieces = self._locate()
        return self._part(pieces, 0, count // 2), self._part(pieces, count // 2, count)

    def _locate(self) -> list[tuple[bytes, bytes]]:
        """Cut out of the content, for each source item, its object's opening and its own JSON."""
        members: list[list[int]] = [[] for _ in range(self.objects)]
        for place, number in enumerate(self._layout.objects):
            members[number].append(place)
        pieces = [(b"", b"")] * len(self._layout.objects)
        start = len(BODY_OPEN)
        for places in members:
            # Within a customer's id a quote is escaped, so that this is found nowhere before its end.
            begin = self.content.index(b'"' + EVENTS_OPEN, start) + 1 + len(EVENTS_OPEN)
            opening = self.content[start:begin]
            for place in places:
                end = begin + self._layout.lengths[place]
                pieces[place] = opening, self.content[begin:end]
                begin = end + 1
            start = begin - 1 + len(OBJECT_CLOSE) + 1
        return pieces

    def _part(self, pieces: list[tuple[bytes, bytes]], begin: int, end: int) -> "Chunk":
        numbers: dict[int, int] = {}
        bodies: list[bytes] = []
        objects: list[int] = []
        for place in range(begin, end):
            opening, events = pieces[place]
            number = numbers.setdefault(self._layout.objects[place], len(bodies))
            if number == len(bodies):
                bodies.append(opening + events)
            else:
                bodies[number] += b"," + events
            objects.append(number)
        several = {
            place - begin: events for place, events in self._layout.several.items() if begin <= place < end
        }
        return assemble(bodies, self.first + begin, Layout(objects, self._layout.lengths[begin:end], several))


def assemble(bodies: list[bytes], first: int, layout: Layout) -> Chunk:
    """Put a chunk together.

    Args:
        bodies: The objects, each without its closing braces.
        first: The position of the first source item.
        layout: Where each source item is.

    Returns:
        The chunk.
    """
    items = len(layout.objects)
    return Chunk(
        content=BODY_OPEN + (OBJECT_CLOSE + b",").join(bodies) + OBJECT_CLOSE + BODY_CLOSE,
        objects=len(bodies),
        events=items - len(layout.several) + sum(layout.several.values()),
        first=first,
        last=first + items - 1,
        layout=layout,
    )
