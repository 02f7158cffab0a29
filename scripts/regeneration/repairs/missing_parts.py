"""Supplies what OpenAPI requires and the document lacks: the items of arrays, and the responses."""

from regeneration.document_walk import Document, listing, mapping, operations, schemas
from regeneration.repairs.repair import Repair


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
