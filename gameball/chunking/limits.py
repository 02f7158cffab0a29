"""The limits of a request."""

from typing import Final

from gameball.argument_checks import check_whole

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
