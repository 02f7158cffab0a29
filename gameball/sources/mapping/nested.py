"""Names of fields within fields: ``user.id`` is the field ``id`` of the object ``user``."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

SEPARATOR: Final = "."


def find_path(fields: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """Find a field by its name, which may contain dots.

    Args:
        fields: The fields.
        name: The name. A field that has exactly this name wins over one within an object, and an object with
            a longer name over one with a shorter name.

    Returns:
        The key at each level, or None if there is no such field.
    """
    if name in fields:
        return (name,)
    parts = name.split(SEPARATOR)
    for length in range(len(parts) - 1, 0, -1):
        inner = fields.get(SEPARATOR.join(parts[:length]))
        if isinstance(inner, dict):
            rest = find_path(inner, SEPARATOR.join(parts[length:]))
            if rest is not None:
                return (SEPARATOR.join(parts[:length]), *rest)
    return None


def move_up(fields: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Move nested fields out of their objects, so that they are fields under their whole names.

    An object that becomes empty is removed. Fields that are not nested or do not exist stay as they are.

    Args:
        fields: The fields. They are not changed, but the result may share their values.
        names: The names of the nested fields.
    """
    for name in names:
        path = find_path(fields, name)
        if path is not None and len(path) > 1:
            value, fields = _take(fields, path)
            fields[name] = value
    return fields


def outer_names(name: str) -> list[str]:
    """Return the names of the objects that may contain a nested field: for ``a.b.c``, ``a`` and ``a.b``."""
    parts = name.split(SEPARATOR)
    return [SEPARATOR.join(parts[:length]) for length in range(1, len(parts))]


def _take(fields: dict[str, Any], path: tuple[str, ...]) -> tuple[Any, dict[str, Any]]:
    """Return a nested field, and a copy of the fields without it."""
    copy = dict(fields)
    first, *rest = path
    if not rest:
        return copy.pop(first), copy
    value, inner = _take(copy[first], tuple(rest))
    if inner:
        copy[first] = inner
    else:
        del copy[first]
    return value, copy
