"""The connections of a send's workers, one for each worker.

A thread that waits for a response cannot be cancelled; only shutting its socket down ends the wait. So each
worker has its own connection, which also records whether it began to send. A task can be cancelled, but has
its own connection too, because httpcore's pool searches all its connections several times per request.
"""

import socket
import threading
from contextlib import suppress
from typing import Any

import httpx
from attrs import evolve

from gameball.fork_safety import renew_after_fork
from gameball.transport.connection import MAX_SHORT_ANSWER, AsyncConnection, SyncConnection
from gameball.transport.settings import ConnectionSettings


class _AbortedError(Exception):
    """Raised within the HTTP library to prevent it from sending an abandoned request."""

    def __str__(self) -> str:
        return "the send was abandoned"


class WorkerConnection(SyncConnection):
    """A connection that only one thread uses at a time, and that another thread can abort."""

    max_answer = MAX_SHORT_ANSWER

    def __init__(self, settings: ConnectionSettings) -> None:
        self._lock = threading.Lock()
        self._stream: Any = None
        self._aborted = False
        #: Whether any part of the latest request may have been sent.
        self.began_to_send = False
        super().__init__(settings)

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401 - as httpx has it
        """Send a request and return its 2xx response, unless the connection is aborted first.

        Raises:
            ConnectionFailedError: The connection was aborted before anything was sent.
            GameballError: There was no 2xx response.
        """
        # A user's transport may emit no trace events when it starts to send.
        self.began_to_send = self.settings.transport is not None
        return super().send(request, **options)

    def note_stream(self, stream: Any) -> None:  # noqa: ANN401 - httpcore's
        """Remember a stream that was opened."""
        super().note_stream(stream)
        with self._lock:
            self._stream = stream

    def note_sending(self) -> None:
        """Record that a request is about to be sent, or raise an error if the connection was aborted."""
        with self._lock:
            if self._aborted:
                raise _AbortedError
            self.began_to_send = True

    def after_fork_in_child(self) -> None:
        """Close the copy of the parent's socket; see ``SyncConnection``."""
        self._lock = threading.Lock()
        self._stream = None
        super().after_fork_in_child()

    @property
    def is_aborted(self) -> bool:
        """Whether the connection was aborted."""
        return self._aborted

    def abort(self) -> None:
        """Shut the connection down, from any thread. It cannot be used again."""
        with self._lock:
            self._aborted = True
            connection = None if self._stream is None else self._stream.get_extra_info("socket")
        if connection is not None:
            with suppress(OSError):
                # Bypasses the TLS layer, whose shutdown would wait for the server.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


class AsyncWorkerConnection(AsyncConnection):
    """A connection that only one task uses at a time."""

    max_answer = MAX_SHORT_ANSWER

    def __init__(self, settings: ConnectionSettings) -> None:
        #: Whether any part of the latest request may have been sent.
        self.began_to_send = False
        super().__init__(settings)

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Send a request and return its 2xx response.

        Raises:
            GameballError: There was no 2xx response.
        """
        self.began_to_send = self.settings.transport is not None
        return await super().send(request, **options)

    def note_sending(self) -> None:
        """Record that a request is about to be sent."""
        self.began_to_send = True


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
        #: Returns a hash that identifies the account, for a salt.
        self.account = settings.credentials.fingerprint
        self._closed = False
        self.after_fork_in_child()
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Start with no connection."""
        self._lock = threading.Lock()
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
        #: Returns a hash that identifies the account, for a salt.
        self.account = settings.credentials.fingerprint
        self._of_parents: list[AsyncWorkerConnection] = []
        self._all: list[AsyncWorkerConnection] = []
        self._free: list[AsyncWorkerConnection] = []
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Start with no connection. The parent's are kept referenced, so that nothing closes them."""
        self._of_parents += self._all
        self._all = []
        self._free = []

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
