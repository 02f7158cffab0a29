"""Connections of their own for the workers of a send.

A thread that waits for an answer cannot be told to give up; shutting its socket down is what ends the wait.
So each worker has a connection that carries nothing else, and that tells whether it began to send. A task
can be cancelled, but has one too: a pool looks through all of its connections several times per request.
"""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import httpx
from attrs import evolve

from gameball.errors import ConnectionFailedError
from gameball.transport.connection import AsyncConnection, ConnectionSettings, SyncConnection

#: The step of which httpcore tells its tracer right before a request's first byte.
_SENDING: Final = "http11.send_request_headers.started"


def _tells_nothing(settings: ConnectionSettings) -> bool:
    """Tell whether requests go through something that may not tell when it begins to send."""
    return settings.transport is not None


class _AbortedError(Exception):
    """Raised within the HTTP library, to keep it from sending what was given up on."""


class WorkerConnection(SyncConnection):
    """A connection that one thread at a time uses, and that another can break off."""

    def __init__(self, settings: ConnectionSettings) -> None:
        super().__init__(settings)
        self._lock = threading.Lock()
        self._stream: Any = None
        self._aborted = False
        #: Whether any of the latest request may have been sent.
        self.began_to_send = False

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401 - as httpx has it
        """Send a request as any connection does, unless it is aborted first.

        Raises:
            ConnectionFailedError: It was aborted before anything was sent.
            GameballError: Anything else that came of it.
        """
        # httpcore tells its tracer of each step, with the stream that a connection has opened.
        request.extensions = {**request.extensions, "trace": self._trace}
        self.began_to_send = _tells_nothing(self.settings)
        try:
            return super().send(request, **options)
        except _AbortedError:
            pass
        raise ConnectionFailedError("the send was given up before anything of this was sent")

    def _trace(self, step: str, details: Mapping[str, Any]) -> None:
        if step in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            with self._lock:
                self._stream = details["return_value"]
        elif step == _SENDING:
            with self._lock:
                if self._aborted:
                    raise _AbortedError
                self.began_to_send = True

    @property
    def is_aborted(self) -> bool:
        """Whether the connection was aborted."""
        return self._aborted

    def abort(self) -> None:
        """End whatever the connection is doing; it cannot be used after that."""
        with self._lock:
            self._aborted = True
            connection = None if self._stream is None else self._stream.get_extra_info("socket")
        if connection is not None:
            with suppress(OSError):
                # Past what TLS adds: its own shutdown would wait for the other end.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


class AsyncWorkerConnection(AsyncConnection):
    """A connection that one task at a time uses."""

    def __init__(self, settings: ConnectionSettings) -> None:
        super().__init__(settings)
        #: Whether any of the latest request may have been sent.
        self.began_to_send = False

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Send a request as any connection does.

        Raises:
            GameballError: Anything but a 2xx came of it.
        """
        request.extensions = {**request.extensions, "trace": self._trace}
        self.began_to_send = _tells_nothing(self.settings)
        return await super().send(request, **options)

    async def _trace(self, step: str, _: Mapping[str, Any]) -> None:
        if step == _SENDING:
            self.began_to_send = True


class _SharedTransport(httpx.BaseTransport):
    """A user's transport, as each connection has it: closed by the client and not by a connection."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)


class ConnectionPool:
    """The pool of a client, kept open from one send to the next.

    Args:
        settings: What each connection is made of.
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        transport = settings.transport
        shared = None if transport is None else _SharedTransport(transport)
        self._settings = evolve(settings, transport=shared)
        #: Where they lead.
        self.base_url = str(settings.base_url)
        #: Tells, for a salt, the account they lead to from others.
        self.account = settings.credentials.fingerprint
        self._lock = threading.Lock()
        self._free: list[WorkerConnection] = []
        self._closed = False

    def borrow(self) -> WorkerConnection:
        """Return a connection that nobody else uses."""
        with self._lock:
            if self._free:
                return self._free.pop()
        return WorkerConnection(self._settings)

    def give_back(self, connection: WorkerConnection) -> None:
        """Take back a connection that its user is done with."""
        with self._lock:
            if not (self._closed or connection.is_aborted):
                self._free.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close all pool: at once those that nobody uses, and the others when they are given back."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        for connection in free:
            connection.close()


class _SharedAsyncTransport(httpx.AsyncBaseTransport):
    """A user's transport, as each connection has it: closed by the client and not by a connection."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)


class AsyncConnectionPool:
    """The pool of an asynchronous client, kept open from one send to the next.

    Args:
        settings: What each connection is made of.
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        transport = settings.transport
        shared = None if transport is None else _SharedAsyncTransport(transport)
        self._settings = evolve(settings, transport=shared)
        #: Where they lead.
        self.base_url = str(settings.base_url)
        #: Tells, for a salt, the account they lead to from others.
        self.account = settings.credentials.fingerprint
        self._all: list[AsyncWorkerConnection] = []
        self._free: list[AsyncWorkerConnection] = []

    def borrow(self) -> AsyncWorkerConnection:
        """Return a connection that nobody else uses."""
        if self._free:
            return self._free.pop()
        connection = AsyncWorkerConnection(self._settings)
        self._all.append(connection)
        return connection

    def give_back(self, connection: AsyncWorkerConnection) -> None:
        """Take back a connection that its user is done with."""
        self._free.append(connection)

    async def close(self) -> None:
        """Close all pool, even those that were not given back because their user would not end."""
        for connection in self._all:
            await connection.aclose()
