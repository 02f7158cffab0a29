"""The connections of a client's workers, kept open from one send to the next."""

import threading

import httpx
from attrs import evolve

from gameball.fork_safety import renew_after_fork
from gameball.transport.settings import ConnectionSettings
from gameball.transport.worker_connection import AsyncWorkerConnection, WorkerConnection


class _SharedTransport(httpx.BaseTransport):
    """Wraps a user's transport so that closing a connection does not close the transport."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)


class ConnectionPool:
    """The connections of a client, which stay open between sends.

    Args:
        settings: The settings of each connection.
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        transport = settings.transport
        shared = None if transport is None else _SharedTransport(transport)
        self._settings = evolve(settings, transport=shared)
        #: The URL of the API.
        self.base_url = str(settings.base_url)
        #: Returns a hash that identifies the account, given a salt.
        self.account = settings.credentials.fingerprint
        self._closed = False
        self.after_fork_in_child()
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Start with no connection."""
        # Reentrant: a signal handler may track its first event while this thread holds it.
        self._lock = threading.RLock()
        self._free: list[WorkerConnection] = []

    def borrow(self) -> WorkerConnection:
        """Return a connection for the sole use of the caller."""
        with self._lock:
            if self._free:
                return self._free.pop()
        return WorkerConnection(self._settings)

    def give_back(self, connection: WorkerConnection) -> None:
        """Return a borrowed connection to the pool."""
        with self._lock:
            if not (self._closed or connection.is_aborted):
                self._free.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close the idle connections now, and the borrowed ones when they are given back."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        for connection in free:
            connection.close()


class _SharedAsyncTransport(httpx.AsyncBaseTransport):
    """Wraps a user's transport so that closing a connection does not close the transport."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)


class AsyncConnectionPool:
    """The connections of an asynchronous client, which stay open between sends.

    Args:
        settings: The settings of each connection.
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        transport = settings.transport
        shared = None if transport is None else _SharedAsyncTransport(transport)
        self._settings = evolve(settings, transport=shared)
        #: The URL of the API.
        self.base_url = str(settings.base_url)
        #: Returns a hash that identifies the account, given a salt.
        self.account = settings.credentials.fingerprint
        self._has_transport = transport is not None
        self._of_parents: list[AsyncWorkerConnection] = []
        self._all: list[AsyncWorkerConnection] = []
        self._free: list[AsyncWorkerConnection] = []
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Start with no connection. The parent's are kept referenced, so that nothing closes them."""
        self._of_parents += self._all
        self._all = []
        self._free = []

    def for_threads(self) -> ConnectionPool:
        """Return a new pool for threads, with the same settings.

        Raises:
            ValueError: The client was created with a ``transport``, which threads cannot use.
        """
        if self._has_transport:
            raise ValueError("threads cannot use the transport of an asynchronous client")
        return ConnectionPool(self._settings)

    def borrow(self) -> AsyncWorkerConnection:
        """Return a connection for the sole use of the caller."""
        if self._free:
            return self._free.pop()
        connection = AsyncWorkerConnection(self._settings)
        self._all.append(connection)
        return connection

    def give_back(self, connection: AsyncWorkerConnection) -> None:
        """Return a borrowed connection to the pool."""
        self._free.append(connection)

    async def close(self) -> None:
        """Close all connections, even those that were not given back because their worker did not end."""
        for connection in self._all:
            await connection.aclose()
