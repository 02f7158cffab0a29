"""The generated client over one of our connections."""

from typing import NoReturn

import httpx
from attrs import evolve
from gameball_api import AuthenticatedClient

from gameball.transport.connection import AsyncConnection, SyncConnection
from gameball.transport.settings import ConnectionSettings


class RawClient(AuthenticatedClient):
    """The generated client over one of our connections, for every operation the document has.

    Args:
        connection: What its calls travel over.
    """

    def __init__(self, connection: SyncConnection | AsyncConnection) -> None:
        # The keys travel in the connection's own headers; the generated client knows of one token only.
        super().__init__(base_url=str(connection.settings.base_url), token="")
        self._connection = connection

    def get_httpx_client(self) -> httpx.Client:
        """Return the connection of ``sync`` and ``sync_detailed``.

        Raises:
            TypeError: The client is an asynchronous one.
        """
        if isinstance(self._connection, SyncConnection):
            return self._connection
        raise TypeError("the raw client of AsyncGameball takes asyncio calls; for sync ones use Gameball")

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the connection of ``asyncio`` and ``asyncio_detailed``.

        Raises:
            TypeError: The client is a synchronous one.
        """
        if isinstance(self._connection, AsyncConnection):
            return self._connection
        raise TypeError("the raw client of Gameball takes sync calls; for asyncio ones use AsyncGameball")

    # The generated with_... change the shared connection, and return a client that sends no keys.
    def with_headers(self, headers: dict[str, str]) -> "RawClient":
        """Return another client that also sends these headers. Close it by itself."""
        settings = self._connection.settings
        return self._with(evolve(settings, headers={**settings.headers, **headers}))

    def with_cookies(self, cookies: dict[str, str]) -> "RawClient":
        """Return another client that also sends these cookies. Close it by itself."""
        settings = self._connection.settings
        return self._with(evolve(settings, cookies={**settings.cookies, **cookies}))

    def with_timeout(self, timeout: httpx.Timeout) -> "RawClient":
        """Return another client with this timeout. Close it by itself."""
        return self._with(evolve(self._connection.settings, timeout=timeout))

    def _with(self, settings: ConnectionSettings) -> "RawClient":
        return RawClient(type(self._connection)(settings))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client is not pickled: create one where it is used")

    def __repr__(self) -> str:
        return f"RawClient({self._base_url!r})"
