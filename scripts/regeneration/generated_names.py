"""The names that the generator derives: of modules, classes and files."""

from functools import cache
from typing import Final

from openapi_python_client.strings import ClassName, PythonIdentifier

#: The maximum length of a generated file's path below its package, in characters. Some systems limit paths.
MAX_PATH: Final = 80
_PREFIX: Final = "field_"


@cache
def field_name(name: str) -> str:
    """Return the Python name of an operation, parameter or field."""
    return str(PythonIdentifier(name, _PREFIX))


@cache
def class_name(name: str) -> str:
    """Return the name of a model's class."""
    return str(ClassName(name, _PREFIX))


def operation_module(name: str, tag: str) -> str:
    """Return the path of an operation's module below the package.

    Args:
        name: The operation's id.
        tag: Its first tag.
    """
    return f"api/{PythonIdentifier(tag, 'tag')}/{field_name(name)}.py"


def model_module(name: str) -> str:
    """Return the path of a model's module below the package.

    Args:
        name: The name of its class.
    """
    return f"models/{field_name(name)}.py"


def module_path_fits(name: str, tag: str) -> bool:
    """Return whether the path of an operation's module is short enough."""
    return len(operation_module(name, tag)) <= MAX_PATH
