"""What a repair is, and how repairs are made."""

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
    """A change that makes a faulty document one that can be generated from.

    Attributes:
        fault: What was wrong, in a few words.
        place: Where the repaired value stands.
        remedy: What was done about it.
        value: What stands there now; NOTHING removes it.
        added: Of a list that was there, the items that were not.
    """

    fault: str
    place: Place
    remedy: str
    value: Any
    added: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.fault} at {pointer(self.place)}: {self.remedy}"


def make_repairs(document: Document, repairs: Sequence[Repair]) -> Document:
    """Return a copy of a document with repairs made.

    Args:
        document: The document; it is not modified.
        repairs: The repairs, none within what another one of them has put there.
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
    """Return whether a document says otherwise than a repair did: the overlay, or a later repair."""
    try:
        return repair.value is not NOTHING and bool(value_at(document, repair.place) != repair.value)
    except LookupError:
        return repair.value is not NOTHING


def _parent(document: Document, place: Place) -> Any:  # noqa: ANN401 - a mapping or a list
    """Return what holds a place; what is missing on the way there is made."""
    parent: Any = document
    for part in place[:-1]:
        parent = parent.setdefault(part, {}) if isinstance(parent, dict) else parent[part]
    return parent
