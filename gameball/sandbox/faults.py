"""The faults that a test can ask for, and what they do to a response."""

import asyncio
import socket
import struct
from enum import Enum
from http import HTTPStatus

from attrs import frozen
from starlette.responses import Response
from starlette.types import Receive

from gameball.sandbox.refusals import Refusal, as_response


class Ending(Enum):
    """How the response to a request ends."""

    #: The response is complete.
    WHOLE = "whole"
    #: The connection is reset before any byte of the response is sent.
    RESET = "reset"
    #: The connection is closed in the middle of the response.
    TRUNCATED = "truncated"


@frozen
class Fault:
    """A fault in the response to one request.

    Attributes:
        status: Respond with this status; None keeps the usual status.
        body: Respond with this body; None keeps the usual one. With a status, that is an error in
            Gameball's form.
        content_type: The body's type.
        headers: Additional headers of the response.
        code: Gameball's error code, for a fault that has a status and no body.
        accepts: Whether the request is carried out before the fault. After a status of 500 or a reset
            connection, the sender cannot know that.
        delay: Seconds to wait before the response.
        ending: How the response ends.
    """

    status: int | None = None
    body: bytes | None = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    code: int | None = None
    accepts: bool = False
    delay: float = 0.0
    ending: Ending = Ending.WHOLE


def is_carried_out(fault: Fault) -> bool:
    """Return whether a request with a fault is carried out nevertheless."""
    return fault.accepts or not (_replaces_response(fault) or fault.ending is not Ending.WHOLE)


def faulty_response(fault: Fault, usual: Response | None) -> Response:
    """Return the response to a request with a fault.

    Args:
        fault: The fault.
        usual: The response without the fault, or None if the request is not carried out.
    """
    response = usual
    if response is None or _replaces_response(fault):
        status = fault.status or HTTPStatus.OK
        if fault.body is None:
            response = as_response(Refusal(status, fault.code, "The sandbox was asked to fail"))
        else:
            response = Response(fault.body, status, media_type=fault.content_type)
    for name, value in fault.headers:
        response.headers[name] = value
    return response


def _replaces_response(fault: Fault) -> bool:
    return fault.status is not None or fault.body is not None


async def break_off(
    response: Response, ending: Ending, transport: asyncio.Transport, receive: Receive
) -> None:
    """End a connection before or in the middle of a response.

    Args:
        response: The response.
        ending: How it ends.
        transport: The connection.
        receive: The connection as ASGI has it.
    """
    if ending is Ending.RESET:
        _reset(transport)
    else:
        transport.write(_half_of(response))
        transport.close()
    # If this returned before the server noticed the disconnect, the server would send its own response.
    disconnected = False
    while not disconnected:
        disconnected = (await receive())["type"] == "http.disconnect"


def _reset(transport: asyncio.Transport) -> None:
    """Close a connection so that the client sees a reset and not a normal end."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        # With a linger time of zero, closing a TCP socket sends RST.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _half_of(response: Response) -> bytes:
    body = bytes(response.body)
    head = (
        f"HTTP/1.1 {response.status_code} \r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    )
    return head.encode() + b"\r\n\r\n" + body[: len(body) // 2]
