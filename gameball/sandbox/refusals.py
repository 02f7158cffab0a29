"""Error responses in Gameball's form."""

from attrs import frozen
from starlette.responses import JSONResponse, Response


@frozen
class Refusal:
    """An error response.

    Attributes:
        status: The HTTP status.
        code: Gameball's error code, or None if none is documented.
        message: The error message.
    """

    status: int
    code: int | None
    message: str


def as_response(refusal: Refusal) -> Response:
    """Return the HTTP response of an error."""
    body: dict[str, object] = {"type": "sandbox_error", "message": refusal.message, "requestId": "sandbox"}
    if refusal.code is not None:
        body["code"] = refusal.code
    return JSONResponse(body, refusal.status)
