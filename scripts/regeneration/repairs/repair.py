"""A repair, and how repairs are made."""

import copy
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from attrs import frozen

from regeneration.document_walk import Document, Place, pointer, value_at


class _Nothing(Enum):
    NOTHING = "nothing"


#: The value of a repair that removes.
NOTHING: Final = _Nothing.NOTHING


@frozen
class Repair:
    """A change that fixes one fault of a document.

    Attributes:
        fault: The kind of fault, in a few words.
        place: The place of the repaired value.
        remedy: What was done, in words.
        value: The new value; NOTHING removes the old one.
        added: The items that were added, if the value is a list.
    """

    fault: str
    place: Place
    remedy: str
    value: Any
    added: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.fault} at {pointer(self.place)}: {self.remedy}"


def make_repairs(document: Document, repairs: Sequence[Repair]) -> Document:
    """Return a repaired copy of a document.

    Args:
        document: The document; it is not modified.
        repairs: The repairs. None may be at a place within the value of another.
    """
    result = copy.deepcopy(document)
    for repair in repairs:
        parent = _parent(result, repair.place)
        if repair.value is NOTHING:
            del parent[repair.place[-1]]
        else:
            parent[repair.place[-1]] = copy.deepcopy(repair.value)
    return result


def is_overruled(document: Document, repair: Repair) -> bool:
    """Return whether the overlay or a later repair has replaced the value of a repair."""
    if repair.value is NOTHING:
        return False
    try:
        return bool(value_at(document, repair.place) != repair.value)
    except LookupError:
        return True


def _parent(document: Document, place: Place) -> Any:  # noqa: ANN401 - a mapping or a list
    """Return the mapping or list that contains a place. Missing mappings are created."""
    parent: Any = document
    for part in place[:-1]:
        parent = parent.setdefault(part, {}) if isinstance(parent, dict) else parent[part]
    return parent
