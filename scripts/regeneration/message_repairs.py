"""Repair what requests and answers are said to carry."""

from collections.abc import Iterator

from regeneration.document_walk import Document, Node, listing, mapping, nodes, operations
from regeneration.repair import NOTHING, Repair

_JSON = "application/json"
_BYTES = "application/octet-stream"
_READABLE_BODIES = frozenset({_JSON, _BYTES, "application/x-www-form-urlencoded", "multipart/form-data"})


def supply_responses(document: Document) -> list[Repair]:
    """Give an operation that does not say what it answers an answer that nothing is known of."""
    return [
        Repair(
            "operation without responses",
            (*operation.place, "responses"),
            "an answer that nothing is known of",
            {"default": {"description": "Not described by Gameball."}},
        )
        for operation in operations(document)
        if not mapping(operation.content.get("responses"))
    ]


def supply_response_descriptions(document: Document) -> list[Repair]:
    """Describe each answer, as OpenAPI demands, if only by saying that it is not described."""
    return [
        Repair("answer without a description", place, "Not described.", "Not described by Gameball.")
        for node in _answers(document)
        if "description" not in node.content and "$ref" not in node.content
        for place in [(*node.place, "description")]
    ]


def supply_parameter_schemas(document: Document) -> list[Repair]:
    """Give a parameter without a schema one: the generator would leave the parameter out in silence."""
    repairs = []
    for node in nodes(document):
        content = node.content
        is_parameter = node.place[-2:-1] == ("parameters",) and not node.is_schema and "name" in content
        if is_parameter and "schema" not in content:
            older = {key: content[key] for key in ("type", "format", "items", "enum") if key in content}
            schema = older if "type" in older else {"type": "string"}
            moved = {key: value for key, value in content.items() if key not in {*older, "content"}}
            # One that is described by a media type carries text in it.
            said = f"a schema of type {schema['type']}"
            repairs.append(
                Repair("parameter without a schema", node.place, said, {**moved, "schema": schema})
            )
    return repairs


def read_unreadable_media(document: Document) -> list[Repair]:
    """Drop the media types of a body that the generator cannot write where there is one that it can.

    An answer of which it can read no media type is taken as bytes.
    """
    repairs = []
    for node in nodes(document):
        content = mapping(node.content.get("content"))
        if node.place[-1:] == ("requestBody",) or node.place[:-1] == ("components", "requestBodies"):
            kept = {
                kind: media for kind, media in content.items() if _is_writable(kind) and "schema" in media
            }
            if kept and len(kept) < len(content):
                dropped = ", ".join(sorted(content.keys() - kept.keys()))
                place = (*node.place, "content")
                repairs.append(Repair("body of several media types", place, f"without {dropped}", kept))
    for node in _answers(document):
        content = mapping(node.content.get("content"))
        if content and not any(is_readable(kind) for kind in content):
            schema = {"schema": {"type": "string", "format": "binary"}}
            place, said = (*node.place, "content"), f"{', '.join(sorted(content))} taken as bytes"
            repairs.append(Repair("answer of unknown media type", place, said, {_BYTES: schema}))
    return repairs


def _answers(document: Document) -> Iterator[Node]:
    return (node for node in nodes(document) if node.place[-2:-1] == ("responses",) and not node.is_schema)


def _is_writable(kind: str) -> bool:
    plain = kind.partition(";")[0].strip()
    return plain in _READABLE_BODIES or (plain.endswith("+json") and "*" not in plain)


def is_readable(kind: str) -> bool:
    """Return whether the generator can read answers of a media type."""
    plain = kind.partition(";")[0].strip()
    return plain in {_JSON, _BYTES} or plain.startswith("text/") or plain.endswith("+json")


def list_required_fields(document: Document) -> list[Repair]:
    """Move ``required: true`` from fields to the list of the object that they belong to."""
    repairs = []
    for node in nodes(document):
        flags = {
            name: field["required"]
            for name, field in mapping(node.content.get("properties")).items()
            if node.is_schema and isinstance(mapping(field).get("required"), bool)
        }
        if not flags:
            continue
        listed = listing(node.content.get("required"))
        names = [*listed, *(name for name, flag in flags.items() if flag and name not in listed)]
        if names != listed:
            place = (*node.place, "required")
            repairs.append(Repair("required on a field", place, ", ".join(names), names))
        # Removed after the list was made, and never the list itself.
        repairs += [
            Repair("required on a field", (*node.place, "properties", name, "required"), "moved", NOTHING)
            for name in flags
        ]
    return repairs
