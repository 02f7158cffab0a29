"""The outcome of a failed attempt for the events in it. No I/O."""

from http import HTTPStatus
from typing import Final

from gameball.errors import (
    APIError,
    AuthenticationError,
    ConnectionFailedError,
    DeadlineError,
    GameballError,
    PermissionDeniedError,
    RateLimitError,
    RecordError,
    ServerError,
)
from gameball.receipts import Outcome

#: Gameball's code for "another request for the same customer is in progress", sent with status 422.
_CUSTOMER_IS_BUSY: Final = 2001


def outcome_of(error: GameballError) -> Outcome:
    """Return the outcome of a failed attempt.

    Args:
        error: The error of the attempt.

    Returns:
        UNSENT if the events were certainly not accepted but may be accepted later, REJECTED if the server
        rejected them, and otherwise UNKNOWN.
    """
    if isinstance(error, ConnectionFailedError | DeadlineError | RateLimitError | RecordError):
        return Outcome.UNSENT
    if isinstance(error, APIError):
        if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return Outcome.UNSENT
        if is_customer_busy(error):
            return Outcome.UNSENT
        return Outcome.UNKNOWN if isinstance(error, ServerError) else Outcome.REJECTED
    return Outcome.UNKNOWN


def is_customer_busy(error: GameballError | None) -> bool:
    """Return whether the server refused a request because one of its customers is being changed."""
    return isinstance(error, APIError) and (error.status, error.code) == (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        _CUSTOMER_IS_BUSY,
    )


def ambiguous_error(result: object) -> GameballError | None:
    """Return the error of an attempt that may have been accepted nevertheless, or None."""
    if isinstance(result, GameballError) and outcome_of(result) is Outcome.UNKNOWN:
        return result
    return None


def stops_everything(error: GameballError | None) -> bool:
    """Return whether no later chunk can be accepted either: the keys are wrong or lack a permission."""
    return isinstance(error, AuthenticationError | PermissionDeniedError)
