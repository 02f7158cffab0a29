"""Navigate an OpenAPI document: places, operations, schemas and references."""

from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen

Document = dict[str, Any]
Place = tuple[str | int, ...]

#: The methods of a path that are operations, in the order in which the generator takes them.
METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
# The values of these keys are data, without schemas or references.
_DATA: Final = frozenset({"example", "examples", "default", "enum", "const", "mapping", "scopes"})
# The values of these keys are maps whose keys are names and not keywords.
_SCHEMA_MAPS: Final = frozenset({"schemas", "properties", "patternProperties", "$defs", "dependentSchemas"})
_NAME_MAPS: Final = _SCHEMA_MAPS | {
    "callbacks",
    "content",
    "encoding",
    "headers",
    "links",
    "parameters",
    "pathItems",
    "paths",
    "requestBodies",
    "responses",
    "securitySchemes",
    "webhooks",
}
_SCHEMA_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SCHEMA_KEYS: Final = frozenset(
    {"schema", "items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"}
)


@frozen
class Operation:
    """An operation of a document.

    Attributes:
        path: Its path, as in the document.
        method: Its method, in lower case.
        content: Its object in the document.
    """

    path: str
    method: str
    content: Document

    @property
    def place(self) -> Place:
        """Its place in its document."""
        return ("paths", self.path, self.method)

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


@frozen
class Node:
    """An object of a document.

    Attributes:
        place: Its place in the document.
        content: The object itself.
        is_schema: Whether it is a schema or a reference to one.
    """

    place: Place
    content: Document
    is_schema: bool


def pointer(place: Place) -> str:
    """Return a place as a JSON pointer, such as ``#/paths/~1customers/get``."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)


def value_at(document: Document, place: Place) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value at a place.

    Raises:
        LookupError: There is none.
    """
    value: Any = document
    for part in place:
        if isinstance(value, list) and str(part).isdecimal():
            value = value[int(part)]
        elif isinstance(value, dict):
            value = value[part]
        else:
            raise LookupError(pointer(place))
    return value


def operations(document: Document) -> Iterator[Operation]:
    """Yield the operations of a document in its order."""
    for path, item in mapping(document.get("paths")).items():
        for method in METHODS:
            if isinstance(content := mapping(item).get(method), dict):
                yield Operation(path, method, content)


def mapping(value: object) -> Document:
    """Return a value if it is a mapping, and otherwise an empty mapping."""
    return value if isinstance(value, dict) else {}


def listing(value: object) -> list[Any]:
    """Return a value if it is a list, and otherwise an empty list."""
    return value if isinstance(value, list) else []


def nodes(document: Document) -> Iterator[Node]:
    """Yield every object of a document that is neither data nor a map of names.

    Args:
        document: The document. It must not be changed during the iteration.
    """
    yield from _nodes(document, (), is_schema=False)


def _nodes(value: object, place: Place, *, is_schema: bool) -> Iterator[Node]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nodes(item, (*place, index), is_schema=is_schema)
    elif isinstance(value, dict):
        yield Node(place, value, is_schema)
        for key, child in value.items():
            if key in _DATA or key.startswith("x-"):
                continue
            below = (*place, key)
            if key in _NAME_MAPS and isinstance(child, dict):
                for name, named in child.items():
                    yield from _nodes(named, (*below, name), is_schema=key in _SCHEMA_MAPS)
            else:
                yield from _nodes(child, below, is_schema=key in _SCHEMA_KEYS or key in _SCHEMA_LISTS)


def schemas(document: Document) -> Iterator[Node]:
    """Yield every schema of a document, including nested ones and references to schemas."""
    return (node for node in nodes(document) if node.is_schema)


def resolve(document: Document, value: object) -> Document:
    """Follow a reference, or a chain of them.

    Args:
        document: The document. All its references are to places within it.
        value: An object that may be a reference.

    Returns:
        The object that it refers to; an empty one if there is none, or if the references form a circle.
    """
    seen = set()
    while isinstance(value, dict) and isinstance(reference := value.get("$ref"), str):
        if reference in seen:
            return {}
        seen.add(reference)
        try:
            value = value_at(document, place_of(reference))
        except LookupError:
            return {}
    return mapping(value)


def place_of(reference: str) -> Place:
    """Return the place that a reference points to.

    Args:
        reference: A JSON pointer that begins with ``#/``.
    """
    parts = reference.removeprefix("#").split("/")[1:]
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)
