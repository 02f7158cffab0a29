"""The values of options that are written as text: pairs, durations and rate limits."""

import re
from typing import Final

from gameball.rate_limit import DOCUMENTED_LIMITS, RateLimit

_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smh]?)")
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_LIMIT: Final = re.compile(r"([0-9]+)/([0-9]+(?:\.[0-9]+)?)")


def parse_rate_limits(texts: tuple[str, ...]) -> tuple[RateLimit, ...] | None:
    """Parse the values of ``--rate-limit``.

    Args:
        texts: ``REQUESTS/SECONDS``, several separated by commas; or ``none``.

    Returns:
        The limits; None for no limits; the documented limits if no value is given.

    Raises:
        ValueError: A value has another form.
    """
    words = split_commas(texts)
    if not words:
        return DOCUMENTED_LIMITS
    if words == ["none"]:
        return None
    limits = []
    for word in words:
        match = _LIMIT.fullmatch(word)
        if match is None or int(match[1]) == 0 or float(match[2]) == 0:
            raise ValueError(f"--rate-limit {word} is neither REQUESTS/SECONDS, such as 30/1, nor none")
        limits.append(RateLimit(int(match[1]), float(match[2])))
    return tuple(limits)


def parse_duration(text: str, option: str) -> float:
    """Parse a duration such as ``90``, ``90s``, ``10m`` or ``2h``, and return it in seconds.

    Args:
        text: The duration.
        option: The option, for the error message.

    Raises:
        ValueError: It has another form.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{option} {text} is not a duration such as 30s, 10m or 2h")
    return float(match[1]) * _UNITS[match[2] or "s"]


def split_commas(texts: tuple[str, ...]) -> list[str]:
    """Return the values of an option that may be repeated, each with values separated by commas."""
    return [word.strip() for text in texts for word in text.split(",") if word.strip()]


def parse_pairs(texts: tuple[str, ...], option: str) -> dict[str, str]:
    """Parse the values of ``--map`` or ``--types``.

    Args:
        texts: ``NAME=VALUE``, several separated by commas.
        option: The option, for the error message.

    Raises:
        ValueError: A value is not such a pair, or a name is given twice.
    """
    pairs: dict[str, str] = {}
    for word in split_commas(texts):
        name, equals, value = (part.strip() for part in word.partition("="))
        if not (name and equals and value):
            raise ValueError(f"{option} {word} is not a pair such as customer_id=user_id")
        if name in pairs:
            raise ValueError(f"{option} names {name} twice")
        pairs[name] = value
    return pairs
