"""Removes what the documentation tool's template left behind."""

from collections.abc import Sequence
from typing import Final

from regeneration.document_walk import Document, mapping, schemas
from regeneration.repairs.repair import NOTHING, Repair, make_repairs

_SCHEMAS: Final = ("components", "schemas")


def skip_leftovers(document: Document, leftovers: Sequence[str]) -> list[Repair]:
    """Remove operations of the documentation tool's template, and the schemas that only they use.

    Args:
        document: The document.
        leftovers: The operations, each as ``METHOD /path``; webhooks are named in the same way.
    """
    wanted = [
        (kind, path, method.lower())
        for method, _, path in (leftover.partition(" ") for leftover in leftovers)
        for kind in ("paths", "webhooks")
    ]
    places = [place for place in wanted if place[2] in mapping(mapping(document.get(place[0])).get(place[1]))]
    repairs = [Repair("template leftover", place, "removed", NOTHING) for place in places]
    if not repairs:
        return []
    names = set(mapping(mapping(document.get("components")).get("schemas")))
    unused = _unreferenced_schemas(make_repairs(document, repairs), names) - _unreferenced_schemas(
        document, names
    )
    return repairs + [
        Repair("template leftover", ("components", "schemas", name), "removed", NOTHING)
        for name in sorted(unused)
    ]


def _unreferenced_schemas(document: Document, names: set[str]) -> set[str]:
    """Return the schemas of a set that nothing outside the set refers to.

    Args:
        document: The document.
        names: Names of schemas among its components.
    """
    kept = {
        str(node.content["$ref"]).rpartition("/")[2]
        for node in schemas(document)
        if "$ref" in node.content and not (node.place[:2] == _SCHEMAS and node.place[2] in names)
    }
    while more := {name for name in names & kept for name in _referred_schemas(document, name)} - kept:
        kept |= more
    return names - kept


def _referred_schemas(document: Document, name: str) -> set[str]:
    place = (*_SCHEMAS, name)
    return {
        str(node.content["$ref"]).rpartition("/")[2]
        for node in schemas(document)
        if node.place[:3] == place and "$ref" in node.content
    }
