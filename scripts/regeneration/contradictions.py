"""Find where the overlay says otherwise than what is published."""

from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen

from regeneration.document_walk import Document, Place, mapping, pointer, resolve, value_at

# Names and words, which the overlay is there to choose.
_OURS: Final = frozenset({"title", "summary", "description", "operationId"})


@frozen
class Contradiction:
    """A value of the overlay where another one is published.

    Attributes:
        place: Where it is.
        ours: What the overlay says.
        published: What is published.
    """

    place: Place
    ours: Any
    published: Any

    def __str__(self) -> str:
        return f"says {self.ours!r} at {pointer(self.place)}, where {self.published!r} is published"


def find_contradictions(
    document: Document, place: Place, update: object, replaces: object = None
) -> Iterator[Contradiction]:
    """Yield where an update of the overlay contradicts what is published.

    Lists are not compared, because an update adds to them, and neither are names and descriptions.

    Args:
        document: The document as published.
        place: Where the update is made; the document need not have it.
        update: What the overlay says.
        replaces: The published values that the update replaces on purpose, in the shape of the update.
    """
    try:
        published = value_at(document, place)
    except LookupError:
        return
    yield from _contradictions(document, place, (update, published, replaces))


def _contradictions(
    document: Document, place: Place, values: tuple[object, object, object]
) -> Iterator[Contradiction]:
    update, published, replaces = values
    if isinstance(update, dict) and isinstance(published, dict):
        if "$ref" not in update:
            published = {**resolve(document, published), **published}
        elif "$ref" not in published and not published.keys() <= _OURS:
            yield Contradiction(place, update, published)
            return
        for key, value in update.items():
            if key in published and (key not in _OURS or isinstance(value, dict)):
                inner = (value, published[key], mapping(replaces).get(key))
                yield from _contradictions(document, (*place, key), inner)
    elif isinstance(update, list) and isinstance(published, list):
        return
    elif published not in (update, replaces):
        yield Contradiction(place, update, published)
