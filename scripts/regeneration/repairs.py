"""The repairs: each finds one kind of fault in a published document, and says how it is mended.

They change what the client is generated from, never openapi.yaml, and they come before the overlay.
"""

import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final

from regeneration.components import (
    move_null_to_references,
    name_components_for_themselves,
    name_recursive_objects,
    name_shared_schemas,
)
from regeneration.document_walk import Document, Operation, listing, mapping, operations, resolve, schemas
from regeneration.enumeration_repairs import (
    name_members_apart,
    separate_null_from_enumerations,
    widen_mixed_enumerations,
)
from regeneration.message_repairs import (
    list_required_fields,
    read_unreadable_media,
    supply_parameter_schemas,
    supply_response_descriptions,
    supply_responses,
)
from regeneration.operation_names import derive_operation_ids, derive_tags
from regeneration.references import (
    cut_endless_schemas,
    repair_references,
    simplify_compositions,
    unreferenced_schemas,
)
from regeneration.repair import NOTHING, Repair, make_repairs
from regeneration.schema_names import settle_schema_names

_PLACEHOLDER: Final = re.compile(r"{([^{}]+)}")
_DIALECT: Final = "3.1.0"
# A pass may bring up what the next one repairs; a document that needs more is not one of this world.
_MAX_PASSES: Final = 20


def repair_document(
    document: Document, leftovers: Sequence[str], reserved_ids: Collection[str] = ()
) -> tuple[Document, tuple[Repair, ...]]:
    """Make every repair that a document needs.

    Args:
        document: The document as published; it is not modified.
        leftovers: Operations that are left out, each as ``METHOD /path``.
        reserved_ids: Operation ids that the overlay gives, and that are not derived for others.

    Returns:
        The repaired document, and the repairs in the order in which they were made.

    Raises:
        RegenerationError: A fault is of a kind that only a person can mend.
    """
    steps: tuple[Callable[[Document], list[Repair]], ...] = (
        speak_openapi_3_1,
        partial(leave_out_leftovers, leftovers=leftovers),
        repair_references,
        simplify_compositions,
        list_required_fields,
        supply_parameter_schemas,
        read_unreadable_media,
        name_components_for_themselves,
        name_shared_schemas,
        move_null_to_references,
        widen_mixed_enumerations,
        separate_null_from_enumerations,
        name_members_apart,
        supply_array_items,
        cut_endless_schemas,
        name_recursive_objects,
        declare_path_parameters,
        supply_responses,
        supply_response_descriptions,
        derive_tags,
        partial(derive_operation_ids, reserved=reserved_ids),
        settle_schema_names,
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


def speak_openapi_3_1(document: Document) -> list[Repair]:
    """Bring a document to OpenAPI 3.1, which the overlay is written in.

    The generator reads ``nullable`` in either version, so that stays.
    """
    version = str(document.get("openapi"))
    if version.startswith("3.1."):
        return []
    repairs = [Repair("older OpenAPI", ("openapi",), f"{version} read as {_DIALECT}", _DIALECT)]
    for node in schemas(document):
        for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            flag = node.content.get(exclusive)
            if isinstance(flag, bool):
                place = (*node.place, exclusive)
                bound = node.content.get(limit, NOTHING) if flag else NOTHING
                repairs.append(Repair("older OpenAPI", place, f"{exclusive} as 3.1 writes it", bound))
                if flag and limit in node.content:
                    repairs.append(
                        Repair("older OpenAPI", (*node.place, limit), f"is in {exclusive} now", NOTHING)
                    )
    return repairs


def leave_out_leftovers(document: Document, leftovers: Sequence[str]) -> list[Repair]:
    """Leave out what a documentation tool's template put into the document, and the schemas of only that.

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
    repairs = [Repair("template leftover", place, "left out", NOTHING) for place in places]
    if not repairs:
        return []
    names = set(mapping(mapping(document.get("components")).get("schemas")))
    unused = unreferenced_schemas(make_repairs(document, repairs), names) - unreferenced_schemas(
        document, names
    )
    return repairs + [
        Repair("template leftover", ("components", "schemas", name), "left out", NOTHING)
        for name in sorted(unused)
    ]


def supply_array_items(document: Document) -> list[Repair]:
    """Let an array that does not say what is in it hold anything."""
    return [
        Repair("array without items", (*node.place, "items"), "any value", {})
        for node in schemas(document)
        if "array" in (node.content.get("type"), *listing(node.content.get("type")))
        and node.content.get("items") is None
        and not node.content.get("prefixItems")
    ]


def declare_path_parameters(document: Document) -> list[Repair]:
    """Declare what a path's braces name, and nothing else, as parameters of each of its operations."""
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
            # Perhaps the path only spells it otherwise; then its description is worth keeping.
            same = next((one for one in missing if _plain(one) == _plain(name)), None)
            if same is None:
                remedies.append(f"{name} dropped, which the path does not have")
                continue
            missing.remove(same)
            remedies.append(f"{name} renamed to {same}, as the path has it")
            name = same
        if meant.get("name") != name or meant.get("required") is not True:
            if meant.get("name") == name:
                remedies.append(f"{name} marked as required")
            parameter = {**meant, "name": name, "required": True}  # noqa: PLW2901 - the same one, mended
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
