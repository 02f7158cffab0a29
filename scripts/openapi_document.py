"""Read the OpenAPI document, apply the overlay to it, and make sure that the result is valid."""

import copy
from pathlib import Path
from typing import Any

import yaml
from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.ext.parser import parse as parse_json_path
from oas_patch import apply_overlay
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator
from regeneration_error import RegenerationError

Document = dict[str, Any]


def load_document(path: Path) -> Document:
    """Read a YAML or JSON document.

    Args:
        path: The file; JSON is read as the YAML that it also is.

    Returns:
        The document, as plain dicts, lists and scalars.

    Raises:
        RegenerationError: The file cannot be read, is not YAML, or does not hold a mapping.
    """
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RegenerationError(f"cannot read {path.name}: {error}") from error
    except yaml.YAMLError as error:
        place = " ".join(str(error).split())
        raise RegenerationError(f"{path.name} is not valid YAML: {place}") from error
    if not isinstance(loaded, dict):
        raise RegenerationError(f"{path.name} holds no mapping at its top; is it the right file?")
    return loaded


def overlay_document(document: Document, overlay: Document) -> Document:
    """Apply an OpenAPI Overlay 1.0, refusing actions that have nothing to act on.

    Overlay 1.0 lets an action without a match pass. Here that means the document has changed under the
    overlay, which must be looked at, so it is an error.

    Args:
        document: The OpenAPI document; it is not modified.
        overlay: The overlay, with its list of actions.

    Returns:
        A new document.

    Raises:
        RegenerationError: An action has no target, a target that is no JSON path, or one that matches
            nothing. The text names the action by its number, from 1, and its target.
    """
    result = copy.deepcopy(document)
    for number, action in enumerate(overlay.get("actions", []), start=1):
        target = action.get("target")
        try:
            matches = parse_json_path(target).find(result)
        except (JSONPathError, TypeError, AttributeError) as error:
            raise RegenerationError(
                f"overlay action {number}: its target {target!r} is not a JSON path"
            ) from error
        if not matches:
            raise RegenerationError(
                f"overlay action {number} matches nothing; mend it in scripts/overlay.yaml: {target}"
            )
        result = apply_overlay(result, {"actions": [copy.deepcopy(action)]})
    return result


def validate_document(document: Document) -> None:
    """Check a document against the OpenAPI version that it names.

    Raises:
        RegenerationError: It is not valid, or of a version other than 3.0 and 3.1; the text says where.
    """
    version = str(document.get("openapi", ""))
    if version.startswith("3.0"):
        errors = OpenAPIV30SpecValidator(document).iter_errors()
    elif version.startswith("3.1"):
        errors = OpenAPIV31SpecValidator(document).iter_errors()
    else:
        raise RegenerationError(f"OpenAPI 3.0 or 3.1 is needed, and the document says {version or 'nothing'}")
    for error in errors:
        place = "/".join(str(part) for part in error.absolute_path) or "its top"
        raise RegenerationError(
            f"not valid OpenAPI {version[:3]}, at {place}: {error.message.splitlines()[0]}"
        )
