"""Find the operations, models and JSON names that the hand-written files use."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from regeneration.generator import PACKAGE
from regeneration.surface import Surface

#: The hand-written files that use each operation's module or model, by its name.
Usage = Mapping[str, tuple[str, ...]]

_API: Final = f"{PACKAGE}.api."
_MODELS: Final = f"{PACKAGE}.models"
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_QUOTED: Final = re.compile(r'"([^"\s]+)"\s*:')


def read_usage(files: Mapping[str, str], surfaces: Iterable[Surface]) -> Usage:
    """Find the files that use each operation and model, directly or through another one.

    Args:
        files: The sources of hand-written files by path.
        surfaces: The generated packages, before and after. Each may have operations that the other does not.

    Returns:
        The paths of the files, sorted, by the name of the operation's module or of the model.
    """
    used: dict[str, set[str]] = defaultdict(set)
    surfaces = tuple(surfaces)
    for path, code in files.items():
        waiting = list(_imported(ast.parse(code)))
        while waiting:
            name = waiting.pop()
            if path not in used[name]:
                used[name].add(path)
                waiting += [inner for surface in surfaces for inner in _needed(surface, name)]
    return {name: tuple(sorted(paths)) for name, paths in used.items()}


def read_wire_usage(files: Mapping[str, str]) -> Usage:
    """Find the files that contain each JSON name as a string, or in a string of JSON.

    Args:
        files: The sources of hand-written files by path.

    Returns:
        The paths of the files, sorted, by name.
    """
    used: dict[str, set[str]] = defaultdict(set)
    for path, code in files.items():
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
                value = node.value
                text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                for name in (text, *_QUOTED.findall(text)):
                    used[name].add(path)
    return {name: tuple(sorted(paths)) for name, paths in used.items()}


def _imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith(_API):
                # The module of an operation, or a name in it.
                yield ".".join(name.removeprefix(_API).split(".")[:2])
            elif name.startswith(_MODELS):
                yield name.rpartition(".")[2]


def _needed(surface: Surface, name: str) -> Iterator[str]:
    """Yield the operations of a tag, or the models in the types of an operation or a model."""
    # A file that imports a tag may use any of its operations.
    yield from (one.module for one in surface.operations.values() if one.module.startswith(f"{name}."))
    types = [
        text
        for operation in surface.operations.values()
        if operation.module == name
        for text in (operation.response, *(parameter.type for parameter in operation.parameters))
    ]
    if model := surface.models.get(name):
        types += (
            [model.extra] if model.is_enumeration else [model.extra, *(field.type for field in model.fields)]
        )
    for text in types:
        yield from (word for word in _NAME.findall(text) if word in surface.models)
