"""JSON text and its values, with no integer silently changed."""

import json
import re
from typing import Any, Final

import orjson

from gameball.events import find_problem

# orjson reads an integer of more than 64 bits as a float, which loses its last digits. Such an integer has 20
# digits, or 19 and a sign. Looking for these with a regular expression takes twice as long as parsing the
# lines; writing every digit as a zero and looking for zeros takes a tenth of that. Among every fourth byte,
# five zeros in a row are looked for first, which halves it once more.
_AS_ZEROS: Final = bytes(ord("0") if byte in b"-0123456789" else byte for byte in range(256))
_LONG: Final = b"0" * 20
_STRIDE: Final = 4
_LONG_IN_STRIDES: Final = b"0" * (len(_LONG) // _STRIDE)
# In a text such digits are nothing special, and most of those that are found are in one.
_LONG_INTEGER: Final = re.compile(rb"(?:^|[\s:,\[])-?[0-9]{19,}(?=[\s,\]}]|$)")


class UnparsableError(ValueError):
    """What is no JSON, or JSON that cannot be read faithfully.

    Args:
        reason: What to tell the user. It holds nothing of the text.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def may_hold_long_integer(data: bytes) -> bool:
    """Tell whether an integer of more than 64 bits may be somewhere in some bytes.

    Args:
        data: The bytes, of any length.

    Returns:
        False where there certainly is none.
    """
    sample = data[::_STRIDE].translate(_AS_ZEROS)
    return _LONG_IN_STRIDES in sample and _LONG in data.translate(_AS_ZEROS)


def parse_json(text: bytes) -> Any:  # noqa: ANN401 - JSON may be anything
    """Parse JSON.

    Args:
        text: The JSON text, in UTF-8.

    Returns:
        Its value. Of equal keys in an object the last one counts.

    Raises:
        UnparsableError: It is no JSON, or holds an integer of more than 64 bits.
    """
    reason: str | None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        reason = f"is not JSON ({error.msg}, column {error.colno})"
    else:
        reason = find_long_integer(text)
        if reason is None:
            return value
    try:
        text.decode()
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 (byte {error.start + 1})"
    # Raised here and not above: the exception of orjson holds the text, and would be the context of this one.
    raise UnparsableError(reason)


def find_long_integer(text: bytes) -> str | None:
    """Find an integer that orjson has changed.

    Args:
        text: JSON that orjson can parse.

    Returns:
        What to tell the user, or None where there is no such integer.
    """
    if not may_hold_long_integer(text) or _LONG_INTEGER.search(text) is None:
        return None
    try:
        problem = find_problem(json.loads(text), "")
    except RecursionError:  # both look less deeply than orjson
        return "is nested too deeply"
    if problem is None:
        return None
    place, reason = problem
    return f"{place.removeprefix('.')} {reason}".lstrip()
