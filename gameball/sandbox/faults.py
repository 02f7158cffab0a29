"""What can go wrong on request."""

from enum import Enum

from attrs import frozen


class Ending(Enum):
    """How the answer to a request ends."""

    #: The answer is sent whole.
    WHOLE = "whole"
    #: The connection is reset before anything of the answer is sent.
    RESET = "reset"
    #: The connection is closed in the middle of the answer.
    TRUNCATED = "truncated"


@frozen
class Fault:
    """Something that goes wrong with one request.

    Attributes:
        status: Answer with this status; None leaves it as it would be.
        body: Answer with this body; None leaves it as it would be, or is Gameball's error form with a status.
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
