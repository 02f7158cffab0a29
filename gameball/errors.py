"""Every exception this package raises on purpose.

GameballError
├── MissingCredentialsError         a key is missing, or cannot be a key
├── InvalidEventError               an event that cannot be sent (also a ValueError)
├── SourceError                     a file that cannot be read, or a line of it that is no event
├── APIError                        Gameball answered, and not with 2xx
│   ├── AuthenticationError         401
│   ├── PermissionDeniedError       403
│   ├── NotFoundError               404
│   ├── InvalidRequestError         any other 4xx
│   ├── RateLimitError              429
│   └── ServerError                 5xx, the 52x of a content delivery network included
├── ConnectionFailedError           nothing was sent
├── ResponseLostError               sent, and no usable answer: it may have been accepted
├── ClientClosedError               the client is closed (also a RuntimeError)
├── JobTimeoutError                 a job that is still running on the server
├── DeliveryError                   events that were not accepted
└── LedgerError                     the ledger cannot be used
    ├── LedgerMismatchError         the source or its division is not the one the ledger was begun with
    └── LedgerLockedError           another process, or another send, is using the ledger

No exception holds a key, a header or a payload, and none of them is chained to an exception of the HTTP
library, whose tracebacks do. All of them can be pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

# Customer ids are the user's, and of any length.
_MAX_SHOWN: Final = 100

if TYPE_CHECKING:
    from gameball.jobs.batch_job import BatchJob
    from gameball.receipts import DeliveryReport


def _restore(
    kind: type[GameballError], arguments: tuple[object, ...], attributes: dict[str, Any]
) -> GameballError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(attributes)
    return error


class GameballError(Exception):
    """The base of every exception of this package."""

    # Exceptions pickle by calling their class with self.args, which fails on keyword-only arguments.
    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__)


class MissingCredentialsError(GameballError):
    """A key was neither passed nor found in the environment, or what was found cannot be a key."""


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


class InvalidEventError(GameballError, ValueError):
    """An event that cannot be sent.

    Attributes:
        index: Its position in what was handed over, counted from 0; those left out before it count.
        customer_id: The customer it is of, or None where that could not be read.
        field: The place of the fault, such as ``customer_id``, ``name`` or ``metadata.tags[2]``.
        reason: What is wrong there, and what would be right.
        report: What became of the events before it, when it was found while sending; otherwise None.
    """

    def __init__(self, *, index: int, customer_id: str | None, field: str, reason: str) -> None:
        of = "" if customer_id is None else f" of customer {_shorten(customer_id)!r}"
        super().__init__(f"event {index}{of} cannot be sent: {field} {reason}")
        self.index = index
        self.customer_id = customer_id
        self.field = field
        self.reason = reason
        self.report: DeliveryReport | None = None


class SourceError(GameballError):
    """A source that cannot be read, or a line of it that stands for no event.

    Attributes:
        source: The source's name as it is shown: the path as it was given, or ``standard input``.
        line: The line, counted from 1, or None where the source as a whole is meant.
        reason: What is wrong there, and what would be right. It never holds what the line holds.
        unit: What ``line`` counts: ``line``, or ``row`` in a Parquet file.
    """

    def __init__(self, *, source: str, line: int | None, reason: str, unit: str = "line") -> None:
        place = source if line is None else f"{source}, {unit} {line}"
        super().__init__(f"{place}: {reason}")
        self.source = source
        self.line = line
        self.reason = reason
        self.unit = unit


class APIError(GameballError):
    """Gameball answered with another status than 2xx.

    Attributes:
        status: The HTTP status.
        code: Gameball's own error number, such as 2001, where the answer had one.
        type: Gameball's name for the kind of error, where the answer had one.
        message: Gameball's own words, or a description of an answer that had none.
        request_id: What to name to Gameball's support, where the answer had it.
        documentation_url: Where Gameball describes the error, where the answer had it.
        retry_after: The seconds the server asked to wait, where it did; Gameball documents no such header.
    """

    retry_after: float | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: int | None = None,
        type: str | None = None,  # noqa: A002 - Gameball's own name for the field
        request_id: str | None = None,
        documentation_url: str | None = None,
    ) -> None:
        details = [f"HTTP {status}"]
        if code is not None:
            details.append(f"code {code}")
        if request_id is not None:
            details.append(f"request {request_id}")
        super().__init__(f"{message} ({', '.join(details)})")
        self.status = status
        self.code = code
        self.type = type
        self.message = message
        self.request_id = request_id
        self.documentation_url = documentation_url


class AuthenticationError(APIError):
    """401: the API key or the secret key is wrong or missing."""


class PermissionDeniedError(APIError):
    """403: the keys are known, and this is not allowed to them or not part of the plan."""


class NotFoundError(APIError):
    """404: there is no such thing, for example no such job."""


class InvalidRequestError(APIError):
    """Any other 4xx: the request as it stands will never be accepted."""


class RateLimitError(APIError):
    """429: more requests than the account allows. ``retry_after`` may tell how long to wait."""


class ServerError(APIError):
    """5xx: the server, or a proxy before it, failed. Except for 503 it may have accepted the request."""


class ConnectionFailedError(GameballError):
    """No connection came about, so that nothing was sent. Trying again is safe."""


class ResponseLostError(GameballError):
    """The request was sent and no usable answer came: it may have been accepted.

    Gameball cannot recognise a repeated event, so sending it again may count it twice.
    """


class ClientClosedError(GameballError, RuntimeError):
    """The client was closed before this was asked of it. Nothing was sent."""

    def __init__(self, message: str = "the client is closed") -> None:
        super().__init__(message)


class JobTimeoutError(GameballError):
    """Some jobs were not finished in time. They are still running on the server: wait again at will.

    Attributes:
        job: The first of them as it was last seen, or None when its state could not be read once.
        job_ids: All of them.
    """

    def __init__(self, message: str, *, job: BatchJob | None, job_ids: tuple[int, ...]) -> None:
        super().__init__(message)
        self.job = job
        self.job_ids = job_ids


class DeliveryError(GameballError):
    """Not every event was accepted. Its ``__cause__`` is the error of the first chunk that was not.

    Attributes:
        report: What became of every event.
    """

    def __init__(self, message: str, *, report: DeliveryReport) -> None:
        super().__init__(message)
        self.report = report


class LedgerError(GameballError):
    """The ledger cannot be read or written. A chunk whose intent it could not note was not sent."""


class LedgerMismatchError(LedgerError):
    """The source, or its division into chunks, is not the one that the ledger was begun with."""


class LedgerLockedError(LedgerError):
    """Another process has the ledger open, or another send of this one."""
