"""The client that a command uses, made from its options."""

import re
from pathlib import Path
from typing import Final

from dotenv import load_dotenv

from gameball.client import Gameball
from gameball.rate_limit import DOCUMENTED_LIMITS, RateLimit

_LIMIT: Final = re.compile(r"([0-9]+)/([0-9]+(?:\.[0-9]+)?)")


def open_client(
    env_file: Path | None,
    *,
    timeout: float = 60.0,
    rate_limits: tuple[RateLimit, ...] | None = DOCUMENTED_LIMITS,
) -> Gameball:
    """Open a client with the keys from a file or the environment.

    Args:
        env_file: A file of ``NAME=value`` lines, which go before the environment; or None.
        timeout: How long each step of a request may take, in seconds.
        rate_limits: The account's limits; None for none.

    Raises:
        MissingCredentialsError: The keys are nowhere.
        ValueError: The file is not there, or a setting cannot be used.
    """
    if env_file is not None:
        if not env_file.is_file():
            raise ValueError(f"--env-file {env_file} is no file")
        # Into the environment, so that the keys are in no variable of this program.
        load_dotenv(env_file, override=True)
    return Gameball(timeout=timeout, rate_limits=rate_limits)


def parse_rate_limits(texts: tuple[str, ...]) -> tuple[RateLimit, ...] | None:
    """Read what ``--rate-limit`` says.

    Args:
        texts: ``REQUESTS/SECONDS``, several of them separated by commas; or ``none``.

    Returns:
        The limits; None for none; those that Gameball documents where nothing is said.

    Raises:
        ValueError: A text is none of these.
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
            raise ValueError(f"--rate-limit {word} is not REQUESTS/SECONDS, such as 30/1, and not none")
        limits.append(RateLimit(int(match[1]), float(match[2])))
    return tuple(limits)


def split_commas(texts: tuple[str, ...]) -> list[str]:
    """Return the words of options that may be repeated, and hold several words separated by commas."""
    return [word.strip() for text in texts for word in text.split(",") if word.strip()]


def parse_pairs(texts: tuple[str, ...], option: str) -> dict[str, str]:
    """Read what ``--map`` or ``--types`` says.

    Args:
        texts: ``NAME=VALUE``, several of them separated by commas.
        option: The option, for the error.

    Raises:
        ValueError: A text is no such pair, or a name is there twice.
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
