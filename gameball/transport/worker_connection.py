"""The connection of one worker of a send, which can be aborted.

A thread that waits for a response cannot be cancelled; only shutting its socket down ends the wait. So each
worker has its own connection, which also records whether it began to send. A task can be cancelled, but has
its own connection too, because httpcore's pool searches all its connections several times per request.
"""

import socket
import threading
from contextlib import suppress
from typing import Any

from gameball.transport.connection import AsyncConnection, SyncConnection
from gameball.transport.response_content import MAX_SHORT_RESPONSE
from gameball.transport.settings import ConnectionSettings


class _AbortedError(Exception):
    """Raised within the HTTP library to prevent it from sending an abandoned request."""

    def __str__(self) -> str:
        return "the send was abandoned"


class WorkerConnection(SyncConnection):
    """A connection that only one thread uses at a time, and that another thread can abort."""

    max_response = MAX_SHORT_RESPONSE

    def __init__(self, settings: ConnectionSettings) -> None:
        self._lock = threading.Lock()
        self._stream: Any = None
        self._aborted = False
        #: Whether any part of the latest request may have been sent.
        self.began_to_send = False
        super().__init__(settings)

    def note_request(self) -> None:
        """Record that nothing of the request was sent yet."""
        # A user's transport may emit no trace events when it starts to send.
        self.began_to_send = self.settings.transport is not None

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
        """Close the copy of the parent's socket; see ``SyncConnection``. The connection cannot be used again.

        Only a greenlet of gevent that goes on in the child could use it, to send what the parent sends.
        """
        self._lock = threading.Lock()
        self._stream = None
        self._aborted = True
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

    max_response = MAX_SHORT_RESPONSE

    def __init__(self, settings: ConnectionSettings) -> None:
        #: Whether any part of the latest request may have been sent.
        self.began_to_send = False
        self._is_parents = False
        super().__init__(settings)

    def note_request(self) -> None:
        """Record that nothing of the request was sent yet."""
        self.began_to_send = self.settings.transport is not None

    def note_sending(self) -> None:
        """Record that a request is about to be sent, or raise an error in a forked child."""
        if self._is_parents:
            raise _AbortedError
        self.began_to_send = True

    def after_fork_in_child(self) -> None:
        """Send nothing more. Only a task that goes on in the child could, and the parent sends its chunk."""
        self._is_parents = True
        super().after_fork_in_child()
