"""Repair components that the generator would make other classes of than one with their name."""

from collections.abc import Mapping

from regeneration.document_walk import Document, Node, Place, listing, mapping, nodes, schemas
from regeneration.generated_names import class_name, model_module
from regeneration.repair import Repair

_SCHEMAS = ("components", "schemas")


def is_component_schema(place: Place) -> bool:
    """Return whether a place is that of a component that is a schema."""
    return place[:2] == _SCHEMAS and len(place) == len(_SCHEMAS) + 1


def free_name(name: str, taken: set[str]) -> str:
    """Return a name whose class has a module of its own, and take it.

    Args:
        name: The name that is wanted; a number is added to it if need be.
        taken: The modules of other classes; the new one is added.
    """
    candidates = [name, *(f"{name}{number}" for number in range(2, len(taken) + 3))]
    free = next(one for one in candidates if model_module(class_name(one)) not in taken)
    taken.add(model_module(class_name(free)))
    return free


def name_components_for_themselves(document: Document) -> list[Repair]:
    """Let the class of a component have the component's name, not that of a title in other words."""
    return [
        Repair("component with another title", (*_SCHEMAS, name, "title"), class_name(name), class_name(name))
        for name, schema in mapping(mapping(document.get("components")).get("schemas")).items()
        if (title := mapping(schema).get("title"))
        # A number tells it from another component that reads the same.
        and class_name(title).rstrip("0123456789") != class_name(name).rstrip("0123456789")
    ]


def name_shared_schemas(document: Document) -> list[Repair]:
    """Make titled schemas within shared answers, bodies and parameters components of their own.

    The generator would make a class of the same name for each operation that shares them, and drop all but
    the first.
    """
    taken = {
        model_module(class_name(name)) for name in mapping(mapping(document.get("components")).get("schemas"))
    }
    repairs: list[Repair] = []
    moved: list[Place] = []
    for node in nodes(document):
        place, title = node.place, node.content.get("title")
        is_shared = place[:1] == ("components",) and place[:2] != _SCHEMAS
        if node.is_schema and is_shared and title and not any(place[: len(one)] == one for one in moved):
            moved.append(place)
            name = free_name(class_name(title), taken)
            repairs += move_to_component(place, node.content, name, "titled schema in a shared part")
    return repairs


def name_recursive_objects(document: Document) -> list[Repair]:
    """Make objects in unions that are components ones themselves, where they refer back to the union.

    The generator reads such an object before the union is known to it, and would drop both.
    """
    components = mapping(mapping(document.get("components")).get("schemas"))
    taken = {model_module(class_name(name)) for name in components}
    referred: dict[str, set[str]] = {name: set() for name in components}
    inner: list[Node] = []
    for node in schemas(document):
        if node.place[:2] == _SCHEMAS:
            referred[str(node.place[2])] |= _names_in(node.content)
            if node.place[3:-1] in {("anyOf",), ("oneOf",)} and "properties" in node.content:
                inner.append(node)
    repairs = []
    for node in inner:
        union = str(node.place[2])
        below = [one.content for one in nodes(node.content)]
        if union in _reachable(referred, {name for content in below for name in _names_in(content)}):
            wanted = class_name(node.content.get("title") or f"{union}_object")
            name = free_name(wanted, taken)
            repairs += move_to_component(node.place, node.content, name, "object that contains its union")
    return repairs


def _names_in(schema: Document) -> set[str]:
    reference = schema.get("$ref")
    return {reference.rpartition("/")[2]} if isinstance(reference, str) else set()


def _reachable(referred: Mapping[str, set[str]], names: set[str]) -> set[str]:
    found: set[str] = set()
    while names:
        found |= names
        names = {inner for name in names for inner in referred.get(name, ())} - found
    return found


def move_to_component(place: Place, schema: Document, name: str, fault: str) -> list[Repair]:
    """Make a schema a component, and refer to it from where it stood.

    Args:
        place: Where it stands.
        schema: The schema.
        name: The name of the component.
        fault: Why.
    """
    reference = {"$ref": f"#/components/schemas/{name}"}
    return [
        Repair(fault, (*_SCHEMAS, name), "a component", {**schema, "title": name}),
        Repair(fault, place, f"refers to {name}", reference),
    ]


def move_null_to_references(document: Document) -> list[Repair]:
    """Let references to an object or enumeration say that it may be null, rather than the component.

    The generator takes a component that may be null for a union, in which the class has a number for a name
    and cannot refer to itself.
    """
    repairs = []
    nullable = set()
    for name, schema in mapping(mapping(document.get("components")).get("schemas")).items():
        kinds = schema.get("type") if isinstance(schema, dict) else None
        may_be_null = kinds is not None and (schema.get("nullable") is True or "null" in listing(kinds))
        others = [kind for kind in [kinds, *listing(kinds)] if isinstance(kind, str) and kind != "null"]
        if may_be_null and len(others) == 1 and ("enum" in schema or others == ["object"]):
            nullable.add(f"#/components/schemas/{name}")
            rest = {key: value for key, value in schema.items() if key != "nullable"} | {"type": others[0]}
            if "enum" in rest:
                rest["enum"] = [value for value in rest["enum"] if value is not None]
            place = (*_SCHEMAS, name)
            repairs.append(Repair("component that may be null", place, "its references say so", rest))
    fields = [node for node in schemas(document) if node.content.get("$ref") in nullable]
    # What is composed of an object or is another name for it has fields, and cannot be null.
    plain = [
        node for node in fields if "allOf" not in node.place[-2:] and not is_component_schema(node.place)
    ]
    # The components' own places go first: what they refer to stands within them.
    return repairs + [
        Repair("reference to what may be null", node.place, "or null", _or_null(node.content))
        for node in plain
    ]


def _or_null(reference: Document) -> Document:
    beside = {key: value for key, value in reference.items() if key != "$ref"}
    return {**beside, "oneOf": [{"$ref": reference["$ref"]}, {"type": "null"}]}
