"""Names from a source, formatted for messages."""

from collections.abc import Iterable
from typing import Final

_MAX_NAMES: Final = 5
_MAX_NAME_LENGTH: Final = 60


def show_names(names: Iterable[str]) -> str:
    """Format names from a source for a message.

    Args:
        names: The names.

    Returns:
        The first few names, shortened, without control characters and separated by commas.
    """
    listed = list(names)
    shown = [
        "".join(sign if sign.isprintable() else "?" for sign in name[:_MAX_NAME_LENGTH])
        + ("…" if len(name) > _MAX_NAME_LENGTH else "")
        for name in listed[:_MAX_NAMES]
    ]
    more = len(listed) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
