"""The faults that a test can ask for."""

from enum import Enum

from attrs import frozen


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
