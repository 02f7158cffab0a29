"""Checks of arguments that several classes take: whole numbers, and seconds."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from attrs import Attribute

# Python's locks and timers fail with far longer times.
_LONGEST: Final = 1_000_000_000


def check_whole(name: str, value: object, *, most: int | None = None) -> None:
    """Check that an argument is an integer of at least 1.

    Args:
        name: The name of the argument.
        value: Its value.
        most: Its maximum, or None for no maximum.

    Raises:
        ValueError: The value is not an integer, or out of range.
    """
    limit = "of at least 1" if most is None else f"from 1 to {most:,}"
    # A count may never equal a float exactly, so a float could be no limit at all.
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= (most or value):
        raise ValueError(f"{name} must be an integer {limit}, got {value!r}")


def check_seconds(name: str, seconds: object) -> None:
    """Check a number of seconds to wait.

    Args:
        name: The name of the argument.
        seconds: Its value.

    Raises:
        ValueError: It is not a number, or it is negative or too large.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _LONGEST:
        raise ValueError(f"{name} is {seconds!r} but must be a number of seconds from 0 to {_LONGEST:,}")


def validate_seconds(_: object, attribute: "Attribute[float]", value: object) -> None:
    """Check a number of seconds, as an attrs validator; see ``check_seconds``."""
    check_seconds(attribute.name, value)
