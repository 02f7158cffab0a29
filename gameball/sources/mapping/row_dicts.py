"""Dictionaries for many rows that have the same keys."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, cast

Rows = Iterable[tuple[Any, ...]]


@lru_cache(maxsize=64)
def dicts_with(keys: tuple[str, ...]) -> Callable[[Rows], list[dict[str, Any]]]:
    """Return a function that converts rows to dictionaries.

    It is compiled for the number of keys, as the standard library does for named tuples, because
    ``dict(zip(keys, row))`` takes three times as long. The compiled text has nothing of the keys.

    Args:
        keys: The keys, in the order of the cells of a row.

    Returns:
        The function. It returns one dictionary for each row, and raises ``ValueError`` for a row of another
        length.
    """
    if not keys:
        return lambda rows: [{} for _ in rows]
    pairs = ", ".join(f"key_{number}: cell_{number}" for number in range(len(keys)))
    cells = ", ".join(f"cell_{number}" for number in range(len(keys)))
    text = f"lambda rows: [{{{pairs}}} for {cells}, in rows]"
    names = {f"key_{number}": key for number, key in enumerate(keys)}
    return cast("Callable[[Rows], list[dict[str, Any]]]", eval(text, names))  # noqa: S307 - the text above
