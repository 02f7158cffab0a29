"""What can go wrong on request."""

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
    """Something that goes wrong with one request.

    Attributes:
        status: Respond with this status; None keeps the usual status.
        body: Respond with this body; None keeps the usual one (with a status, Gameball's error form).
        content_type: The body's type.
        headers: Further headers of the answer.
        code: Gameball's error number, in an error that is given by its status alone.
        accepts: Whether the request is carried out first: with a status of 500 or a reset connection, the
            sender cannot know.
        delay: Seconds to wait before the answer.
        ending: How the answer ends.
    """

    status: int | None = None
    body: bytes | None = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    code: int | None = None
    accepts: bool = False
    delay: float = 0.0
    ending: Ending = Ending.WHOLE
