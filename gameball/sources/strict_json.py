"""JSON whose numbers keep all their digits, and whose objects have no key twice."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal, DecimalException
from typing import Any, Final

import orjson

from gameball.json_values import find_problem
from gameball.sources.shown_names import show_names

# orjson is fast, but reads long numbers as the nearest float and drops all but the last value of a repeated
# key. Text in which neither can have happened is left to orjson; other text is parsed by Python's json.
#
# A float keeps 15 significant digits, and an integer of 16 characters has at most 64 bits. Numbers with an
# exponent may be too small for a float. Both are found by replacing all characters of numbers by zeros,
# because a regular expression alone takes twice as long as parsing.
_AS_ZEROS: Final = bytes.maketrans(b"123456789.-+E", b"000000000000e")
_LONG: Final = b"0" * 17
# A digit or sign follows. Searching for all three characters takes a quarter less time than for two.
_EXPONENT: Final = b"0e0"
# Such characters are harmless inside a string, which is where most of them are found.
_RISKY_NUMBER: Final = re.compile(rb"(?:^|[\s:,\[])-?(?:[0-9.+\-eE]{16,}|[0-9.]+[eE])")
# More than 64 bits, and short enough for int().
_MAX_DIGITS: Final = 30


class UnparsableError(ValueError):
    """Text that is not JSON, or JSON that cannot be read without loss.

    Args:
        reason: The message for the user. It contains nothing of the text but the names of keys.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _RepeatedKeyError(Exception):
    """An object has a key twice."""


def parse_json(text: bytes) -> Any:  # noqa: ANN401 - JSON may be anything
    """Parse JSON.

    Args:
        text: The JSON text, in UTF-8.

    Returns:
        Its value. A number is a ``Decimal`` if a float would be sent with other digits.

    Raises:
        UnparsableError: It is not JSON, repeats a key of an object, or has an integer of more than 64 bits or
            a number that is too large for a float.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        reason = f"is not JSON ({error.msg}, column {error.colno})"
    else:
        return check_parsed(text, value)
    try:
        text.decode()
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 (byte {error.start + 1})"
    # Raised outside the except block: the exception of orjson contains the text and would be its context.
    raise UnparsableError(reason)


def check_parsed(text: bytes, value: Any) -> Any:  # noqa: ANN401 - JSON may be anything
    """Return the exact value of text that orjson has parsed.

    Args:
        text: The JSON text, in UTF-8.
        value: What orjson returned for it.

    Returns:
        The same value, or another one with the digits that orjson dropped.

    Raises:
        UnparsableError: It repeats a key of an object, or has an integer of more than 64 bits.
    """
    keys = _most_keys(text)
    if keys is not None and keys == _count_keys(value) and not _may_lose_digits(text):
        return value
    return _parse_exactly(text)


def are_exact(lines: Sequence[bytes], metadata: Sequence[object], keys: int) -> bool:
    """Check quickly whether orjson has parsed lines exactly.

    Args:
        lines: Lines that orjson has parsed as objects.
        metadata: The only value in each of them that may be an object.
        keys: The number of keys of each line, those of its metadata not counted.

    Returns:
        True if it certainly has; False if ``check_parsed`` must check each line.
    """
    text = b"\n".join(lines)
    # Without other braces there are no other objects, so that all keys are counted.
    if set(map(type, metadata)) != {dict} or text.count(b"{") != 2 * len(lines):
        return False
    counted = keys * len(lines) + sum(map(len, metadata))  # type: ignore[arg-type]
    # There are at least as many colons as keys. Counting them is quick, and enough if no text has a colon.
    has_all_keys = counted == text.count(b":") or counted == _most_keys(text)
    return has_all_keys and not _may_lose_digits(text)


def shortest_number(exact: Decimal) -> float | Decimal:
    """Return the float that is sent as a number with the same value, or the number itself.

    Args:
        exact: A finite number.
    """
    nearest = float(exact)
    return nearest if Decimal(repr(nearest)) == exact else exact


def _most_keys(text: bytes) -> int | None:
    """Return a number that equals the keys in some JSON or exceeds it, or None if there is no such number."""
    # A key may be separated from its colon. Without that, each key is followed by these two characters.
    if b" :" in text or b"\t:" in text or b"\r:" in text or b"\n:" in text:
        return None
    return text.count(b'":')


def _count_keys(value: object) -> int:
    """Return the number of keys at all depths."""
    total = 0
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if type(part) is dict:
            total += len(part)
            waiting.extend(part.values())
        elif type(part) is list:
            waiting.extend(part)
    return total


def _may_lose_digits(text: bytes) -> bool:
    zeros = text.translate(_AS_ZEROS)
    if _LONG not in zeros and _EXPONENT not in zeros:
        return False
    return _RISKY_NUMBER.search(text) is not None


def _parse_exactly(text: bytes) -> Any:  # noqa: ANN401 - JSON may be anything
    reason = None
    try:
        value = json.loads(
            text, parse_float=_parse_float, parse_int=_parse_int, object_pairs_hook=_without_repetition
        )
        # Without renaming, the place of the number in the message is its place in the line.
        if (problem := find_problem(value, "")) is None:
            return value
        place, why = problem
        reason = f"{place.removeprefix('.')} {why}".lstrip()
    except _RepeatedKeyError as error:
        reason = f"has the key {show_names([str(error)])} more than once in an object"
    except DecimalException:
        reason = "has a number whose exponent is too large"
    except RecursionError:  # json and find_problem allow less nesting than orjson
        reason = "is nested too deeply"
    raise UnparsableError(reason)


def _parse_float(digits: str) -> float | Decimal:
    return shortest_number(Decimal(digits))


def _parse_int(digits: str) -> int:
    # The rest of the digits does not matter: such an integer is refused. int() refuses 4,300 digits.
    return int(digits[:_MAX_DIGITS])


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise _RepeatedKeyError(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return value
