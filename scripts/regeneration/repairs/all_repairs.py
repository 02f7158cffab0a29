"""The repairs: each finds one kind of fault in a published document, and fixes it.

Repairs are made before the overlay is applied. They never change openapi.yaml.
"""

import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final

from regeneration.document_walk import Document, Operation, listing, mapping, operations, resolve, schemas
from regeneration.repairs.operation_names import derive_operation_ids, derive_tags
from regeneration.repairs.repair import NOTHING, Repair, make_repairs
from regeneration.repairs.schema_names import shorten_schema_names

_SCHEMAS: Final = ("components", "schemas")
_PLACEHOLDER: Final = re.compile(r"{([^{}]+)}")
# One pass may cause a fault that the next one repairs.
_MAX_PASSES: Final = 20


def repair_document(
    document: Document, leftovers: Sequence[str], reserved_ids: Collection[str] = ()
) -> tuple[Document, tuple[Repair, ...]]:
    """Make all repairs. ``validate_document`` refuses other faults.

    Args:
        document: The document as published; it is not modified.
        leftovers: Operations to skip, each as ``METHOD /path``.
        reserved_ids: Operation ids that the overlay sets. They are not given to other operations.

    Returns:
        The repaired document, and the repairs in the order in which they were made.
    """
    steps: tuple[Callable[[Document], list[Repair]], ...] = (
        partial(skip_leftovers, leftovers=leftovers),
        supply_array_items,
        declare_path_parameters,
        supply_responses,
        derive_tags,
        partial(derive_operation_ids, reserved=reserved_ids),
        shorten_schema_names,
    )
    made: list[Repair] = []
    for find in steps:
        for _ in range(_MAX_PASSES):
            found = find(document)
            if not found:
                break
            document = make_repairs(document, found)
            made += found
    return document, tuple(made)


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


def supply_array_items(document: Document) -> list[Repair]:
    """Let an array without ``items`` contain anything."""
    return [
        Repair("array without items", (*node.place, "items"), "any value", {})
        for node in schemas(document)
        if "array" in (node.content.get("type"), *listing(node.content.get("type")))
        and node.content.get("items") is None
        and not node.content.get("prefixItems")
    ]


def supply_responses(document: Document) -> list[Repair]:
    """Give an operation without responses one without content."""
    return [
        Repair(
            "operation without responses",
            (*operation.place, "responses"),
            "a response that is not described",
            {"default": {"description": "Not described by Gameball."}},
        )
        for operation in operations(document)
        if not mapping(operation.content.get("responses"))
    ]


def declare_path_parameters(document: Document) -> list[Repair]:
    """Declare the parameters in a path's braces, and no others, for each of its operations."""
    return [repair for operation in operations(document) for repair in _path_parameters(document, operation)]


def _path_parameters(document: Document, operation: Operation) -> list[Repair]:
    own = listing(operation.content.get("parameters"))
    shared = listing(document["paths"][operation.path].get("parameters"))
    wanted = list(dict.fromkeys(_PLACEHOLDER.findall(operation.path)))
    shared_names = {parameter.get("name") for parameter in _in_path(document, shared)}
    kept, remedies = [], []
    missing = [
        name
        for name in wanted
        if name not in shared_names | {one.get("name") for one in _in_path(document, own)}
    ]
    for parameter in own:
        meant = resolve(document, parameter)
        if meant.get("in") != "path":
            kept.append(parameter)
            continue
        name = str(meant.get("name"))
        if name not in wanted:
            # The path may have it in another spelling. Then keep its description.
            same = next((one for one in missing if _plain(one) == _plain(name)), None)
            if same is None:
                remedies.append(f"{name} removed, because the path does not have it")
                continue
            missing.remove(same)
            remedies.append(f"{name} renamed to {same}, the name in the path")
            name = same
        if meant.get("name") != name or meant.get("required") is not True:
            if meant.get("name") == name:
                remedies.append(f"{name} marked as required")
            parameter = {**meant, "name": name, "required": True}  # noqa: PLW2901 - the same parameter, fixed
        kept.append(parameter)
    remedies += [f"{name} declared as a string" for name in missing]
    added = tuple(
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in missing
    )
    place = (*operation.place, "parameters")
    return [Repair("path parameters", place, ", ".join(remedies), [*kept, *added], added)] if remedies else []


def _in_path(document: Document, parameters: list[object]) -> list[Document]:
    resolved = [resolve(document, parameter) for parameter in parameters]
    return [parameter for parameter in resolved if parameter.get("in") == "path"]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
