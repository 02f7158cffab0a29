"""Make the models of responses accept values that Gameball may add to its responses later.

The generated parser fails on a value that an enumeration does not list, and on a null that the document does
not mention. Gameball may send both without notice. So in responses every enumeration accepts other values,
and every optional field may be null.

This is the last step, after the overlay, because the overlay describes responses too. Schemas that only
requests use are not changed. A component that requests and responses share is made tolerant for both: with
two classes, users could not send an object that they received. A component that is an enumeration is not
changed; the references to it from responses also accept other values.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from regeneration.document_walk import Document, Place, listing, mapping, nodes, place_of, resolve, value_at
from regeneration.repairs.schema_names import class_names

_NULL: Final = {"type": "null"}
_SCALARS: Final = frozenset({"string", "number", "integer", "boolean"})
_UNIONS: Final = ("oneOf", "anyOf")
_SHAPES: Final = frozenset({"$ref", "allOf", "type", "properties", "additionalProperties", "items"})
_TYPES: Final[dict[type, str]] = {str: "string", int: "integer", float: "number", bool: "boolean"}
# Keywords that describe the field and not its values. They stay with the field.
_WORDS: Final = ("description", "deprecated", "readOnly", "writeOnly", "example", "examples")


def relax_responses(document: Document) -> Document:
    """Return a copy of a document whose responses accept nulls and values that an enumeration does not list.

    Args:
        document: The document, repaired, overlaid and valid; it is not modified.
    """
    result = copy.deepcopy(document)
    _Relaxation(result, class_names(document)).run()
    return result


@define
class _Relaxation:
    """Changes the responses of a document, and the components that they refer to, in place."""

    document: Document
    # The name of the class of each schema, by place. Schemas in a union need a title, or they are numbered.
    _names: Mapping[Place, str]
    _seen: set[str] = field(init=False, factory=set)
    _waiting: list[str] = field(init=False, factory=list)

    def run(self) -> None:
        for place in [*self._responses()]:
            media = value_at(self.document, place[:-1])
            media["schema"] = self._relaxed(media["schema"], place, "")
        while self._waiting:
            place = place_of(self._waiting.pop())
            holder, name = value_at(self.document, place[:-1]), place[-1]
            # The component of an enumeration is not changed: each reference from a response is.
            if not _values(mapping(holder[name])):
                holder[name] = self._relaxed(holder[name], place, "")

    def _responses(self) -> Iterator[Place]:
        for node in nodes(self.document):
            if node.place[-2:-1] == ("responses",) and not node.is_schema:
                for kind, media in mapping(node.content.get("content")).items():
                    if "schema" in mapping(media):
                        yield (*node.place, "content", kind, "schema")

    def _relaxed(self, value: object, place: Place, label: str) -> Any:  # noqa: ANN401 - a schema, or a boolean
        """Return a schema of a response, changed to accept more values.

        Args:
            value: The schema.
            place: Its place in the document.
            label: Its name there: the field's name, or an empty string.
        """
        if not isinstance(value, dict):
            return value
        return self._opened(self._with_relaxed_parts(value, place, label), label)

    def _with_relaxed_parts(self, schema: Document, place: Place, label: str) -> Document:
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference not in self._seen:
            self._seen.add(reference)
            self._waiting.append(reference)
        result = dict(schema)
        for key in ("allOf", *_UNIONS):
            if key in schema:
                # Parts are not opened one by one: a union is opened as a whole, and allOf composes objects.
                result[key] = [
                    self._with_relaxed_parts(part, (*place, key, index), "")
                    if isinstance(part, dict)
                    else part
                    for index, part in enumerate(schema[key])
                ]
        if "prefixItems" in schema:
            items = enumerate(schema["prefixItems"])
            result["prefixItems"] = [
                self._relaxed(one, (*place, "prefixItems", index), "") for index, one in items
            ]
        if "items" in schema:
            result["items"] = self._relaxed(
                schema["items"], (*place, "items"), f"{label}_item" if label else ""
            )
        if "additionalProperties" in schema:
            below = (*place, "additionalProperties")
            result["additionalProperties"] = self._relaxed(schema["additionalProperties"], below, "")
        if "properties" in schema:
            required = listing(schema.get("required"))
            result["properties"] = {}
            for name, child in schema["properties"].items():
                below = (*place, "properties", name)
                relaxed = self._relaxed(child, below, name)
                result["properties"][name] = relaxed if name in required else self._or_null(relaxed, below)
        return result

    def _opened(self, schema: Document, label: str) -> Document:
        """Return a schema that accepts other values than those listed. The listed ones keep their class."""
        only = [schema["const"]] if "const" in schema else _values(schema)[:1]
        # A constant or an enumeration of booleans has no class, so its type alone is enough.
        if only and ("const" in schema or isinstance(only[0], bool)):
            rest = {key: one for key, one in schema.items() if key not in {"const", "enum"}}
            return {"type": _type_of(only[0]), **rest}
        union = next((key for key in _UNIONS if key in schema), None)
        if union is not None:
            known = [one for part in schema[union] for one in self._known(mapping(part))]
            others = [
                one for one in ({"type": _type_of(value)} for value in known) if one not in schema[union]
            ]
            return {**schema, union: [*schema[union], *others[:1]]}
        known = self._known(schema)
        if not known:
            return schema
        words: Document = {key: schema[key] for key in _WORDS if key in schema}
        plain = {key: one for key, one in schema.items() if key not in {*_WORDS, "default"}}
        reference = _reference(schema)
        inner = {"$ref": reference} if reference else _titled(plain, label)
        return {**words, "anyOf": [inner, {"type": _type_of(known[0])}]}

    def _known(self, schema: Document) -> list[Any]:
        """Return the values of an enumeration, or of the one that a schema refers to."""
        reference = _reference(schema)
        return _values(resolve(self.document, {"$ref": reference}) if reference else schema)

    def _or_null(self, value: object, place: Place) -> object:
        """Return a schema that also accepts null."""
        schema = mapping(value)
        kinds = schema.get("type")
        union = next((key for key in _UNIONS if key in schema), None)
        if schema.get("nullable") is True or "null" in (kinds, *listing(kinds)):
            return value
        if union is not None:
            return schema if _NULL in schema[union] else {**schema, union: [*schema[union], _NULL]}
        if isinstance(kinds, list):
            return {**schema, "type": [*kinds, "null"]}
        if kinds in _SCALARS:
            return {**schema, "type": [kinds, "null"]}
        if not schema.keys() & _SHAPES:
            return value  # it accepts any value already
        words: Document = {key: schema[key] for key in _WORDS if key in schema}
        known = {"$ref": schema["$ref"]} if "$ref" in schema else self._named(schema, place)
        return {**words, "oneOf": [known, _NULL]}

    def _named(self, schema: Document, place: Place) -> Document:
        """Give an object, or the objects in a list, a title, so that its class keeps its name."""
        if place in self._names:
            return _titled(schema, self._names[place])
        items = mapping(schema.get("items"))
        return {**schema, "items": self._named(items, (*place, "items"))} if items else schema


def _values(schema: Document) -> list[Any]:
    return [value for value in listing(schema.get("enum")) if value is not None]


def _reference(schema: Document) -> str | None:
    """Return the reference that a schema consists of. OpenAPI 3.0 wraps it in ``allOf`` to add keywords."""
    parts = listing(schema.get("allOf"))
    reference = schema.get("$ref") or (mapping(parts[0]).get("$ref") if len(parts) == 1 else None)
    return reference if isinstance(reference, str) else None


def _type_of(value: object) -> str:
    return _TYPES.get(type(value), "string")


def _titled(schema: Document, title: str) -> Document:
    return schema if schema.get("title") or not title else {**schema, "title": title}
