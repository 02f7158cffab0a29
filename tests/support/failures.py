"""The outcome table of the design: what each failure means, and whether it is retried."""

from gameball import (
    APIError,
    AuthenticationError,
    ConnectionFailedError,
    GameballError,
    InvalidRequestError,
    NotFoundError,
    Outcome,
    PermissionDeniedError,
    RateLimitError,
    ResponseLostError,
    ServerError,
)

# error, outcome, retried?, retried with on_unknown="resend"?
FAILURES: list[tuple[GameballError, Outcome, bool, bool]] = [
    (ConnectionFailedError("x"), Outcome.UNSENT, True, True),
    (RateLimitError("x", status=429), Outcome.UNSENT, True, True),
    (ServerError("x", status=503), Outcome.UNSENT, True, True),
    (InvalidRequestError("x", status=422, code=2001), Outcome.UNSENT, True, True),
    (InvalidRequestError("x", status=422, code=3003), Outcome.REJECTED, False, False),
    (InvalidRequestError("x", status=400), Outcome.REJECTED, False, False),
    (AuthenticationError("x", status=401), Outcome.REJECTED, False, False),
    (PermissionDeniedError("x", status=403), Outcome.REJECTED, False, False),
    (NotFoundError("x", status=404), Outcome.REJECTED, False, False),
    (APIError("x", status=302), Outcome.REJECTED, False, False),
    (ServerError("x", status=500), Outcome.UNKNOWN, False, True),
    (ServerError("x", status=502), Outcome.UNKNOWN, False, True),
    (ServerError("x", status=520), Outcome.UNKNOWN, False, True),
    (ResponseLostError("x"), Outcome.UNKNOWN, False, True),
]
