"""The limits of a request, and the checks of arguments that set them."""

from typing import Final

#: Gameball documents at most 1,000 objects per request.
MAX_OBJECTS: Final = 1_000
#: Gameball documents no limit in bytes. This is far below the 30 MB limit of the server it seems to use.
DEFAULT_MAX_BYTES: Final = 2_000_000


def check_chunk_limits(max_objects: object, max_bytes: object) -> None:
    """Check the limits of a chunk.

    Raises:
        ValueError: ``max_objects`` is not from 1 to 1,000, or ``max_bytes`` is less than 1.
    """
    check_whole("max_objects", max_objects, most=MAX_OBJECTS)
    check_whole("max_bytes", max_bytes)


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
