"""What httpcore reports about one request: whether it was sent, and whether the server has responded."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import httpcore
import httpx

from gameball.errors import ConnectionFailedError
from gameball.rate_limit import RequestEnd
from gameball.transport.unread_bytes import has_unread_bytes

if TYPE_CHECKING:
    from gameball.transport.connection import AsyncConnection, SyncConnection

#: The httpcore trace event right before the first byte of a request is sent.
_SENDING: Final = "http11.send_request_headers.started"
#: The event after the head of the response was received.
_RESPONDED: Final = "http11.receive_response_headers.complete"
#: Where a request has its trace, among its extensions.
_TRACE: Final = "gameball_trace"
#: The event after a TLS handshake failed or was cancelled.
_HANDSHAKE_FAILED: Final = "connection.start_tls.failed"
_CONNECTED: Final = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class RequestTrace:
    """Receives the httpcore trace events of one request.

    Args:
        connection: The connection that sends the request.

    Attributes:
        may_have_sent: Whether any byte of the request may have been sent.
        has_responded: Whether the server has begun to respond.
    """

    def __init__(self, connection: "SyncConnection | AsyncConnection") -> None:
        self._connection = connection
        # A user's transport may emit no trace events when it starts to send.
        self.may_have_sent = connection.settings.transport is not None
        self.has_responded = False
        self._connected = False
        self._stream: Any = None

    def attach(self, request: httpx.Request) -> None:
        """Receive the trace events of a request."""
        request.extensions = {**request.extensions, "trace": self._receiver, _TRACE: self}

    @property
    def _receiver(self) -> Callable[[str, Mapping[str, Any]], Any]:
        """What httpcore calls. ``has_unread_bytes`` finds the connection of this request by it."""
        return self.note if isinstance(self._connection, httpx.Client) else self.note_async

    def is_given_up(self, error: Exception) -> bool:
        """Return whether the request failed because the client stopped waiting for the response."""
        timed_out = isinstance(error, httpx.TimeoutException | TimeoutError)
        return (timed_out or self._connection.is_aborted) and not self.has_responded

    def note(self, step: str, details: Mapping[str, Any]) -> None:
        """Handle a trace event; httpcore calls this for each one."""
        if step in _CONNECTED:
            self._connected = True
            self._stream = details["return_value"]
            self._connection.note_stream(self._stream)
        elif step == _HANDSHAKE_FAILED and isinstance(self._connection, httpx.Client):
            self._stream.close()
        elif step == _SENDING and details["request"].method != b"CONNECT":
            # A CONNECT to a proxy comes before the request, and is not part of it.
            self._check_unread_bytes()
            self._connection.note_sending()
            self.may_have_sent = True
        elif step == _RESPONDED:
            self.has_responded = self.may_have_sent

    def _check_unread_bytes(self) -> None:
        transports = (self._connection._transport, *self._connection._mounts.values())  # noqa: SLF001
        if not has_unread_bytes(transports, self._receiver, is_new=self._connected):
            return
        if self._connected:
            raise ConnectionFailedError(
                "nothing was sent: the server closed the new connection, or responded before a request"
            )
        # httpcore closes this connection, and sends the request on another one.
        raise httpcore.ConnectionNotAvailable

    async def note_async(self, step: str, details: Mapping[str, Any]) -> None:
        """Handle a trace event of an asynchronous connection."""
        self.note(step, details)
        if step == _HANDSHAKE_FAILED:
            # httpcore does not close the stream if the handshake was cancelled.
            await self._stream.aclose()


def end_of_interrupted(request: httpx.Request) -> RequestEnd:
    """Return how a request ended when sending it was interrupted or cancelled."""
    trace = request.extensions.get(_TRACE)
    if trace is None or not trace.may_have_sent:
        return RequestEnd.NOT_SENT
    return RequestEnd.ENDED_BY_SERVER if trace.has_responded else RequestEnd.GIVEN_UP
