"""JSON read without loss: numbers keep all their digits, and a repeated key is refused.

orjson is fast, but rounds numbers to 64-bit floats and keeps the last of two equal keys. So its result is
checked, by comparing the text with the text that the result would be written as, and parsed again with the
standard library if the check finds anything suspicious.
"""

import json
import re
from decimal import Decimal
from typing import Any, Final

import orjson

from gameball.events import find_problem
from gameball.sources.shape import show_names

# A float has 15 digits that are certainly exact, and so has a number of up to 15 characters. Replacing every
# digit by a zero and searching for zeros takes a tenth of the time of parsing; a regular expression would
# take twice as long as parsing.
_AS_ZEROS: Final = bytes(ord("0") if byte in b"-.0123456789" else byte for byte in range(256))
_LONG: Final = b"0" * 16
# Searching every fourth byte first halves the time again.
_STRIDE: Final = 4
_LONG_IN_STRIDES: Final = b"0" * (len(_LONG) // _STRIDE)
# Floats that are very small have fewer digits. An escaped quote would make up for one that is missing.
_SUSPICIOUS: Final = (b"e-3", b"E-3", b"e-03", b"E-03", b"\\u0022")
# Long digits are harmless inside a string, which is where most of them are found.
_NUMBER: Final = re.compile(rb"(?:^|[\s:,\[])(?:-?[0-9][0-9.]{13,}|-?[0-9.]+[eE][-+]?[0-9]+)(?=[\s,\]}eE]|$)")


class UnparsableError(ValueError):
    """Text that is not JSON, or JSON that cannot be read without loss.

    Args:
        reason: The message for the user. It contains nothing of the text.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def is_exact(text: bytes, values: list[Any]) -> bool:
    """Check quickly that orjson has parsed JSON without loss.

    Args:
        text: The JSON of all values, one after the other.
        values: The values that orjson has parsed.

    Returns:
        True if nothing was lost; False if ``parse_json`` must parse the values.
    """
    try:
        written = orjson.dumps(values)
    except TypeError:  # nested more deeply than orjson writes
        return False
    return (
        # The quotes of a repeated key are missing in what is written.
        text.count(b'"') == written.count(b'"')
        and not _may_hold_long_number(text)
        # An exponent that orjson writes too is one that it has read exactly.
        and text.count(b"e") == written.count(b"e")
        and text.count(b"E") == written.count(b"E")
        and not any(suspicious in text for suspicious in _SUSPICIOUS)
    )


def parse_json(text: bytes) -> Any:  # noqa: ANN401 - JSON may be anything
    """Parse JSON. A number that a float would round becomes a ``Decimal``.

    Args:
        text: The JSON text, in UTF-8.

    Returns:
        Its value.

    Raises:
        UnparsableError: It is not JSON, repeats a key of an object, or contains an integer of more than 64
            bits.
    """
    reason: str | None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        reason = f"is not JSON ({error.msg}, column {error.colno})"
    else:
        if is_exact(text, [value]):
            return value
        value, reason = _parse_exactly(text)
        if reason is None:
            return value
    try:
        text.decode()
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 (byte {error.start + 1})"
    # Raised outside the except block: the exception of orjson contains the text and would be its context.
    raise UnparsableError(reason)


def _may_hold_long_number(text: bytes) -> bool:
    sample = text[::_STRIDE].translate(_AS_ZEROS)
    return _LONG_IN_STRIDES in sample and _LONG in text.translate(_AS_ZEROS)


def _parse_exactly(text: bytes) -> tuple[Any, str | None]:
    """Parse JSON that orjson can parse, with the standard library.

    Returns:
        The value and None, or None and the message for the user.
    """
    try:
        value = json.loads(text, object_pairs_hook=_without_repeated_keys, parse_float=parse_number)
        # Finds integers of more than 64 bits, and numbers too large for a float.
        problem = None if _NUMBER.search(text) is None else find_problem(value, "")
    except UnparsableError as error:
        return None, error.reason
    except RecursionError:  # json and find_problem allow less nesting than orjson
        return None, "is nested too deeply"
    return (
        (value, None) if problem is None else (None, f"{problem[0].removeprefix('.')} {problem[1]}".lstrip())
    )


def _without_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise UnparsableError(f"has {show_names([repeated])} twice in an object")
    return result


def parse_number(text: str) -> float | Decimal:
    """Parse a number as a float, or as a ``Decimal`` if a float would round it."""
    number = float(text)
    exact = Decimal(text)
    return number if Decimal(repr(number)) == exact else exact
