"""Repair enumerations that the generator would drop, or drop members of."""

from collections import Counter

from openapi_python_client.strings import snake_case

from regeneration.document_walk import Document, listing, schemas
from regeneration.repair import NOTHING, Repair

_NAMES = "x-enum-varnames"


def separate_null_from_enumerations(document: Document) -> list[Repair]:
    """Write an enumeration that may be null as one that may not, or null.

    The generator would make a class for each way in which the two can be combined.
    """
    repairs = []
    for node in schemas(document):
        content, kinds = node.content, listing(node.content.get("type"))
        values = listing(content.get("enum"))
        named = [value for value in values if value is not None]
        if named and (len(named) < len(values) or content.get("nullable") is True or "null" in kinds):
            label = str(node.place[-1]) if node.place[-2:-1] == ("properties",) else content.get("title")
            others = [kind for kind in kinds or [content.get("type")] if kind not in {"null", None}]
            one = (
                {"enum": named}
                | ({"title": label} if label else {})
                | ({"type": others[0]} if others else {})
            )
            moved = {"enum", "type", "title", "nullable"}
            rest = {key: value for key, value in content.items() if key not in moved}
            either = {**rest, "oneOf": [one, {"type": "null"}]}
            repairs.append(Repair("enumeration that may be null", node.place, "or null", either))
    return repairs


def widen_mixed_enumerations(document: Document) -> list[Repair]:
    """Let a value be any of its type where the listed ones are neither all texts nor all whole numbers."""
    repairs = []
    for node in schemas(document):
        types = {type(value) for value in listing(node.content.get("enum")) if value is not None}
        if types not in ({str}, {int}, set()) and node.content.get("type") != "boolean":
            place = (*node.place, "enum")
            repairs.append(Repair("enumeration of mixed values", place, "any value of its type", NOTHING))
    return repairs


def name_members_apart(document: Document) -> list[Repair]:
    """Name the members of an enumeration whose values read the same.

    Of two that have one name the generator keeps the last, or fails.
    """
    repairs = []
    for node in schemas(document):
        values = listing(node.content.get("enum"))
        if not values or _NAMES in node.content or not all(isinstance(value, str) for value in values):
            continue
        plain = [
            snake_case(value.upper()).upper() if value[:1].isalpha() else f"VALUE_{index}"
            for index, value in enumerate(values)
        ]
        count = Counter(plain)
        if max(count.values()) > 1 or not all(plain):
            names = [
                f"{name}_{index}" if count[name] > 1 or not name else name for index, name in enumerate(plain)
            ]
            place = (*node.place, _NAMES)
            repairs.append(Repair("enumeration of like values", place, ", ".join(names), names))
    return repairs
