"""The limits of a request, and the check of those that a user asks for."""

from typing import Final

#: Gameball documents at most 1,000 objects per request.
MAX_OBJECTS: Final = 1_000
#: Gameball documents no limit in bytes. This is far below the 30 MB of the server software it seems to use.
DEFAULT_MAX_BYTES: Final = 2_000_000


def check_chunk_limits(max_objects: object, max_bytes: object) -> None:
    """Check the limits of a chunk.

    Raises:
        ValueError: ``max_objects`` is not 1 to 1,000, or ``max_bytes`` not at least 1.
    """
    check_whole("max_objects", max_objects, most=MAX_OBJECTS)
    check_whole("max_bytes", max_bytes)


def check_whole(name: str, value: object, *, most: int | None = None) -> None:
    """Check that an argument is a whole number, at least 1.

    Args:
        name: The argument.
        value: Its value.
        most: The most it may be, if there is such a limit.

    Raises:
        ValueError: It is not.
    """
    limit = "at least 1" if most is None else f"1 to {most:,}"
    # A float would be compared, and never met exactly: no limit at all.
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= (most or value):
        raise ValueError(f"{name} is {value!r}, and must be a whole number, {limit}")
