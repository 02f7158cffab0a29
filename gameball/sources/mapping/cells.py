"""Conversion of the text cells of a table to typed values."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal, DecimalException
from types import MappingProxyType
from typing import Final

from gameball.json_values import find_problem
from gameball.sources.strict_json import UnparsableError, parse_json, shortest_number

# Programs write integers as 517.0 where a column also has blank cells.
_INTEGER: Final = re.compile(r"([+-]?[0-9]{1,4000})(?:\.0{1,20})?")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# Integers with so many digits always fit into 64 bits.
_ALWAYS_64_BITS: Final = 18
# Python keeps six digits of a second and drops the others.
_BEYOND_MICROSECONDS: Final = re.compile(r"[.,]([0-9]{6})([0-9]+)")
_TO_MICROSECONDS: Final = len("2026-01-31T12:00:00.000000")
# A float holds each integer up to this one exactly.
_EXACT_FLOATS: Final = 2**53
_BOOLEANS: Final = MappingProxyType(
    {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
)


# The type int of a column with customer ids. The ids are text, and must be written as they were.
_INTEGER_ID: Final = "integer id"
_AS_TEXT: Final = "the type text sends it as it is"


class CellError(ValueError):
    """A cell that does not have the type of its column.

    Args:
        reason: The message for the user. It contains nothing of the cell.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _to_int(cell: str) -> int:
    # int() also accepts digits of other scripts, and underscores.
    if len(cell) <= _ALWAYS_64_BITS and cell.isascii() and cell.isdecimal():
        return int(cell)
    found = _INTEGER.fullmatch(cell)
    if found is None:
        raise CellError("is not an integer")
    number = int(found[1])
    if problem := find_problem(number, "cell"):
        raise CellError(problem[1])
    return number


def _to_integer_id(cell: str) -> str:
    found = _INTEGER.fullmatch(cell)
    if found is not None and str(_to_int(cell)) == found[1]:
        return found[1]
    # 007 as an integer would be 7, which is another customer.
    problem = "is not an integer" if found is None else "is not in the usual form of an integer"
    raise CellError(f"{problem}; {_AS_TEXT}")


def _to_float(cell: str) -> float | Decimal:
    return shortest_number(_to_decimal(cell))


def _to_decimal(cell: str) -> Decimal:
    number = None
    # Decimal() also accepts digits of other scripts, underscores and words.
    if _NUMBER.fullmatch(cell) is not None:
        with suppress(DecimalException):
            number = Decimal(cell)
    if number is None or find_problem(number, "cell"):
        raise CellError("is not a finite number")
    return number


def _to_bool(cell: str) -> bool:
    value = _BOOLEANS.get(cell.lower())
    if value is None:
        raise CellError("is not one of true, false, yes, no, 1 and 0")
    return value


def _to_date(cell: str) -> date:
    try:
        return date.fromisoformat(cell)
    except ValueError:
        pass
    raise CellError("is not an ISO 8601 date, such as 2026-01-31")


def _to_datetime(cell: str) -> datetime | str:
    time = _to_any_datetime(cell)
    if time.utcoffset() is None:
        raise CellError("has no time zone; use the type datetime-utc to read it as UTC")
    return _with_all_digits(time, cell)


def _to_utc_datetime(cell: str) -> datetime | str:
    return _with_all_digits(_in_utc(_to_any_datetime(cell)), cell)


def _to_any_datetime(cell: str) -> datetime:
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        pass
    raise CellError("is not an ISO 8601 time, such as 2026-01-31T12:00:00Z")


def _in_utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.utcoffset() is None else time


def _with_all_digits(time: datetime, cell: str) -> datetime | str:
    found = _BEYOND_MICROSECONDS.search(cell)
    if found is None or not found[2].strip("0"):
        return time
    if int(found[1]) != time.microsecond:
        raise CellError("has a time zone with too many digits")
    text = time.isoformat(timespec="microseconds")
    return text[:_TO_MICROSECONDS] + found[2] + text[_TO_MICROSECONDS:]


def _number_to_text(value: object) -> object:
    if value is None:
        return None
    if type(value) is int:
        return str(value)
    raise CellError("is neither text nor an integer, so its text form is ambiguous")


def _number_to_int(value: object) -> object:
    # Libraries for tables turn the integers of a column with nulls into floats.
    if type(value) is float and value == value and not value.is_integer():  # noqa: PLR0124 - NaN
        raise CellError("is not an integer")
    if type(value) is float and abs(value) <= _EXACT_FLOATS:
        return int(value)
    return value


def _number_to_integer_id(value: object) -> object:
    value = _number_to_int(value)
    return str(value) if type(value) is int else value


def _to_json(cell: str) -> object:
    try:
        return parse_json(cell.encode(errors="surrogateescape"))
    except UnparsableError as error:
        reason = error.reason
    raise CellError(reason)


_CONVERTERS: Final[Mapping[str, Callable[[str], object]]] = MappingProxyType(
    {
        "text": str,
        "int": _to_int,
        "float": _to_float,
        "decimal": _to_decimal,
        "bool": _to_bool,
        "date": _to_date,
        "datetime": _to_datetime,
        "datetime-utc": _to_utc_datetime,
        "json": _to_json,
        _INTEGER_ID: _to_integer_id,
    }
)
_TYPES: Final = tuple(name for name in _CONVERTERS if name != _INTEGER_ID)


#: Conversions of values that are not text.
_OTHERS: Final[Mapping[str, Callable[[object], object]]] = MappingProxyType(
    {"text": _number_to_text, "int": _number_to_int, _INTEGER_ID: _number_to_integer_id}
)


def types_of_columns(types: Mapping[str, str], rename: Mapping[str, str]) -> dict[str, str]:
    """Return types by the names of columns, with the type that an integer has in the column of the customer.

    Args:
        types: The type of each typed column. The name ``customer_id`` may mean the column that is mapped
            to it.
        rename: The name in the source of each field that has another name there.
    """
    column = rename.get("customer_id", "customer_id")
    found = {column if name == "customer_id" else name: kind for name, kind in types.items()}
    if found.get(column) == "int":
        found[column] = _INTEGER_ID
    return found


def check_types(types: Mapping[str, str]) -> None:
    """Check the names of types.

    Args:
        types: The type of each typed column.

    Raises:
        ValueError: A type is unknown.
    """
    for column, type_name in types.items():
        if type_name not in _TYPES:
            known = ", ".join(_TYPES)
            raise ValueError(f"column {column!r} has the unknown type {type_name!r}; the types are {known}")


def convert_cell(cell: str, type_name: str) -> object:
    """Convert a cell of a CSV file.

    Args:
        cell: The content of the cell.
        type_name: The name of the type.

    Returns:
        Its value. A blank cell is None, unless the type is text, which is returned unchanged. A number that a
        float would round is a ``Decimal``; a time with digits beyond microseconds is its ISO 8601 text.

    Raises:
        CellError: The cell does not have that type.
    """
    if type_name == "text":
        return cell
    stripped = cell.strip()
    return _CONVERTERS[type_name](stripped) if stripped else None


def convert_value(value: object, type_name: str) -> object:
    """Convert a value of a file format with typed values.

    Args:
        value: The value.
        type_name: The name of the type.

    Returns:
        Text converted to the type; with ``text``, an integer as text; with ``int``, a float without a
        fraction as an integer; with ``datetime-utc``, a time without a zone as a time in UTC; any other value
        unchanged.

    Raises:
        CellError: The text does not have that type, or the value cannot be converted to it.
    """
    if isinstance(value, str):
        return convert_cell(value, type_name)
    if type_name == "datetime-utc" and isinstance(value, datetime):
        return _in_utc(value)
    convert = _OTHERS.get(type_name)
    return value if convert is None else convert(value)
