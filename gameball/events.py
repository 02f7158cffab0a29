"""Events as users write them, and their form as JSON."""

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from numbers import Integral, Real
from types import MappingProxyType, NoneType
from typing import Any, Final
from uuid import UUID

import orjson
from attrs import field, frozen

_NO_METADATA: Final[Mapping[str, object]] = MappingProxyType({})

#: Dates go through ``convert``, which refuses naive ones; data classes have no documented form at Gameball.
OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_SIGNED_64_BIT_MINIMUM: Final = -(2**63)
_UNSIGNED_64_BIT_MAXIMUM: Final = 2**64 - 1
_NEVER_NAN: Final = frozenset({NoneType, str, int, bool, datetime, date, UUID})


def _show_size(value: object) -> str:
    # Metadata is payload: a repr, and with it a traceback that shows locals, tells only how much there is.
    try:
        return f"<{len(value)} entries>"  # type: ignore[arg-type]
    except TypeError:
        return f"<{type(value).__name__}>"


@frozen(init=False)
class Event:
    """Something a customer did.

    Args:
        customer_id: Your own id of the customer; not blank.
        name: The event's name; not blank. Gameball advises the past tense: ``song_liked``.
        metadata: What the event is about: a mapping of text to anything JSON has a form for, nested at will.
            ``datetime`` (with a time zone), ``date``, ``UUID``, ``Decimal`` and ``Enum`` are converted.

    Nothing is checked here, so that creating millions of events stays cheap: sending them raises
    ``InvalidEventError`` for the first one that cannot be sent.
    """

    customer_id: str
    name: str
    metadata: Mapping[str, object] = field(repr=_show_size)

    # Written out because the one that attrs writes for a frozen class takes a third longer (measured: 0.56 µs
    # against 0.42 µs), and there are millions of them.
    def __init__(self, customer_id: str, name: str, metadata: Mapping[str, object] = _NO_METADATA) -> None:
        _set_customer_id(self, customer_id)
        _set_name(self, name)
        _set_metadata(self, metadata)

    # A frozen class cannot be unpickled attribute by attribute, and its default metadata cannot be pickled.
    def __reduce__(self) -> tuple[object, ...]:
        return Event, (self.customer_id, self.name, dict(self.metadata))


_set_customer_id = Event.__dict__["customer_id"].__set__
_set_name = Event.__dict__["name"].__set__
_set_metadata = Event.__dict__["metadata"].__set__


@frozen
class CustomerEvents:
    """Several events of one customer, handed over as one and never divided between requests.

    Args:
        customer_id: Your own id of the customer; not blank.
        events: The metadata of each event, by the event's name; at least one. An event without metadata
            is ``{}``.
    """

    customer_id: str
    events: Mapping[str, Mapping[str, object]] = field(repr=_show_size)


#: What one item of a source may be: an event, several of one customer, or (customer_id, name, metadata).
EventLike = Event | CustomerEvents | tuple[str, str, Mapping[str, object]]

#: ``encode(value, convert, OPTIONS)`` is a value's JSON, exactly as it is sent. It raises TypeError where
#: JSON has no form for something in it, and writes NaN and infinity as null; ``find_problem`` finds those.
encode: Final = orjson.dumps


def convert(value: object) -> object:
    """Convert what orjson leaves to us.

    Args:
        value: Something orjson has no form for by itself.

    Returns:
        Something it has.

    Raises:
        TypeError: There is no form for the value in JSON, or it is a naive datetime.
    """
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise TypeError("naive datetime")
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Decimal):
        # A number as exact as it was given: as a float it would lose digits, as text it would be no number.
        return orjson.Fragment(str(value)) if _is_finite(value) else math.nan
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    raise TypeError(type(value).__name__)


def are_finite(values: Iterable[Any]) -> bool:
    """Tell at a glance whether the nulls in the JSON of some values all stand for None.

    Args:
        values: Something that ``encode`` has taken, value by value.

    Returns:
        True where there certainly is no NaN and no infinity; False where ``find_problem`` has to look.
    """
    for value in values:
        kind = type(value)
        if kind is dict or kind is list:
            if not are_finite(value.values() if kind is dict else value):
                return False
        elif kind not in _NEVER_NAN and not (kind is float and math.isfinite(value)):
            return False
    return True


def find_problem(value: object, place: str) -> tuple[str, str] | None:
    """Find the first thing in a value that cannot be sent.

    Args:
        value: The value to look through; it may hold anything.
        place: What to call the value, such as ``metadata``.

    Returns:
        The place of the fault and the reason, or None where there is no fault.
    """
    # Most of what is looked through is of these types; the abstract ones below are slow to ask for.
    kind = type(value)
    if value is None or kind is int or kind is bool:
        return (place, reason) if (reason := _scalar_problem(value)) else None
    if isinstance(value, Enum):
        return find_problem(value.value, place)
    if isinstance(value, Mapping):
        for key, item in value.items():
            # A subclass would be sent by its value as an item; orjson refuses it as a key.
            if type(key) is not str:
                return place, f"has {_describe_key(key)}, and keys must be text (str)"
            problem = find_problem(key, f"a key of {place}") or find_problem(item, f"{place}.{key}")
            if problem:
                return problem
        return None
    if isinstance(value, list | tuple):
        for position, item in enumerate(value):
            if problem := find_problem(item, f"{place}[{position}]"):
                return problem
        return None
    reason = _scalar_problem(value)
    return (place, reason) if reason else None


def _describe_key(key: object) -> str:
    # Anything larger is payload, which is shown nowhere.
    return (
        f"the key {key!r}" if key is None or type(key) in {bool, int} else f"a {type(key).__name__} as a key"
    )


def _scalar_problem(value: object) -> str | None:
    if value is None or isinstance(value, bool | UUID):
        return None
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return "holds half of a surrogate pair, which is no text"
        return None
    if isinstance(value, Integral):
        fits = _SIGNED_64_BIT_MINIMUM <= int(value) <= _UNSIGNED_64_BIT_MAXIMUM
        return None if fits else "is an integer of more than 64 bits; send it as text"
    if isinstance(value, Decimal | Real):
        return (
            None if _is_finite(value) else "is NaN or infinite, or beyond any float: JSON has no form for it"
        )
    if isinstance(value, datetime):
        naive = value.utcoffset() is None
        return "is a datetime without a time zone; use an aware one" if naive else None
    if isinstance(value, date):
        return None
    return f"is a {type(value).__name__}, which JSON has no form for"


def _is_finite(value: Decimal | Real) -> bool:
    # Beyond what a float holds, JSON could write a number, and hardly any server could read it.
    try:
        return math.isfinite(value)
    except (OverflowError, ValueError):  # a fraction beyond any float; a signalling NaN
        return False
