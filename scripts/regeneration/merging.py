"""Merge the documents of several pages into one."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from regeneration.document_walk import Document, Place, listing, mapping, pointer, value_at
from regeneration.regeneration_error import RegenerationError
from regeneration.sources import DocumentSource

# The depth to which documents are merged below these keys. Deeper parts must be identical: merging two
# versions of an operation would make a third one that nobody published.
_DEPTHS: Final = {"paths": 2, "webhooks": 2, "components": 2}


def merge_sources(sources: Sequence[DocumentSource], base: DocumentSource | None = None) -> Document:
    """Merge documents: identical parts are taken once, and parts that only some have are added.

    Args:
        sources: The documents, at least one. They are not modified.
        base: The document that was accepted before, if it is one of the sources. Operations and components of
            the others replace those of the same name in it. Its title stays.

    Returns:
        The merged document.

    Raises:
        RegenerationError: Two documents differ at the same place. The text names both.
    """
    merged: Document = {}
    origins: dict[Place, str] = {}
    conflicts = []
    for source in sorted(sources, key=lambda source: source is not base):
        for place, value in _parts(source.document, ()):
            if _is_container(place):
                _container(merged, place)
            elif place not in origins:
                _container(merged, place[:-1])[str(place[-1])] = value
                origins[place] = source.name
            elif (known := value_at(merged, place)) == value:
                continue
            elif base is not None and origins[place] == base.name and place[0] in {*_DEPTHS, "info"}:
                if place[0] != "info":
                    _container(merged, place[:-1])[str(place[-1])] = value
                    origins[place] = source.name
            else:
                where = pointer(_first_difference(known, value, place))
                conflicts.append(f"{origins[place]} and {source.name} differ at {where}")
    if conflicts:
        raise RegenerationError(
            f"the sources contradict each other: {conflicts[0]}; use the newer one only, or name the "
            "openapi.yaml of this repository, whose operations the others replace",
            tuple(conflicts) if len(conflicts) > 1 else (),
        )
    if "tags" in merged:
        merged["tags"] = list(merged["tags"].values())
    return merged


def _parts(value: Document, place: Place) -> Iterator[tuple[Place, Any]]:
    """Yield the parts of a document that are merged as one piece."""
    for key, child in value.items():
        below = (*place, key)
        if isinstance(child, dict) and _is_container(below):
            yield below, None
            yield from _parts(child, below)
        elif below == ("tags",):
            yield from ((("tags", str(tag["name"])), tag) for tag in listing(child) if "name" in mapping(tag))
        else:
            yield below, child


def _is_container(place: Place) -> bool:
    return len(place) <= _DEPTHS.get(str(place[0]), 0)


def _container(document: Document, place: Place) -> Document:
    """Return the mapping at a place, which is created if it does not exist."""
    for part in place:
        document = document.setdefault(str(part), {})
    return document


def _first_difference(one: object, other: object, place: Place) -> Place:
    """Return the deepest place that contains every difference."""
    if isinstance(one, dict) and isinstance(other, dict):
        different = [key for key in {**one, **other} if one.get(key) != other.get(key)]
        if len(different) == 1:
            (key,) = different
            return _first_difference(one.get(key), other.get(key), (*place, key))
    return place
