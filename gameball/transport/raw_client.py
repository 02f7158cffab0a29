"""The generated client, sending its requests over one of this package's connections."""

from typing import NoReturn, Self

import httpx
from attrs import evolve
from gameball_api import AuthenticatedClient

from gameball.errors import ClientClosedError
from gameball.transport.connection import AsyncConnection, SyncConnection
from gameball.transport.settings import ConnectionSettings


class RawClient(AuthenticatedClient):
    """The generated client for every operation of the API, with this package's credentials and errors.

    Args:
        connection: The connection that sends its requests.
    """

    def __init__(self, connection: SyncConnection | AsyncConnection) -> None:
        # The connection sends the keys as headers; the generated client supports only a single token.
        super().__init__(base_url=str(connection.settings.base_url), token="")
        self._connection = connection

    def get_httpx_client(self) -> httpx.Client:
        """Return the connection for ``sync`` and ``sync_detailed``.

        Raises:
            TypeError: The client is asynchronous.
        """
        if isinstance(self._connection, SyncConnection):
            return self._connection
        raise TypeError(
            "the raw client of AsyncGameball supports only asyncio calls; use Gameball for sync calls"
        )

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the connection for ``asyncio`` and ``asyncio_detailed``.

        Raises:
            TypeError: The client is synchronous.
        """
        if isinstance(self._connection, AsyncConnection):
            return self._connection
        raise TypeError(
            "the raw client of Gameball supports only sync calls; use AsyncGameball for asyncio calls"
        )

    def __enter__(self) -> Self:
        """Use it in a ``with`` statement, which closes its connection.

        Raises:
            ClientClosedError: It is closed.
        """
        self._refuse_if_closed()
        return super().__enter__()

    async def __aenter__(self) -> Self:
        """Use it in an ``async with`` statement, which closes its connection.

        Raises:
            ClientClosedError: It is closed.
        """
        self._refuse_if_closed()
        return await super().__aenter__()

    def _refuse_if_closed(self) -> None:
        if self._connection.is_closed:
            raise ClientClosedError

    # The generated with_... methods change the shared connection and return a client that sends no keys.
    def with_headers(self, headers: dict[str, str]) -> "RawClient":
        """Return a new client that also sends these headers. It must be closed separately."""
        settings = self._connection.settings
        return self._with(evolve(settings, headers={**settings.headers, **headers}))

    def with_cookies(self, cookies: dict[str, str]) -> "RawClient":
        """Return a new client that also sends these cookies. It must be closed separately."""
        settings = self._connection.settings
        return self._with(evolve(settings, cookies={**settings.cookies, **cookies}))

    def with_timeout(self, timeout: httpx.Timeout) -> "RawClient":
        """Return a new client with this timeout. It must be closed separately."""
        return self._with(evolve(self._connection.settings, timeout=timeout))

    def _with(self, settings: ConnectionSettings) -> "RawClient":
        return RawClient(type(self._connection)(settings))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client cannot be pickled; create one in the process that uses it")

    def __repr__(self) -> str:
        return f"RawClient({self._base_url!r})"
