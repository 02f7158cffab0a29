"""Check a document against OpenAPI 3.1, and report each fault with its place and an overlay action."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from jsonschema.exceptions import SchemaError, ValidationError  # type: ignore[import-untyped]
from openapi_python_client.strings import snake_case
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from regeneration.document_walk import (
    Document,
    Place,
    listing,
    mapping,
    nodes,
    operations,
    place_of,
    pointer,
    resolve,
    schemas,
    value_at,
)
from regeneration.regeneration_error import RegenerationError

_NAMES: Final = "x-enum-varnames"
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_]\w*")


def validate_document(document: Document) -> None:
    """Check a document against OpenAPI 3.1, and that the generator keeps every value of its enumerations.

    Raises:
        RegenerationError: There is a fault; the text says where, and has a line for the overlay.
    """
    checks = (("not valid OpenAPI", find_faults), ("not complete in the client", _lost_values))
    for what, find in checks:
        for place, fault in islice(find(document), 1):
            raise RegenerationError(
                f"{what} at {where(place)}: {fault}; "
                f"add to scripts/overlay.yaml: {overlay_action(document, place)}"
            )


def find_faults(document: Document) -> Iterator[tuple[Place, str]]:
    """Yield the place of each fault and its description."""
    # The validator gives no place for faults of these kinds, and it would download external references.
    for find in (_dangling_references, _schema_faults, _default_faults):
        found = list(find(document))
        if found:
            yield from found
            return
    is_valid = True
    try:
        for error in OpenAPIV31SpecValidator(document).iter_errors():
            is_valid = False
            yield _place_of_error(document, error), error.message.strip().partition("\n")[0]
    except (LookupError, TypeError, AttributeError) as error:
        # The validator reports a value of the wrong type, and may then fail on it.
        if is_valid:
            yield _place_of_failure(document), f"the validator failed: {error!r}"


def where(place: Place) -> str:
    """Return a place as a JSON pointer, or in words if that would be empty."""
    return pointer(place) if place else "the top of the document"


def _place_of_failure(document: Document) -> Place:
    """Return the first path that the validator fails at on its own; empty if there is none."""
    for path, item in mapping(document.get("paths")).items():
        try:
            list(OpenAPIV31SpecValidator({**document, "paths": {path: item}}).iter_errors())
        except (LookupError, TypeError, AttributeError):
            return ("paths", path)
    return ()


def _lost_values(document: Document) -> Iterator[tuple[Place, str]]:
    """Yield enumerations with several values for which the generator makes the same name."""
    for node in schemas(document):
        values = [value for value in listing(node.content.get("enum")) if isinstance(value, str)]
        names = [snake_case(value.upper()) for value in values if value[:1].isalpha()]
        if len(set(names)) < len(names) and _NAMES not in node.content:
            same = sorted({name.upper() for name in names if names.count(name) > 1})
            yield (*node.place, _NAMES), f"several values have the name {', '.join(same)}"


def overlay_action(document: Document, place: Place) -> str:
    """Return an overlay action that changes a place, as a line of YAML to complete."""
    key, replaces = None, ""
    if place and isinstance(place[-1], str) and not isinstance(_find(document, place), dict):
        published = _find(document, place)
        *above, key = place
        place = tuple(above)
        if isinstance(published, str | int | float):
            # An overlay action must name a published value that it replaces.
            replaces = f", x-replaces: {{{_yaml_text(str(key))}: {json.dumps(published)}}}"
    update = "{...}" if key is None else f"{{{_yaml_text(str(key))}: ...}}"
    return f"- {{target: {_yaml_text(_json_path(place))}, update: {update}{replaces}}}"


def _yaml_text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _json_path(place: Place) -> str:
    path = "$"
    for part in place:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            quote = '"' if "'" in part else "'"
            path += f".{part}" if _PLAIN_KEY.fullmatch(part) else f"[{quote}{part}{quote}]"
    return path


def _dangling_references(document: Document) -> Iterator[tuple[Place, str]]:
    for node in nodes(document):
        if "$ref" not in node.content:
            continue
        reference = node.content["$ref"]
        place = (*node.place, "$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            yield place, f"refers to {reference!r}, outside of the document"
        elif _find(document, place_of(reference)) is None:
            yield place, f"refers to {reference}, which does not exist"


def _schema_faults(document: Document) -> Iterator[tuple[Place, str]]:
    """Yield the faults of schemas. The validator may skip some, because it remembers schemas by ``id()``."""
    checked: Place | None = None
    for node in schemas(document):
        # Checking a schema also checks the schemas in it.
        if checked is None or node.place[: len(checked)] != checked:
            checked = node.place
            try:
                OAS31Validator.check_schema(node.content)
            except SchemaError as error:
                yield (*node.place, *error.absolute_path), error.message.strip().partition("\n")[0]


def _default_faults(document: Document) -> Iterator[tuple[Place, str]]:
    for node in schemas(document):
        if "default" in node.content and "$ref" not in node.content:
            plain = {key: node.content[key] for key in ("type", "enum") if key in node.content}
            for error in OAS31Validator(plain).iter_errors(node.content["default"]):
                yield (*node.place, "default"), error.message


def _find(document: Document, place: Place) -> object:
    try:
        found: object = value_at(document, place)
    except LookupError:
        return None
    return found


def _place_of_error(document: Document, error: ValidationError) -> Place:
    """Return the place of an error. The validator gives none for rules that are not in JSON Schema."""
    place = _as_written(document, tuple(error.absolute_path))
    if not isinstance(error, OpenAPIValidationError) and _find(document, place) == error.instance:
        return place
    candidates = (*_places_in_schemas(document, error), *_places_in_operations(document, error))
    return next(iter(candidates), place)


def _as_written(document: Document, place: Place) -> Place:
    """Return a place with the keys of the document: the validator gives '200' as a number."""
    value: object = document
    parts: list[str | int] = []
    for part in place:
        parts.append(int(part) if isinstance(value, list) else str(part))
        value = _find(document, tuple(parts))
    return tuple(parts)


def _places_in_schemas(document: Document, error: ValidationError) -> Iterator[Place]:
    for node in schemas(document):
        names = [name for name in listing(node.content.get("required")) if repr(name) in error.message]
        if "Required list" in error.message and names:
            yield (*node.place, "required")


def _places_in_operations(document: Document, error: ValidationError) -> Iterator[Place]:
    for operation in operations(document):
        if f"'{operation.method}'" in error.message and f"'{operation.path}'" in error.message:
            key = "operationId" if "Operation ID" in error.message else "parameters"
            yield (*operation.place, key)
        owners = (
            (operation.place, operation.content),
            (operation.place[:2], document["paths"][operation.path]),
        )
        for place, owner in owners:
            names = [resolve(document, one).get("name") for one in listing(mapping(owner).get("parameters"))]
            if any(
                f"Duplicate parameter '{name}'" == error.message and names.count(name) > 1 for name in names
            ):
                yield (*place, "parameters")
