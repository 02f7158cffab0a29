"""Repair references that the generator would not follow, and would drop their owners for."""

from collections.abc import Iterator
from urllib.parse import unquote

from attrs import frozen

from regeneration.components import is_component_schema
from regeneration.document_walk import (
    Document,
    Node,
    Place,
    listing,
    mapping,
    nodes,
    place_of,
    pointer,
    resolve,
    schemas,
    value_at,
)
from regeneration.regeneration_error import RegenerationError
from regeneration.repair import Repair

# The generator follows references to these; to anywhere else, and from one of these to another, it does not.
_SCHEMAS = ("components", "schemas")
# What a schema may say without any bearing on what fits it, and that it may be null.
_WORDS = frozenset({"title", "description", "example", "examples", "deprecated", "default", "nullable"})
_ONE_STEP = frozenset({"parameters", "responses"})


def repair_references(document: Document) -> list[Repair]:
    """Make references ones that the generator follows.

    A reference into the midst of something, or from a path or shared part to another, is replaced with a
    copy of what it means; one to a schema that is not there, with a schema that anything fits.

    Raises:
        RegenerationError: A reference leads to another file, or to a part other than a schema that is not
            there, so that nobody can say what it means.
    """
    return [repair for node in nodes(document) if "$ref" in node.content for repair in _mend(document, node)]


def _mend(document: Document, node: Node) -> Iterator[Repair]:
    reference = node.content["$ref"]
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise RegenerationError(
            f"{pointer(node.place)} refers to {reference!r}, outside of the document; "
            "bundle the document into one file first"
        )
    # Some tools encode names as in a URL, and some do not; a name that is there as it stands is meant.
    place = next((one for one in _readings(reference) if _find(document, one) is not None), None)
    if place is not None:
        yield from _mend_found(document, node, place)
    elif node.is_schema:
        yield Repair("dangling reference", node.place, f"{reference} is not there: any value", {})
    else:
        raise RegenerationError(
            f"{pointer(node.place)} refers to {reference}, which is not there; "
            "add it to the source, or name the page that has it as another source"
        )


def _readings(reference: str) -> tuple[Place, ...]:
    return place_of(reference), place_of(unquote(reference))


def _mend_found(document: Document, node: Node, target: Place) -> Iterator[Repair]:
    meant = resolve(document, {"$ref": pointer(target)})
    # What stands beside a reference adds to it, except that a title would name two classes.
    beside = {key: value for key, value in node.content.items() if key != "$ref"}
    if not meant and is_component_schema(node.place):
        yield Repair("circular reference", node.place, f"{pointer(target)} leads nowhere: any value", {})
    elif _is_followed(node, target, meant):
        if node.content["$ref"] != pointer(target):
            yield Repair("encoded reference", (*node.place, "$ref"), "spelled plainly", pointer(target))
    elif node.place[: len(target)] == target:
        said = f"{pointer(target)} contains itself: any value"
        yield Repair("circular reference", node.place, said, {})
    else:
        copied = {key: value for key, value in meant.items() if key != "title" or not node.is_schema}
        yield Repair("distant reference", node.place, f"{pointer(target)} copied here", copied | beside)


def _find(document: Document, place: Place) -> object:
    try:
        return value_at(document, place)
    except LookupError:
        return None


def _is_followed(node: Node, target: Place, meant: Document) -> bool:
    """Return whether the generator follows a reference."""
    if node.is_schema:
        # A component that is another one with a title becomes a second class of that name.
        return is_component_schema(target) and not (is_component_schema(node.place) and "title" in meant)
    is_shared = node.place[0] == "components" and len(node.place) == len(_SCHEMAS) + 1
    is_path = len(node.place) == len(("paths", "/path"))
    return target[0] == "components" and not is_path and not (is_shared and node.place[1] in _ONE_STEP)


def simplify_compositions(document: Document) -> list[Repair]:
    """Write a reference that is composed with nothing but words as one with the words beside it.

    The generator composes objects only, and would drop whatever has a field that is composed of others.
    """
    repairs = []
    for node in schemas(document):
        parts = [mapping(part) for part in listing(node.content.get("allOf"))]
        shapes = [part for part in parts if not part.keys() <= _WORDS]
        if len(parts) > 1 and len(shapes) == 1 and "$ref" in shapes[0]:
            words = {key: value for part in parts if part is not shapes[0] for key, value in part.items()}
            value = {**words, **node.content, "allOf": shapes}
            repairs.append(Repair("reference composed with words", node.place, "words beside it", value))
    return repairs


@frozen
class _Edge:
    """A reference of a schema that has no model of its own, which the generator follows at once."""

    place: Place
    target: str


def cut_endless_schemas(document: Document) -> list[Repair]:
    """Cut references by which a list or union contains itself without a model in between.

    The generator writes such schemas out where they are used, which would never end, so it drops them and
    everything that refers to them.
    """
    edges = {
        name: list(_edges(schema, (*_SCHEMAS, name)))
        for name, schema in mapping(mapping(document.get("components")).get("schemas")).items()
    }
    repairs: list[Repair] = []
    cut: set[Place] = set()

    def follow(name: str, path: tuple[str, ...]) -> None:
        for edge in edges.get(name, []):
            if edge.target in (*path, name):
                if edge.place not in cut:
                    cut.add(edge.place)
                    repairs.append(
                        Repair("endless schema", edge.place, f"{edge.target} contains itself: any value", {})
                    )
            else:
                follow(edge.target, (*path, name))

    for name in edges:
        follow(name, ())
    return repairs


def _edges(schema: object, place: Place) -> Iterator[_Edge]:
    content = mapping(schema)
    if "$ref" in content:
        yield _Edge(place, str(content["$ref"]).rpartition("/")[2])
    elif "properties" not in content and content.get("type") != "object":
        for key in ("items", "allOf", "anyOf", "oneOf", "prefixItems"):
            value = content.get(key)
            inner = [((*place, key), value)] if isinstance(value, dict) else []
            inner += [((*place, key, index), one) for index, one in enumerate(value or []) if not inner]
            for below, one in inner:
                yield from _edges(one, below)


def unreferenced_schemas(document: Document, names: set[str]) -> set[str]:
    """Return those of some schemas that nothing else in a document refers to, other than one another.

    Args:
        document: The document.
        names: Names of schemas among its components.
    """
    kept = {
        str(node.content["$ref"]).rpartition("/")[2]
        for node in schemas(document)
        if "$ref" in node.content and not (node.place[:2] == _SCHEMAS and node.place[2] in names)
    }
    while more := {name for name in names & kept for name in _references(document, name)} - kept:
        kept |= more
    return names - kept


def _references(document: Document, name: str) -> set[str]:
    place = (*_SCHEMAS, name)
    return {
        str(node.content["$ref"]).rpartition("/")[2]
        for node in schemas(document)
        if node.place[:3] == place and "$ref" in node.content
    }
