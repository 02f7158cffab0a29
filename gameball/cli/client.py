"""The client that a command uses, made from its options."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dotenv import load_dotenv

from gameball.client import Gameball
from gameball.credentials import look_up
from gameball.errors import MissingCredentialsError
from gameball.rate_limit import DOCUMENTED_LIMITS, RateLimit

_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smh]?)")
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_LIMIT: Final = re.compile(r"([0-9]+)/([0-9]+(?:\.[0-9]+)?)")


def open_client(
    env_file: Path | None,
    *,
    timeout: float = 60.0,
    retry_for: float = 0.0,
    rate_limits: tuple[RateLimit, ...] | None = DOCUMENTED_LIMITS,
) -> Gameball:
    """Open a client with the keys from a file or the environment.

    Args:
        env_file: A file of ``NAME=value`` lines, which override the environment; or None.
        timeout: The timeout for each step of a request, in seconds.
        retry_for: How long a request that certainly failed is retried, in seconds.
        rate_limits: The rate limits of the account; None for no limits.

    Raises:
        MissingCredentialsError: The keys are neither in the file nor in the environment.
        ValueError: The file does not exist, or a setting is not valid.
    """
    load_env_file(env_file)
    return Gameball(timeout=timeout, retry_for=retry_for, rate_limits=rate_limits)


def account_fingerprint(env_file: Path | None) -> Callable[[str], str]:
    """Return the function that identifies the account by its API key, given a salt.

    Args:
        env_file: A file of ``NAME=value`` lines, which override the environment; or None.

    Raises:
        MissingCredentialsError: The keys are neither in the file nor in the environment.
        ValueError: The file does not exist.
    """
    load_env_file(env_file)
    found = look_up(None, None, os.environ)
    if isinstance(found, MissingCredentialsError):
        raise found
    return found.fingerprint


def load_env_file(env_file: Path | None) -> None:
    """Load a file of ``NAME=value`` lines into the environment, unless it is None.

    Raises:
        ValueError: The file does not exist.
    """
    if env_file is not None:
        if not env_file.is_file():
            raise ValueError(f"--env-file {env_file} is not a file")
        # Loaded into the environment, so that no variable of this program holds the keys.
        load_dotenv(env_file, override=True)


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
