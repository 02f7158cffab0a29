"""The values that an event may hold: which ones JSON can represent, and what is wrong with the others."""

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from numbers import Integral, Real
from types import NoneType
from typing import Any, Final
from uuid import UUID

import orjson

#: Dates go through ``convert``, which rejects naive ones. Gameball documents no format for data classes.
OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_SIGNED_64_BIT_MINIMUM: Final = -(2**63)
_UNSIGNED_64_BIT_MAXIMUM: Final = 2**64 - 1
_NEVER_NAN: Final = frozenset({NoneType, str, int, bool, datetime, date, UUID})


#: ``encode(value, convert, OPTIONS)`` returns the JSON of a value exactly as it is sent. It raises TypeError
#: for values that JSON cannot represent, and writes NaN and infinity as null; ``find_problem`` finds those.
encode: Final = orjson.dumps


def convert(value: object) -> object:
    """Convert a value that orjson cannot encode itself.

    Args:
        value: The value.

    Returns:
        A value that orjson can encode.

    Raises:
        TypeError: JSON cannot represent the value, or it is a naive datetime.
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
        # Written as a number with all its digits: a float would lose digits, and a string is not a number.
        return orjson.Fragment(Decimal.__str__(value)) if _is_finite(value) else math.nan
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return _exact_float(value)
    if _is_numpy_bool(value):
        return bool(value)
    raise TypeError(type(value).__name__)


def _exact_float(value: Real) -> float:
    number = float(value)
    if number != value and not math.isnan(number):
        raise TypeError("not exactly a float")
    return number


def are_finite(values: Iterable[Any]) -> bool:
    """Check quickly whether every null in the JSON of some values comes from None.

    Args:
        values: Values that ``encode`` has encoded.

    Returns:
        True if the values certainly hold no NaN and no infinity; False if ``find_problem`` must check.
    """
    for value in values:
        kind = type(value)
        if kind is dict or kind is list:
            if not are_finite(value.values() if kind is dict else value):
                return False
        elif kind not in _NEVER_NAN and not (kind is float and math.isfinite(value)):
            return False
    return True


def find_problem(value: object, place: str) -> tuple[str, str] | None:  # noqa: C901 - one per container
    """Find the first part of a value that cannot be sent.

    Args:
        value: The value to check, of any type.
        place: The name of the value in the error message, such as ``metadata``.

    Returns:
        The place and the reason, or None if the whole value can be sent.
    """
    try:
        # Most values have one of these types, and the checks for abstract types below are slow.
        kind = type(value)
        if value is None or kind is int or kind is bool:
            return (place, reason) if (reason := _scalar_problem(value)) else None
        if isinstance(value, Enum):
            return find_problem(value.value, place)
        if isinstance(value, Mapping):
            for key, item in value.items():
                # orjson encodes a subclass of str as a value, but rejects it as a key.
                if type(key) is not str:
                    return place, f"has {_describe_key(key)}; keys must be strings (str)"
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
    except (RecursionError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - a value may be of any class, whose methods raise anything
        reason = f"is a {_type_name(value)} that raises {type(error).__name__} when it is read"
    return (place, reason) if reason else None


def _type_name(value: object) -> str:
    """Return the name of a value's type, such as ``set`` or ``numpy.datetime64``."""
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    return kind.__qualname__ if package == "builtins" else f"{package}.{kind.__qualname__}"


def _describe_key(key: object) -> str:
    # Other keys are payload, which error messages must not show.
    return f"the key {key!r}" if key is None or type(key) in {bool, int} else f"a {_type_name(key)} as a key"


def _scalar_problem(value: object) -> str | None:
    if value is None or isinstance(value, bool | UUID) or _is_numpy_bool(value):
        return None
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return "contains half of a surrogate pair, which cannot be encoded as UTF-8"
        return None
    if isinstance(value, Decimal | Real) and not _is_duration(value):
        return _number_problem(value)
    if isinstance(value, datetime):
        if type(value).__name__ == "NaTType":
            return f"is {_type_name(value)}, a missing time; send None"
        naive = value.utcoffset() is None
        return "is a datetime without a time zone; use an aware one" if naive else None
    if isinstance(value, date):
        return None
    return f"is a {_type_name(value)}, which JSON cannot represent"


def _number_problem(value: Decimal | Real) -> str | None:
    if isinstance(value, Integral):
        fits = _SIGNED_64_BIT_MINIMUM <= int(value) <= _UNSIGNED_64_BIT_MAXIMUM
        return None if fits else "is an integer of more than 64 bits; send it as a string"
    if not _is_finite(value):
        return "is NaN or infinite, or too large for a float; send another value"
    if isinstance(value, Decimal) or float(value) == value:
        return None
    return f"is a {_type_name(value)} that a float cannot represent exactly; send a float or a string"


# NumPy is not imported: programs that do not use it should not need it.
def _is_numpy_bool(value: object) -> bool:
    kind = type(value)
    return kind.__module__ == "numpy" and kind.__name__ in {"bool", "bool_"}


def _is_duration(value: object) -> bool:
    """Return whether a value is NumPy's duration, which is registered as an integer but is not one."""
    kind = type(value)
    return kind.__module__ == "numpy" and kind.__name__ == "timedelta64"


def _is_finite(value: Decimal | Real) -> bool:
    # JSON could represent a number too large for a float, but hardly any server could read it.
    try:
        return math.isfinite(value)
    except (OverflowError, ValueError):  # a fraction too large for a float; a signalling NaN
        return False
