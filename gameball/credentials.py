"""The two keys: where they come from, how they travel, and how they stay unseen."""

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

    They are never shown: not by ``repr`` or ``str``, and they refuse to be pickled or copied elsewhere.
    Gameball asks for both keys on batch operations, and on all of them in its High Security Mode.

    Args:
        api_key: The API key; test and live accounts differ only in it.
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
        """Take each key from its argument or else from the environment.

        Args:
            api_key: The API key, or None to read ``GAMEBALL_API_KEY``.
            secret_key: The secret key, or None to read ``GAMEBALL_SECRET_KEY``.
            environment: What to read instead of the process's environment.

        Returns:
            The credentials, without the white space around the keys.

        Raises:
            MissingCredentialsError: A key is missing or blank, or has characters no HTTP header can carry.
        """
        found = look_up(api_key, secret_key, os.environ if environment is None else environment)
        # A traceback may be shown with the locals of its frames, and this frame's would be the keys.
        del api_key, secret_key, environment
        if isinstance(found, MissingCredentialsError):
            raise found
        return found

    def redact(self, text: str) -> str:
        """Return a text without the keys, should a server have repeated them in it."""
        for key in sorted((self.api_key, self.secret_key), key=len, reverse=True):
            # What is shorter is no real key, and may well be a word: the sandbox's are "key" and "secret".
            if len(key) >= _SHORTEST_REAL_KEY:
                text = text.replace(key, _REDACTED)
        return text

    def fingerprint(self, salt: str) -> str:
        """Return what tells this account from others, and nothing of its key.

        Args:
            salt: A random text. Fingerprints of different salts cannot be compared.
        """
        return blake2b(self.api_key.encode(), key=salt.encode(), digest_size=8).hexdigest()

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are not pickled: create a client where it is used")


def look_up(
    api_key: str | None, secret_key: str | None, environment: Mapping[str, str]
) -> Credentials | MissingCredentialsError:
    """Return the credentials, or the error that there are none.

    It raises nothing, so that its callers can first forget the keys that are among their own locals.
    """
    keys = []
    for given, argument, variable in (
        (api_key, "api_key", "GAMEBALL_API_KEY"),
        (secret_key, "secret_key", "GAMEBALL_SECRET_KEY"),
    ):
        key = (environment.get(variable, "") if given is None else given).strip()
        if not key:
            return MissingCredentialsError(
                f"no {argument.replace('_', ' ')}: pass {argument}=... or set {variable}"
            )
        if not (key.isascii() and key.isprintable()) or " " in key:
            return MissingCredentialsError(
                f"the {argument.replace('_', ' ')} holds a blank or a character no HTTP header can carry"
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
        """Add the headers; httpx calls this for sync and async alike."""
        request.headers["apikey"] = self._credentials.api_key
        request.headers["secretkey"] = self._credentials.secret_key
        yield request
