"""Read the public interface of generated code: operations and their parameters, models and their fields.

The code is read, and not the document, because users import the code. A large change of the document may
not change the code, and a small one may break it.
"""

import ast
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import frozen

# Attributes that the generator adds to every model.
_OWN: Final = frozenset({"additional_properties"})


@frozen
class Value:
    """A parameter or a field.

    Attributes:
        name: Its Python name.
        type: Its type as annotated, with the alternatives sorted and without ``Unset``.
        required: Whether it must be given.
        wire: Its name in JSON; empty if the code does not have it.
    """

    name: str
    type: str
    required: bool
    wire: str = ""


@frozen
class GeneratedOperation:
    """The module of an operation.

    Attributes:
        module: Its name below ``gameball_api.api``, such as ``batches.stop_batch``.
        method: The HTTP method, in lower case.
        path: The path, with the Python names of its parameters in braces.
        parameters: The parameters of its functions, in order, without the client.
        response: The type that its functions return.
    """

    module: str
    method: str
    path: str
    parameters: tuple[Value, ...]
    response: str


@frozen
class GeneratedModel:
    """The class of a schema.

    Attributes:
        name: Its name.
        fields: Its fields. For an enumeration, its members, with their values as types.
        is_enumeration: Whether it is an enumeration.
        extra: The type of additional properties; empty if it has none.
    """

    name: str
    fields: tuple[Value, ...]
    is_enumeration: bool
    extra: str


@frozen
class Surface:
    """The public interface of a generated package.

    Attributes:
        operations: The operations by method and path, such as ``POST /customers/{}``.
        models: The models by name.
    """

    operations: Mapping[str, GeneratedOperation]
    models: Mapping[str, GeneratedModel]


def read_surface(files: Mapping[str, bytes]) -> Surface:
    """Read a generated package.

    Args:
        files: Its files by their path below the package.
    """
    operations = {}
    models: dict[str, GeneratedModel] = {}
    for path, content in files.items():
        if not path.endswith(".py") or path.endswith("__init__.py"):
            continue
        if path.startswith("api/"):
            if operation := read_operation(path, content.decode("utf-8")):
                operations[identity(operation)] = operation
        elif path.startswith("models/"):
            models |= {model.name: model for model in _models(ast.parse(content))}
    return Surface(operations, models)


def identity(operation: GeneratedOperation) -> str:
    """Return the method and path of an operation, which stay the same when it is renamed."""
    parts = [part.partition("{")[0] + "{}" if "{" in part else part for part in operation.path.split("/")]
    return f"{operation.method.upper()} {'/'.join(parts)}"


def read_operation(path: str, code: str) -> GeneratedOperation | None:
    """Read the module of an operation.

    Args:
        path: Its path below the package.
        code: Its source.

    Returns:
        The operation, or None if the module does not have one.
    """
    functions = {
        node.name: node
        for node in ast.parse(code).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    detailed, kwargs = functions.get("sync_detailed"), functions.get("_get_kwargs")
    if detailed is None or kwargs is None or not {"asyncio_detailed", "_build_response"} <= functions.keys():
        return None
    request = {
        key.value: _text(value)
        for node in ast.walk(kwargs)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant)
    }
    response = _alternatives(detailed.returns.slice) if isinstance(detailed.returns, ast.Subscript) else "Any"
    return GeneratedOperation(
        module=path.removeprefix("api/").removesuffix(".py").replace("/", "."),
        method=request.get("method", ""),
        path=request.get("url", ""),
        parameters=tuple(_parameters(detailed.args)),
        response=response,
    )


def _text(node: ast.expr) -> str:
    """Return a string literal, or the one that ``format`` is called on."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _parameters(arguments: ast.arguments) -> Iterator[Value]:
    positional = zip(arguments.args, [None] * len(arguments.args), strict=True)
    keyword = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    for argument, default in [*positional, *keyword]:
        if argument.arg != "client" and argument.annotation is not None:
            yield Value(argument.arg, _alternatives(argument.annotation), default is None)


def _alternatives(annotation: ast.expr) -> str:
    """Write a type with its alternatives sorted and without ``Unset``."""
    parts: list[ast.expr] = [annotation]
    while isinstance(parts[0], ast.BinOp):
        parts = [parts[0].left, parts[0].right, *parts[1:]]
    return " | ".join(sorted({ast.unparse(part) for part in parts} - {"Unset"}))


def _models(module: ast.Module) -> Iterator[GeneratedModel]:
    for node in module.body:
        if not isinstance(node, ast.ClassDef):
            continue
        is_enumeration = any("Enum" in ast.unparse(base) for base in node.bases)
        fields = _members(node) if is_enumeration else _fields(node)
        extra = [
            ast.unparse(one.annotation)
            for one in node.body
            if isinstance(one, ast.AnnAssign) and ast.unparse(one.target) in _OWN
        ]
        yield GeneratedModel(node.name, tuple(fields), is_enumeration, "".join(extra))


def _members(node: ast.ClassDef) -> Iterator[Value]:
    for one in node.body:
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
            yield Value(one.targets[0].id, ast.unparse(one.value), required=False)


def _fields(node: ast.ClassDef) -> Iterator[Value]:
    wire = _wire_names(node)
    for one in node.body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and one.target.id not in _OWN:
            name = one.target.id
            yield Value(name, _alternatives(one.annotation), one.value is None, wire.get(name, ""))


def _wire_names(node: ast.ClassDef) -> dict[str, str]:
    """Return the JSON names of fields. ``from_dict`` pops them in the order of the arguments of ``cls``."""
    for function in node.body:
        if isinstance(function, ast.FunctionDef) and function.name == "from_dict":
            calls = [one for one in ast.walk(function) if isinstance(one, ast.Call)]
            popped = [
                _text(call.args[0])
                for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset))
                if ast.unparse(call.func) == "d.pop"
            ]
            passed = next(
                ([one.arg for one in call.keywords] for call in calls if ast.unparse(call.func) == "cls"), []
            )
            if len(popped) == len(passed):
                return {str(name): key for name, key in zip(passed, popped, strict=True)}
    return {}
