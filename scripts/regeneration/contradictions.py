"""Find values of the overlay that differ from published values."""

from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen

from regeneration.document_walk import Document, Place, mapping, pointer, resolve, value_at

# Names and descriptions: the overlay may replace these.
_OURS: Final = frozenset({"title", "summary", "description", "operationId"})


@frozen
class Contradiction:
    """A value of the overlay that differs from the published one.

    Attributes:
        place: Its place in the document.
        ours: The value of the overlay.
        published: The published value.
    """

    place: Place
    ours: Any
    published: Any

    def __str__(self) -> str:
        return f"says {self.ours!r} at {pointer(self.place)}, where {self.published!r} is published"


def find_contradictions(
    document: Document, place: Place, update: object, replaces: object = None
) -> Iterator[Contradiction]:
    """Yield the values of an overlay update that differ from published ones.

    Lists are not compared, because an update adds to them. Names and descriptions are not compared either.

    Args:
        document: The document as published.
        place: The place of the update. If the document does not have it, there is nothing to contradict.
        update: The update.
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
