"""Apply the overlay to a repaired document."""

import copy
from collections.abc import Sequence
from typing import Any, Final

from jsonpath_ng import DatumInContext, Index
from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.ext.parser import parse as parse_json_path
from oas_patch import apply_overlay

from regeneration.contradictions import find_contradictions
from regeneration.document_walk import Document, Place, listing, mapping, resolve, value_at
from regeneration.regeneration_error import RegenerationError
from regeneration.repairs.repair import Repair

# Extensions of overlay actions: a JSON path that makes the action unnecessary if it matches, whether the
# action may match nothing, and the published values that the action replaces.
_UNLESS: Final = "x-unless"
_OPTIONAL: Final = "x-optional"
_REPLACES: Final = "x-replaces"
# Lists that must not have a value twice. Gameball may publish a value that the overlay adds.
_SETS: Final = frozenset({"required", "tags", "enum", "security", "parameters"})


def overlay_document(document: Document, overlay: Document, repairs: Sequence[Repair] = ()) -> Document:
    """Apply an OpenAPI Overlay 1.0, and refuse actions that no longer fit the published document.

    In Overlay 1.0, an action may match nothing. Here that is an error: the document has changed, and a person
    must decide. An action with ``x-unless`` is skipped if that JSON path matches, and one with
    ``x-optional`` may match nothing. A value that differs from the published one is an error too, unless the
    action names the published value in ``x-replaces``.

    Args:
        document: The OpenAPI document; it is not modified.
        overlay: The overlay, with its list of actions.
        repairs: The repairs of the document. Where the overlay has another value, that value is used.

    Returns:
        A new document.

    Raises:
        RegenerationError: The target of an action is missing, is not a JSON path or matches nothing, or its
            update differs from a published value. The text names each such action by its number, from 1, with
            its target, or with both values and their place.
    """
    result: Document = copy.deepcopy(document)
    unmatched: list[str] = []
    contradictions: list[str] = []
    repaired = {repair.place for repair in repairs}
    for number, listed in enumerate(listing(overlay.get("actions")), start=1):
        action = mapping(listed)
        target, unless = action.get("target"), action.get(_UNLESS)
        if unless is not None and _matches(result, number, unless):
            continue
        matches = _matches(result, number, target)
        if not matches:
            if action.get(_OPTIONAL) is True:
                continue
            unmatched.append(f"overlay action {number} matches nothing: {target}")
            continue
        for place in (_place_of(match) for match in matches if "update" in action):
            contradictions += [
                f"overlay action {number} {one}"
                for one in find_contradictions(document, place, action["update"], action.get(_REPLACES))
                # Values from repairs are not published.
                if not any(one.place[: len(other)] == other for other in repaired)
            ]
        result = apply_overlay(result, {"actions": [copy.deepcopy(action)]})
    if unmatched:
        raise RegenerationError(
            (unmatched[0] if len(unmatched) == 1 else f"{len(unmatched)} overlay actions match nothing")
            + "; fix scripts/overlay.yaml, or mark an action that may match nothing with x-optional: true",
            tuple(unmatched) if len(unmatched) > 1 else (),
        )
    if contradictions:
        raise RegenerationError(
            (contradictions[0] if len(contradictions) == 1 else "the overlay contradicts what is published")
            + "; fix scripts/overlay.yaml, or name a value that is replaced on purpose in x-replaces",
            tuple(contradictions) if len(contradictions) > 1 else (),
        )
    for repair in repairs:
        _give_way(result, repair)
    return {key: _without_repeats(value, key) for key, value in result.items()}


def operation_ids(overlay: Document) -> set[str]:
    """Return the operation ids that an overlay sets."""
    found: set[str] = set()
    waiting: list[object] = [mapping(action).get("update") for action in listing(overlay.get("actions"))]
    while waiting:
        value = waiting.pop()
        waiting += value.values() if isinstance(value, dict) else listing(value)
        if isinstance(name := mapping(value).get("operationId"), str):
            found.add(name)
    return found


def _place_of(match: DatumInContext) -> Place:
    parts: list[str | int] = []
    while match.context is not None:
        path: Any = match.path
        parts.append(path.indices[0] if isinstance(path, Index) else path.fields[0])
        match = match.context
    return tuple(reversed(parts))


def _matches(document: Document, number: int, path: object) -> list[DatumInContext]:
    try:
        # Only a string can be a path, and an empty one is refused.
        return list(parse_json_path(path if isinstance(path, str) else "").find(document))
    except (JSONPathError, TypeError, AttributeError) as error:
        raise RegenerationError(
            f"overlay action {number} has the target {path!r}, which is not a JSON path; "
            "fix it in scripts/overlay.yaml"
        ) from error


def _give_way(document: Document, repair: Repair) -> None:
    """Remove the items of a repair where the overlay has its own: an overlay update only adds to a list."""
    *owner, key = repair.place
    try:
        holder = value_at(document, tuple(owner))
        found = holder[key]
    except LookupError:
        return  # the overlay has removed it
    # Only in an operation. Elsewhere, these keys may be names of fields.
    if owner[:1] != ["paths"] or len(owner) != len(("paths", "/path", "method")):
        return
    if key == "tags" and found[:-1]:
        holder[key] = [tag for tag in found if tag not in repair.value] or found[:1]
    elif key == "responses" and len(found) > 1:
        holder[key] = {
            code: response for code, response in found.items() if repair.value.get(code) != response
        }
    elif key == "parameters":
        item = value_at(document, tuple(owner[:-1]))
        others = [one for one in found if one not in repair.added] + listing(item.get(key))
        known = {_identity(document, one) for one in others}
        holder[key] = [
            one for one in found if one not in repair.added or _identity(document, one) not in known
        ]


def _identity(document: Document, parameter: object) -> tuple[Any, Any]:
    meant = resolve(document, parameter)
    return meant.get("name"), meant.get("in")


def _without_repeats(value: object, key: str) -> object:
    if isinstance(value, dict):
        return {inner: _without_repeats(child, inner) for inner, child in value.items()}
    if isinstance(value, list):
        items = [_without_repeats(child, "") for child in value]
        return [item for index, item in enumerate(items) if key not in _SETS or item not in items[:index]]
    return value
