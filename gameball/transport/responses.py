"""Converts responses and HTTP errors to this package's errors, and reads job ids. No I/O."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx
import orjson

from gameball.credentials import Credentials
from gameball.errors import (
    APIError,
    AuthenticationError,
    ClientClosedError,
    ConnectionFailedError,
    EventLoopError,
    GameballError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ResponseLostError,
    ServerError,
)
from gameball.rate_limit import RequestEnd

#: What httpx raises before it has sent anything. A proxy that fails has not forwarded anything either.
_NOTHING_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_BY_STATUS: Final[dict[int, type[APIError]]] = {
    HTTPStatus.UNAUTHORIZED: AuthenticationError,
    HTTPStatus.FORBIDDEN: PermissionDeniedError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimitError,
}
_SUCCESS: Final = range(200, 300)
_REDIRECT: Final = range(300, 400)
_CLIENT_ERROR: Final = range(400, 500)
_MAX_MESSAGE_LENGTH: Final = 500


def error_from_exception(
    error: Exception, credentials: Credentials, *, sent: bool, given_up: bool = False
) -> GameballError:
    """Convert an exception of the HTTP library, depending on whether anything may have been sent.

    Args:
        error: An exception of httpx, of a layer below that httpx does not convert, such as TLS, or of a
            user's transport.
        credentials: The keys, which are removed from the message.
        sent: Whether any part of the request may have been sent.
        given_up: Whether the client stopped waiting for the response.

    Returns:
        ``ConnectionFailedError`` if nothing was sent, otherwise ``ResponseLostError``. It is not chained to
        ``error``, whose traceback includes frames that hold the keys.
    """
    if isinstance(error, GameballError):
        return error
    kind = type(error).__name__
    said = credentials.redact(str(error))[:_MAX_MESSAGE_LENGTH] or "no details"
    if not sent or isinstance(error, _NOTHING_SENT):
        return ConnectionFailedError(f"no connection to Gameball, nothing was sent: {said} ({kind})")
    lost = ResponseLostError(f"the request was sent, but no usable response was received: {said} ({kind})")
    lost.given_up = given_up
    return lost


def request_end(error: GameballError) -> RequestEnd:
    """Return how a request ended, from the error that its connection raised."""
    if isinstance(error, ConnectionFailedError | ClientClosedError | EventLoopError):
        return RequestEnd.NOT_SENT
    if isinstance(error, RateLimitError):
        return RequestEnd.REFUSED
    if isinstance(error, ResponseLostError) and error.given_up:
        return RequestEnd.GIVEN_UP
    return RequestEnd.ENDED_BY_SERVER


def error_from_response(
    status: int, headers: Mapping[str, str], content: bytes, credentials: Credentials
) -> GameballError | None:
    """Return the error that a response means, or None for 2xx.

    Args:
        status: The HTTP status. It may be any number that a server or a proxy sends.
        headers: The response headers.
        content: The response body: Gameball's error, HTML of a proxy, or nothing.
        credentials: The keys, which are removed from the message.

    Returns:
        The error, or None if the status is 2xx.
    """
    if status in _SUCCESS:
        return None
    if status < _SUCCESS.start:
        return ResponseLostError(f"the request was sent, but the response is not a final one: HTTP {status}")
    fields = _read_object(content)

    def text(name: str) -> str | None:
        value = fields.get(name)
        return credentials.redact(value)[:_MAX_MESSAGE_LENGTH] if isinstance(value, str) and value else None

    kind = _BY_STATUS.get(status)
    if kind is None:
        kind = InvalidRequestError if status in _CLIENT_ERROR else ServerError
        kind = APIError if status in _REDIRECT else kind
    error = kind(
        text("message") or credentials.redact(_describe(status, headers, content)),
        status=status,
        code=_read_integer(fields.get("code")),
        type=text("type"),
        request_id=text("requestId"),
        documentation_url=text("documentationUrl"),
    )
    if "retry-after" in headers:
        error.retry_after = _read_retry_after(headers["retry-after"], datetime.now(UTC))
    return error


def read_job_id(content: bytes) -> int | None:
    """Return the id of the job that a batch has started, or None if the response has none.

    Gameball documents the id as a number, so ``123456.0`` is accepted like ``123456``. 0 is a valid id.
    """
    job_id = _read_integer(_read_object(content).get("jobId"))
    return None if job_id is None or job_id < 0 else job_id


def job_or_error(content: bytes) -> int | ResponseLostError:
    """Return the job id in a 2xx response, or an error if it has none."""
    job_id = read_job_id(content)
    if job_id is None:
        return ResponseLostError(
            "the request was sent, but the response has no job id: it may have been accepted"
        )
    return job_id


def _read_object(content: bytes) -> dict[str, object]:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _read_integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    return None


def _read_retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds to wait. HTTP allows a number of seconds or a date."""
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", value.strip()):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # OverflowError if the time zone offset is too large
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def _describe(status: int, headers: Mapping[str, str], content: bytes) -> str:
    """Describe a response that has no message from Gameball."""
    if status in _REDIRECT:
        return "redirects are not followed, because the keys would be sent along; check base_url"
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "non-standard status"
    body = headers.get("content-type", "").partition(";")[0] if content else "no body"
    return f"{phrase}, with {body or 'a body'} instead of Gameball's error"
