"""Checks that a connection has no unread bytes before a request is sent on it.

If a server sends a response that was not asked for, it would be read as the response to the next request,
and a chunk that the server refused would be ACCEPTED. Unread bytes may lie in several places: in the HTTP
parser, in the TLS layer, in the queue of an asynchronous stream, and in the socket. httpx, httpcore and anyio
have no public API for all of them.

A surplus response that arrives only when the next request is on its way cannot be distinguished from the
response to that request: HTTP/1.1 has nothing that shows which request a response belongs to.
"""

import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpx


def has_unread_bytes(transports: Iterable[Any], trace: Callable[..., Any], *, is_new: bool) -> bool:
    """Return whether the connection that is about to send a request has unread bytes, or was closed.

    A connection of a transport that does not use httpcore is not found, and not checked.

    Args:
        transports: The transports of an httpx client.
        trace: The trace function of the request, by which its connection is found.
        is_new: Whether the connection was opened for this request.
    """
    connection = _connection_of(transports, trace)
    if connection is None:
        return False
    stream = connection._network_stream  # noqa: SLF001
    return bool(connection._h11_state.trailing_data[0]) or _stream_has_bytes(stream, is_new=is_new)  # noqa: SLF001


def _connection_of(transports: Iterable[Any], trace: Callable[..., Any]) -> Any:  # noqa: ANN401 - httpcore's
    for transport in transports:
        pool = getattr(_innermost(transport), "_pool", None)
        # A copy: other threads add requests to the list.
        for sent in list(getattr(pool, "_requests", ())):
            if sent.request.extensions.get("trace") == trace:
                connection = sent.connection
                while connection is not None and not hasattr(connection, "_h11_state"):
                    connection = getattr(connection, "_connection", None)
                return connection
    return None


def _innermost(transport: Any) -> Any:  # noqa: ANN401 - httpx's, or one that wraps it
    while isinstance(inner := getattr(transport, "_transport", None), _TRANSPORTS):
        transport = inner
    return transport


_TRANSPORTS = (httpx.BaseTransport, httpx.AsyncBaseTransport)


def _stream_has_bytes(stream: Any, *, is_new: bool) -> bool:  # noqa: ANN401 - httpcore's
    tls = stream.get_extra_info("ssl_object")
    if tls is None:
        return bool(stream.get_extra_info("is_readable")) or _queue_has_bytes(stream)
    # Session tickets arrive after the handshake, so a readable socket does not show that there are unread
    # bytes. Only reading does; the byte that is read is never missed, because the connection is then closed.
    if isinstance(tls, ssl.SSLObject):
        if _can_read(tls.read):
            return True
        # Undecrypted bytes of a new connection may be session tickets.
        return not is_new and (bool(stream.get_extra_info("is_readable")) or _queue_has_bytes(stream))
    connection = stream.get_extra_info("socket")
    connection.settimeout(0)  # httpcore sets the timeout again before it sends and reads
    return _can_read(connection.recv)


def _can_read(read: Callable[[int], bytes]) -> bool:
    try:
        read(1)
    except (ssl.SSLWantReadError, BlockingIOError):
        return False
    except OSError:  # the connection is broken
        return True
    return True


def _queue_has_bytes(stream: Any) -> bool:  # noqa: ANN401 - httpcore's
    """Return whether bytes wait in the queue of anyio's stream, which reads ahead."""
    inner = getattr(stream, "_stream", None)
    inner = getattr(inner, "transport_stream", inner)  # the one below TLS
    return bool(getattr(getattr(inner, "_protocol", None), "read_queue", ()))
