"""Read and write OpenAPI documents."""

import json
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import yaml

from regeneration.document_walk import Document
from regeneration.regeneration_error import RegenerationError

# The order of the keys in the specification.
_TOP: Final[tuple[str, ...]] = (
    "openapi",
    "info",
    "jsonSchemaDialect",
    "servers",
    "security",
    "tags",
    "paths",
    "webhooks",
    "components",
)
_WIDTH: Final = 110
_BOOLEANS: Final = re.compile("^(?:true|false|True|False|TRUE|FALSE)$")


# The loader in C takes a tenth of the time. PyYAML may have been built without it.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Reads YAML as JSON would be read: dates stay strings, and a property may be called "on"."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base class declares it
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":bool"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT002
        """Refuse a repeated key: PyYAML would silently drop the first one."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key.value!r} is repeated", problem_mark=key.start_mark
                )
            seen.add(key.value)
        loaded = super().construct_mapping(node, deep=deep)
        # A status without quotes is a number in YAML, and a string in OpenAPI.
        return {str(key): value for key, value in loaded.items()}


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", _BOOLEANS, list("tTfF"))


class _Dumper(yaml.SafeDumper):
    """Writes strings of several lines as blocks."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is repeated")
    return result


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


def parse_document(text: str, name: str) -> Document:
    """Read a document.

    Args:
        text: YAML or JSON.
        name: What to call it in an error.

    Returns:
        The document as from JSON: dicts with strings as keys, lists and scalars, with no object used twice.

    Raises:
        RegenerationError: It is neither YAML nor JSON, has a repeated key, or is not a mapping.
    """
    is_json = text.lstrip("\ufeff \t\r\n").startswith(("{", "["))
    try:
        if is_json:
            loaded = json.loads(
                text.lstrip("\ufeff"), object_pairs_hook=_unique, parse_constant=_refuse_constant
            )
        else:
            # Through JSON and back: this copies objects that YAML anchors share, and refuses circular ones.
            loaded = json.loads(json.dumps(yaml.load(text, _Loader), allow_nan=False))  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        said = " ".join(str(error).split()).replace('in "<unicode string>", ', "")
        kind = "JSON" if is_json else "YAML"
        raise RegenerationError(f"{name} is not valid {kind}: {said}; fix it at its source") from error
    if not isinstance(loaded, dict):
        raise RegenerationError(f"{name} is not a mapping; check that it is the right file")
    return loaded


def load_document(path: Path) -> Document:
    """Read a YAML or JSON file.

    Args:
        path: The file.

    Returns:
        The document, as ``parse_document`` gives it.

    Raises:
        RegenerationError: The file cannot be read, or has no document.
    """
    return parse_document(read_text(path), path.name)


def read_text(path: Path) -> str:
    """Read a file as UTF-8, without changing its line endings.

    Raises:
        RegenerationError: It cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise RegenerationError(f"cannot read {path}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise RegenerationError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from error


def format_document(document: Document) -> bytes:
    """Write a document as YAML. The same content always gives the same bytes.

    Args:
        document: The document. Its top-level keys are written in the order of the specification, and its
            paths and components by name. Everything else keeps its order, which is that of a model's fields.

    Returns:
        The bytes of the file.
    """
    ordered = {key: document[key] for key in _TOP if key in document}
    ordered |= {key: value for key, value in sorted(document.items()) if key not in ordered}
    for key in ("paths", "webhooks"):
        if key in ordered:
            ordered[key] = dict(sorted(ordered[key].items()))
    if "components" in ordered:
        kinds = sorted(ordered["components"].items())
        ordered["components"] = {kind: dict(sorted(entries.items())) for kind, entries in kinds}
    text: str = yaml.dump(ordered, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return text.encode("utf-8")
