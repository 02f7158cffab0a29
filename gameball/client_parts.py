"""Attributes of a client whose class is known without an instance, for mocks and documentation."""

from collections.abc import Callable
from typing import Any


class _Part:
    def __init__(self, find: Callable[[], type]) -> None:
        self._find = find

    # It has no __set__, so what the constructor of a client assigns comes before it.
    def __get__(self, client: object, _: type) -> type:
        if client is not None:
            raise AttributeError("the client is not complete: its constructor failed")
        return self._find()


def client_part(find: Callable[[], type]) -> Any:  # noqa: ANN401 - it stands for an instance of the type
    """Declare an attribute that the constructor of a client sets.

    On the class, the attribute is the type: ``create_autospec(Gameball, instance=True).events`` is like an
    ``Events``.

    Args:
        find: Returns the type, which may be defined later in the module.
    """
    return _Part(find)
