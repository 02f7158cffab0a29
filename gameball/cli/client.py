"""The client that a command uses, made from its options."""

import os
from collections.abc import Callable
from pathlib import Path

from dotenv import load_dotenv

from gameball.client import Gameball
from gameball.credentials import look_up
from gameball.errors import MissingCredentialsError
from gameball.rate_limit import DOCUMENTED_LIMITS, RateLimit


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
