"""The two keys: where they are read from, how they are sent, and how they are hidden."""

import os
from collections.abc import Generator, Mapping
from hashlib import blake2b
from typing import Final, NoReturn

import httpx
from attrs import field, frozen

from gameball.errors import MissingCredentialsError

_REDACTED: Final = "[redacted]"
_SHORTEST_REAL_KEY: Final = 8


def _show_nothing(_: str) -> str:
    return _REDACTED


@frozen
class Credentials:
    """An account's API key and secret key.

    ``repr`` and ``str`` do not show the keys, and credentials cannot be pickled or copied. Gameball requires
    both keys for batch operations, and for all operations in its High Security Mode.

    Args:
        api_key: The API key. It determines the account, and whether that is a test or a live one.
        secret_key: The secret key.
    """

    api_key: str = field(repr=_show_nothing)
    secret_key: str = field(repr=_show_nothing)

    @classmethod
    def find(
        cls,
        api_key: str | None = None,
        secret_key: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> "Credentials":
        """Read each key from its argument, or else from the environment.

        Args:
            api_key: The API key, or None to read ``GAMEBALL_API_KEY``.
            secret_key: The secret key, or None to read ``GAMEBALL_SECRET_KEY``.
            environment: A mapping to read instead of the environment variables of the process.

        Returns:
            The credentials. White space around the keys is removed.

        Raises:
            MissingCredentialsError: A key is missing or blank, or contains characters that are not allowed
                in an HTTP header.
        """
        found = look_up(api_key, secret_key, os.environ if environment is None else environment)
        # A traceback may be shown with the locals of its frames, which must not include the keys.
        del api_key, secret_key, environment
        if isinstance(found, MissingCredentialsError):
            raise found
        return found

    def redact(self, text: str) -> str:
        """Return a text without the keys, in case a server has repeated them in it."""
        for key in sorted((self.api_key, self.secret_key), key=len, reverse=True):
            # Shorter keys are not real and may be common words, such as the sandbox's "key" and "secret".
            if len(key) >= _SHORTEST_REAL_KEY:
                text = text.replace(key, _REDACTED)
        return text

    def fingerprint(self, salt: str) -> str:
        """Return a salted hash that identifies the account without revealing its key.

        Args:
            salt: A random string. Only fingerprints with the same salt can be compared.
        """
        return blake2b(self.api_key.encode(), key=salt.encode(), digest_size=8).hexdigest()

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials cannot be pickled; create a client in the process that uses it")


def look_up(
    api_key: str | None, secret_key: str | None, environment: Mapping[str, str]
) -> Credentials | MissingCredentialsError:
    """Return the credentials, or the error if a key is missing or invalid.

    The error is returned and not raised so that callers can delete their local variables with keys first.
    """
    keys = []
    for given, argument, variable in (
        (api_key, "api_key", "GAMEBALL_API_KEY"),
        (secret_key, "secret_key", "GAMEBALL_SECRET_KEY"),
    ):
        key = environment.get(variable, "") if given is None else given
        if not isinstance(key, str):
            cure = "decode it first: key.decode()" if isinstance(key, bytes) else "pass the key as text"
            return MissingCredentialsError(f"{argument} must be a str, got {type(key).__name__}; {cure}")
        key = key.strip()
        if not key:
            return MissingCredentialsError(
                f"no {argument.replace('_', ' ')}: pass {argument}=... or set {variable}"
            )
        if not (key.isascii() and key.isprintable()) or " " in key:
            return MissingCredentialsError(
                f"the {argument.replace('_', ' ')} contains a space or a character that is not allowed in an "
                "HTTP header"
            )
        keys.append(key)
    return Credentials(*keys)


class KeyHeaders(httpx.Auth):
    """Sends both keys with every request, as Gameball's headers ``apikey`` and ``secretkey``.

    Args:
        credentials: The keys.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the headers. httpx calls this for synchronous and asynchronous clients."""
        request.headers["apikey"] = self._credentials.api_key
        request.headers["secretkey"] = self._credentials.secret_key
        yield request
