"""Predict the names of the classes that the generator makes of schemas, and shorten long names."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise, product
from typing import Any, Final

from attrs import evolve, frozen
from openapi_python_client.strings import pascal_case

from regeneration.document_walk import (
    Document,
    Operation,
    Place,
    listing,
    mapping,
    operations,
    place_of,
    pointer,
    resolve,
)
from regeneration.generated_names import MAX_PATH, class_name, field_name, model_module
from regeneration.repairs.repair import Repair

_COMPONENTS: Final = ("components", "schemas")
# The most fields around a schema that its name may have. Names that are still the same get a digest of their
# place.
_MAX_DEPTH: Final = 4
_DIGEST_LENGTH: Final = 6
_READABLE: Final = frozenset({"application/json", "application/octet-stream"})


@frozen
class _Use:
    """A use of a schema.

    Attributes:
        place: The place of the schema. For a component, the place of its definition.
        content: The schema.
        name: The generator's name for it.
        parent: The name that the generator puts in front of it.
        root: The name of the operation or component that it belongs to.
        label: Its name within the root, which may not be unique.
    """

    place: Place
    content: Document
    name: str
    parent: str
    root: str
    label: str


@frozen
class _Class:
    """A class that the generator will make."""

    use: _Use
    name: str

    @property
    def module(self) -> str:
        return model_module(self.name)


def shorten_schema_names(document: Document) -> list[Repair]:
    """Give schemas a shorter title if the file name of their class would be too long."""
    classes = list(_classes(document))
    taken = {one.module for one in classes}
    long: dict[Place, _Class] = {}
    # Outer schemas first: their names are part of the names of the schemas in them.
    for one in sorted(classes, key=lambda one: len(one.use.place)):
        place = one.use.place
        is_given = "enum" in one.use.content and is_component_schema(place)
        is_within = any(place[: len(other)] == other for other in long)
        if len(one.module) > MAX_PATH and not is_given and not is_within:
            long[place] = one
    names = _short_names([*long.values()], taken)
    return [repair for one in long.values() for repair in _shorten(one, names[one.use.place])]


def class_names(document: Document) -> dict[Place, str]:
    """Return the names of the classes that the generator makes of inline objects, by place."""
    return {
        one.use.place: one.name
        for one in _classes(document)
        if "enum" not in one.use.content and not is_component_schema(one.use.place)
    }


def is_component_schema(place: Place) -> bool:
    """Return whether a place is that of a schema component."""
    return place[:2] == _COMPONENTS and len(place) == len(_COMPONENTS) + 1


def _shorten(one: _Class, name: str) -> list[Repair]:
    place, content = one.use.place, one.use.content
    fault = "name too long for a file name"
    if "enum" not in content:
        return [Repair(fault, (*place, "title"), name, name)]
    # The generator adds the title of an enumeration to the name of its parent, so a title does not help.
    reference = {"$ref": f"#/components/schemas/{name}"}
    return [
        Repair(fault, (*_COMPONENTS, name), "a component", {**content, "title": name}),
        Repair(fault, place, f"refers to {name}", reference),
    ]


def _short_names(classes: list[_Class], taken: Collection[str]) -> dict[Place, str]:
    """Name classes after their operation and the fields around them, as many as make a name unique.

    The order of the document does not matter: names must not be swapped when properties are reordered.

    Args:
        classes: The classes to name.
        taken: The modules of all classes.

    Returns:
        The names by place. Their modules differ from each other and from those taken.
    """
    found: dict[Place, str] = {}
    for depth, keep_fields in product(range(_MAX_DEPTH), (False, True)):
        names = {
            one.use.place: _short_name(one, depth, keep_fields=keep_fields)
            for one in classes
            if one.use.place not in found
        }
        modules = Counter(model_module(name) for name in names.values())
        used = {*taken, *(model_module(name) for name in found.values())}
        found |= {
            place: name
            for place, name in names.items()
            if modules[model_module(name)] == 1 and model_module(name) not in used
        }
    for one in classes:
        if one.use.place not in found:
            # Digits only: the generator puts an underscore between a digit and a letter.
            digest = int(hashlib.sha256(pointer(one.use.place).encode()).hexdigest(), 16)
            name = _short_name(one, 0, keep_fields=False)
            found[one.use.place] = class_name(f"{name}_{digest % 10**_DIGEST_LENGTH:0{_DIGEST_LENGTH}}")
    return found


def _short_name(one: _Class, depth: int, *, keep_fields: bool) -> str:
    """Build a shorter name from the operation or component, the fields around the schema, and its own name.

    Args:
        one: The class to name.
        depth: The number of fields that the name has; the innermost ones are used.
        keep_fields: Whether to leave out words of the operation first. The others are left out in the middle.
    """
    place, use = one.use.place, one.use
    fields = [str(name) for key, name in pairwise(place) if key == "properties"]
    above = fields[:-1] if fields[-1:] == [use.label] else fields
    label = "".join(pascal_case(name) for name in (use.root, *above[len(above) - depth :], use.label))
    words = field_name(label).split("_")
    spare = len(field_name(pascal_case(use.root)).split("_")) - 1 if keep_fields else 0
    # There must be room for a digest. The first words name the operation and the last ones the field.
    while len(words) > 2 and len(model_module("_".join([*words, "0" * _DIGEST_LENGTH]))) > MAX_PATH:  # noqa: PLR2004
        del words[1 if spare > 0 else len(words) // 2]
        spare -= 1
    return class_name("_".join(words))


def _classes(document: Document) -> Iterator[_Class]:
    """Yield the classes of a document in the order in which the generator makes them."""
    for use in _component_uses(document):
        yield from _classes_of(use)
    for operation in operations(document):
        for use in _operation_uses(document, operation):
            yield from _classes_of(use)


def _component_uses(document: Document) -> Iterator[_Use]:
    for name, schema in mapping(mapping(document.get("components")).get("schemas")).items():
        # A component that only refers to another one becomes a class too.
        yield _Use((*_COMPONENTS, name), resolve(document, schema), name, "", name, "")


def _operation_uses(document: Document, operation: Operation) -> Iterator[_Use]:
    name = field_name(str(operation.content["operationId"]))
    item = document["paths"][operation.path]
    for owner, place in ((operation.content, operation.place), (item, operation.place[:2])):
        for index, parameter in enumerate(listing(owner.get("parameters"))):
            at, meant = _followed(document, parameter, (*place, "parameters", index))
            if "schema" in meant:
                yield _Use((*at, "schema"), mapping(meant["schema"]), *_part(str(meant.get("name")), name))
    for code, response in mapping(operation.content.get("responses")).items():
        at, meant = _followed(document, response, (*operation.place, "responses", code))
        readable = [one for one in mapping(meant.get("content")).items() if _is_readable(one[0])]
        for kind, media in readable[:1]:
            schema = mapping(mapping(media).get("schema"))
            yield _Use((*at, "content", kind, "schema"), schema, *_part(f"response_{code}", name))
    body = operation.content.get("requestBody")
    at, meant = _followed(document, body, (*operation.place, "requestBody"))
    content = mapping(meant.get("content"))
    for kind, media in content.items():
        schema = mapping(mapping(media).get("schema"))
        parent = name if len(content) == 1 else f"{name}_{_body_type(kind)}"
        yield _Use((*at, "content", kind, "schema"), schema, "body", parent, name, "body")


def _is_readable(kind: str) -> bool:
    """Return whether the generator can read responses of a media type."""
    plain = kind.partition(";")[0].strip()
    return plain in _READABLE or plain.startswith("text/") or plain.endswith("+json")


def _part(label: str, operation: str) -> tuple[str, str, str, str]:
    return label, operation, operation, label


def _followed(document: Document, value: object, place: Place) -> tuple[Place, Document]:
    reference = mapping(value).get("$ref")
    at = place_of(reference) if isinstance(reference, str) else place
    return at, resolve(document, value)


def _body_type(kind: str) -> str:
    known = {"application/x-www-form-urlencoded": "data", "multipart/form-data": "files"}
    return known.get(kind, "content" if kind == "application/octet-stream" else "json")


def _classes_of(use: _Use) -> Iterator[_Class]:
    """Yield the classes of a schema, as the generator's ``property_from_data`` makes them."""
    content = use.content
    kinds = content.get("type")
    parts = [one for key in ("allOf", "anyOf", "oneOf") for one in listing(content.get(key))]
    if "$ref" in content or kinds == "boolean" or (len(parts) == 1 and "$ref" in mapping(parts[0])):
        return
    if content.get("enum") and None not in content["enum"] and not isinstance(kinds, list):
        name = content.get("title") or use.name
        yield _Class(use, class_name(f"{pascal_case(use.parent)}{pascal_case(name)}" if use.parent else name))
    elif unions := list(_parts_of_union(use)):
        for one in unions:
            yield from _classes_of(one)
    elif kinds == "array":
        yield from _classes_of_items(use)
    elif kinds == "object" or content.get("allOf") or (kinds is None and content.get("properties")):
        name = content.get("title") or (
            f"{pascal_case(use.parent)}{pascal_case(use.name)}" if use.parent else use.name
        )
        model = _Class(use, class_name(name))
        yield model
        for inner in _fields(use, model.name):
            yield from _classes_of(inner)


def _parts_of_union(use: _Use) -> Iterable[_Use]:
    content = use.content
    kinds = content.get("type")
    nullable = content.get("nullable") is True or None in listing(content.get("enum"))
    if isinstance(kinds, str) and nullable and not (content.get("anyOf") or content.get("oneOf")):
        kinds = [kinds]
    inner: list[tuple[Place, Document]] = [
        ((*use.place, key, index), mapping(one))
        for key in ("anyOf", "oneOf")
        for index, one in enumerate(listing(content.get(key)))
    ]
    plain = {key: value for key, value in content.items() if key not in {"nullable", "anyOf", "oneOf"}}
    if "enum" in plain:
        plain["enum"] = [value for value in plain["enum"] if value is not None]
    inner += [(use.place, {**plain, "type": one}) for one in listing(kinds) if one != "null"]
    for index, (place, one) in enumerate(inner):
        title = one.get("title")
        subscript = title if title and title != content.get("title") else f"type_{index}"
        yield evolve(use, place=place, content=one, name=f"{use.name}_{subscript}")


def _classes_of_items(use: _Use) -> Iterator[_Class]:
    several = listing(use.content.get("prefixItems"))
    items: list[tuple[Place, Any]] = [
        ((*use.place, "prefixItems", index), one) for index, one in enumerate(several)
    ]
    if isinstance(use.content.get("items"), dict):
        items.append(((*use.place, "items"), use.content["items"]))
    for index, (place, one) in enumerate(items):
        name = f"{use.name}_item" + (f"_type_{index}" if len(items) > 1 else "")
        yield from _classes_of(evolve(use, place=place, content=mapping(one), name=name))


def _fields(use: _Use, parent: str) -> Iterator[_Use]:
    owners: list[tuple[Place, Document]] = [(use.place, use.content)]
    owners += [
        ((*use.place, "allOf", index), mapping(one))
        for index, one in enumerate(listing(use.content.get("allOf")))
    ]
    for place, owner in owners:
        for name, schema in mapping(owner.get("properties")).items():
            yield _Use((*place, "properties", name), mapping(schema), name, parent, use.root, name)
    extra = use.content.get("additionalProperties")
    if isinstance(extra, dict):
        place, label = (*use.place, "additionalProperties"), f"{use.label}_entry"
        yield _Use(place, extra, "AdditionalProperty", parent, use.root, label)
