"""What httpcore reports about one request: whether any byte of it may have been sent."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import httpcore
import httpx

from gameball.errors import ConnectionFailedError
from gameball.transport.unread_bytes import has_unread_bytes

if TYPE_CHECKING:
    from gameball.transport.connection import AsyncConnection, SyncConnection

#: The httpcore trace event right before the first byte of a request is sent.
_SENDING: Final = "http11.send_request_headers.started"
_CONNECTED: Final = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class RequestTrace:
    """Receives the httpcore trace events of one request.

    Args:
        connection: The connection that sends the request.

    Attributes:
        may_have_sent: Whether any byte of the request may have been sent.
    """

    def __init__(self, connection: "SyncConnection | AsyncConnection") -> None:
        self._connection = connection
        # A user's transport may emit no trace events when it starts to send.
        self.may_have_sent = connection.settings.transport is not None
        self._connected = False

    def note(self, step: str, details: Mapping[str, Any]) -> None:
        """Handle a trace event; httpcore calls this for each one."""
        if step in _CONNECTED:
            self._connected = True
            self._connection.note_stream(details["return_value"])
        elif step == _SENDING and details["request"].method != b"CONNECT":
            # A CONNECT to a proxy comes before the request, and is not part of it.
            self._check_unread_bytes()
            self._connection.note_sending()
            self.may_have_sent = True

    def _check_unread_bytes(self) -> None:
        trace = self.note if isinstance(self._connection, httpx.Client) else self.note_async
        transports = (self._connection._transport, *self._connection._mounts.values())  # noqa: SLF001
        if not has_unread_bytes(transports, trace, is_new=self._connected):
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
