"""Check that the generator left out nothing of a document."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from regeneration.document_walk import Document, Operation, listing, mapping, operations, resolve
from regeneration.generated_names import MAX_PATH, class_name, model_module, operation_module
from regeneration.generator import PACKAGE
from regeneration.regeneration_error import RegenerationError
from regeneration.surface import read_operation

# Runs in a separate process, because this one may have imported the installed package already.
_IMPORT_ALL: Final = """
import importlib, json, pkgutil, sys
sys.path.insert(0, sys.argv[1])
package = importlib.import_module(sys.argv[2])
failed = {}
for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=lambda name: None):
    try:
        importlib.import_module(module.name)
    except Exception as error:
        failed[module.name] = f"{type(error).__name__}: {error}"
print(json.dumps(failed))
"""


def check_completeness(document: Document, folder: Path) -> None:
    """Check that every part of a document was generated, and can be imported.

    Args:
        document: The document that was generated from.
        folder: The generated folder, which holds the package.

    Raises:
        RegenerationError: Something is missing, has too long a path, or cannot be imported.
    """
    package = folder / PACKAGE
    problems = [
        *_missing_operations(document, package),
        *_missing_models(document, package),
        *_long_paths(package),
        *_broken_modules(folder),
    ]
    if problems:
        raise RegenerationError(
            "the generated client is incomplete; fix the document in scripts/overlay.yaml: "
            + (problems[0] if len(problems) == 1 else f"{len(problems)} problems"),
            tuple(problems) if len(problems) > 1 else (),
        )


def _missing_operations(document: Document, package: Path) -> Iterator[str]:
    seen: dict[str, Operation] = {}
    for operation in operations(document):
        tags = listing(operation.content.get("tags")) or ["default"]
        path = operation_module(str(operation.content.get("operationId")), str(tags[0]))
        other = seen.setdefault(path, operation)
        file = package / path
        if other is not operation:
            yield f"{operation} has no function: its module {path} is that of {other}; give it another id"
        elif not file.is_file():
            yield f"{operation} has no function: the module {path} does not exist"
        else:
            found = read_operation(path, file.read_text(encoding="utf-8"))
            if found is None or found.method != operation.method or not _same(found.path, operation.path):
                yield f"{operation} has no function: the module {path} has another operation"
                continue
            declared = _parameters(document, operation)
            if len(found.parameters) != len(declared) + ("requestBody" in operation.content):
                yield (
                    f"{operation} does not accept every parameter of {', '.join(sorted(declared))}; "
                    "one without a schema is skipped"
                )


def _same(generated: str, published: str) -> bool:
    """Compare paths without the names of their parameters."""
    return [part.partition("{")[0] for part in generated.split("/")] == [
        part.partition("{")[0] for part in published.split("/")
    ]


def _parameters(document: Document, operation: Operation) -> set[str]:
    shared = document["paths"][operation.path].get("parameters")
    declared = [
        resolve(document, one) for one in listing(operation.content.get("parameters")) + listing(shared)
    ]
    return {f"{one.get('name')} in {one.get('in')}" for one in declared}


def _missing_models(document: Document, package: Path) -> Iterator[str]:
    for name, schema in mapping(mapping(document.get("components")).get("schemas")).items():
        content = resolve(document, schema)
        expected = class_name(str(content.get("title", name)))
        if has_model(content) and not _defines(package / model_module(expected), expected):
            yield f"schema {name} has no model: {model_module(expected)} does not define {expected}"


def has_model(schema: Document) -> bool:
    """Return whether the generator makes a class of a schema.

    It makes one of an object and of an enumeration. Numbers, strings, arrays, unions and references become
    type annotations.

    Args:
        schema: A schema that is a component.
    """
    parts = [one for key in ("allOf", "anyOf", "oneOf") for one in listing(schema.get(key))]
    kinds = schema.get("type")
    if kinds == "boolean" or (len(parts) == 1 and "$ref" in mapping(parts[0])):
        return False
    if schema.get("enum"):
        return any(value is not None for value in schema["enum"])
    if schema.get("anyOf") or schema.get("oneOf"):
        return False
    if schema.get("allOf") or kinds == "object" or "object" in listing(kinds):
        return True
    return kinds is None and bool(schema.get("properties"))


def _defines(file: Path, name: str) -> bool:
    if not file.is_file():
        return False
    module = ast.parse(file.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.ClassDef) and node.name == name for node in module.body)


def _long_paths(package: Path) -> Iterator[str]:
    for file in sorted(package.rglob("*")):
        path = file.relative_to(package).as_posix()
        if len(path) > MAX_PATH:
            yield f"the path {path} has {len(path)} characters, {MAX_PATH} at most; give it a shorter title"


def _broken_modules(folder: Path) -> list[str]:
    done = subprocess.run(  # noqa: S603 - a fixed command, no shell
        [sys.executable, "-I", "-B", "-c", _IMPORT_ALL, str(folder), PACKAGE],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return [f"{PACKAGE} cannot be imported: {done.stderr.rstrip().rpartition(chr(10))[2]}"]
    return [f"{name} cannot be imported: {why}" for name, why in json.loads(done.stdout).items()]
