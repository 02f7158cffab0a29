"""Connections of their own for the workers of a send.

A thread that waits for an answer cannot be told to give up; shutting its socket down is what ends the wait.
So each worker has a connection that carries nothing else, and that tells whether it began to send. A task can
be cancelled, but has one too: a pool looks through all of its connections several times per request.
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
    """Raised within the HTTP library, to keep it from sending what was abandoned."""

    def __str__(self) -> str:
        return "the send was abandoned"


class WorkerConnection(SyncConnection):
    """A connection that one thread at a time uses, and that another can abort."""

    max_answer = MAX_SHORT_ANSWER

    def __init__(self, settings: ConnectionSettings) -> None:
        self._lock = threading.Lock()
        self._stream: Any = None
        self._aborted = False
        #: Whether any of the latest request may have been sent.
        self.began_to_send = False
        super().__init__(settings)

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401 - as httpx has it
        """Send a request as any connection does, unless it is aborted first.

        Raises:
            ConnectionFailedError: It was aborted before anything was sent.
            GameballError: Anything else that came of it.
        """
        # A transport of the user's own may not tell when it begins to send.
        self.began_to_send = self.settings.transport is not None
        return super().send(request, **options)

    def note_stream(self, stream: Any) -> None:  # noqa: ANN401 - httpcore's
        """Note a stream that was opened."""
        super().note_stream(stream)
        with self._lock:
            self._stream = stream

    def note_sending(self) -> None:
        """Note that a request is about to be sent, unless the connection was aborted."""
        with self._lock:
            if self._aborted:
                raise _AbortedError
            self.began_to_send = True

    def after_fork_in_child(self) -> None:
        """Let go of the parent's socket; see ``SyncConnection``."""
        self._lock = threading.Lock()
        self._stream = None
        super().after_fork_in_child()

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

    max_answer = MAX_SHORT_ANSWER

    def __init__(self, settings: ConnectionSettings) -> None:
        #: Whether any of the latest request may have been sent.
        self.began_to_send = False
        super().__init__(settings)

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Send a request as any connection does.

        Raises:
            GameballError: Anything but a 2xx came of it.
        """
        self.began_to_send = self.settings.transport is not None
        return await super().send(request, **options)

    def note_sending(self) -> None:
        """Note that a request is about to be sent."""
        self.began_to_send = True


class _SharedTransport(httpx.BaseTransport):
    """A user's transport, as each connection has it: closed by the client and not by a connection."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)


class ConnectionPool:
    """The connections of a client, kept open from one send to the next.

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
        self._closed = False
        self.after_fork_in_child()
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Begin with no connection."""
        self._lock = threading.Lock()
        self._free: list[WorkerConnection] = []

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
        """Close all connections: at once those that nobody uses, and the others when they are given back."""
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
    """The connections of an asynchronous client, kept open from one send to the next.

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
        self._of_parents: list[AsyncWorkerConnection] = []
        self._all: list[AsyncWorkerConnection] = []
        self._free: list[AsyncWorkerConnection] = []
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Begin with no connection. The parent's are kept, so that nothing closes them in its event loop."""
        self._of_parents += self._all
        self._all = []
        self._free = []

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
        """Close all connections, even those that were not given back because their user would not end."""
        for connection in self._all:
            await connection.aclose()
