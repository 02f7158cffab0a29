"""The exceptions of this package.

GameballError
├── MissingCredentialsError         a key is missing or invalid
├── InvalidEventError               an event cannot be sent (also a ValueError)
├── SourceError                     a file cannot be read, or a line of it is not an event
├── APIError                        Gameball responded with a status other than 2xx
│   ├── AuthenticationError         401
│   ├── PermissionDeniedError       403
│   ├── NotFoundError               404
│   ├── InvalidRequestError         any other 4xx
│   ├── RateLimitError              429
│   └── ServerError                 5xx, including the 52x statuses of content delivery networks
├── ConnectionFailedError           nothing was sent
├── ResponseLostError               sent, but no usable response: the request may have been accepted
├── ClientClosedError               the client is closed (also a RuntimeError)
├── EventLoopError                  AsyncGameball is used in another event loop (also a RuntimeError)
├── DeadlineError                   the deadline passed before the request was sent, or before the response
├── TrackerFullError                a tracker is full or closed, and the event was not recorded
├── JobTimeoutError                 a job did not finish in time and is still running on the server
├── DeliveryError                   not every event was accepted
└── RecordError                     the durable record of a send cannot be used
    ├── LedgerError                 the ledger cannot be used
    │   ├── LedgerMismatchError     the source or its chunks differ from what the ledger records
    │   └── LedgerLockedError       another process, or another send, is using the ledger
    └── OutboxError                 the outbox cannot be used, or another process delivers it

No exception holds a key, a header or a payload. None is chained to an exception of the HTTP library, whose
traceback holds them. All exceptions can be pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

# Customer ids can be of any length.
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
    """The base class of all exceptions of this package.

    Attributes:
        report: The outcomes of the events before the error, if it ended a send; otherwise None.
    """

    report: DeliveryReport | None = None

    # By default, unpickling calls the class with self.args, which fails with keyword-only arguments.
    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__)


class MissingCredentialsError(GameballError):
    """A key was neither passed nor set in the environment, or is not a valid key."""


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


class InvalidEventError(GameballError, ValueError):
    """An event cannot be sent.

    Attributes:
        index: The position of the item in the source, counted from 0. Skipped items are counted.
        customer_id: The customer of the event, or None if it could not be read.
        field: The invalid field, such as ``customer_id``, ``name`` or ``metadata.tags[2]``.
        reason: What is wrong with the field, and what is expected.
    """

    def __init__(self, *, index: int, customer_id: str | None, field: str, reason: str) -> None:
        of = "" if customer_id is None else f" of customer {_shorten(customer_id)!r}"
        super().__init__(f"event {index}{of} cannot be sent: {field} {reason}")
        self.index = index
        self.customer_id = customer_id
        self.field = field
        self.reason = reason


class SourceError(GameballError):
    """A source cannot be read, or a line of it is not an event.

    Attributes:
        source: The name of the source: the path as it was passed, or ``standard input``.
        line: The number of the line, counted from 1, or None if the error concerns the whole source.
        reason: What is wrong, and what is expected. It never contains the content of the line.
        unit: What ``line`` counts: ``line``, ``row`` in a table, or ``item`` in a JSON array.
        skippable: Whether the lines after it can be read. False if the source is damaged or truncated, or
            has no valid header.
    """

    def __init__(
        self, *, source: str, line: int | None, reason: str, unit: str = "line", skippable: bool = True
    ) -> None:
        place = source if line is None else f"{source}, {unit} {line}"
        super().__init__(f"{place}: {reason}")
        self.source = source
        self.line = line
        self.reason = reason
        self.unit = unit
        self.skippable = skippable and line is not None


class APIError(GameballError):
    """Gameball responded with a status other than 2xx.

    Attributes:
        status: The HTTP status.
        code: Gameball's error code, such as 2001, or None if the response has none.
        type: Gameball's name for the type of error, or None if the response has none.
        message: Gameball's error message, or a description of the response if it has none.
        request_id: The request id to pass to Gameball's support, or None if the response has none.
        documentation_url: The URL of Gameball's description of the error, or None if the response has none.
        retry_after: The seconds to wait, from the ``Retry-After`` header, or None without one. Gameball does
            not document this header.
        hint: What to try, if the package has a suggestion, or None. It is shown after the message.
    """

    retry_after: float | None = None
    hint: str | None = None

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

    def __str__(self) -> str:
        said = super().__str__()
        return said if self.hint is None else f"{said}; {self.hint}"


class AuthenticationError(APIError):
    """401: the API key or the secret key is wrong or missing."""


class PermissionDeniedError(APIError):
    """403: the keys are valid, but lack permission for the operation, or the plan does not include it."""


class NotFoundError(APIError):
    """404: the resource does not exist, for example a job."""


class InvalidRequestError(APIError):
    """Any other 4xx: the request is invalid, and sending it again unchanged will not help."""


class RateLimitError(APIError):
    """429: the account exceeded its rate limit. ``retry_after`` may hold the seconds to wait."""


class ServerError(APIError):
    """5xx: the server or a proxy failed. It may have accepted the request, unless the status is 503."""


class ConnectionFailedError(GameballError):
    """The connection could not be established, so nothing was sent. Retrying is safe."""


class ResponseLostError(GameballError):
    """The request was sent, but no usable response was received: it may have been accepted.

    Gameball cannot detect a repeated event, so sending the request again may count its events twice.

    Attributes:
        given_up: Whether the client stopped waiting, for example after a timeout, so that the request may
            still arrive at the server. False if the server responded or closed the connection.
    """

    given_up: bool = False


class ClientClosedError(GameballError, RuntimeError):
    """The client is closed. Nothing was sent."""

    def __init__(self, message: str = "the client is closed; create a new one") -> None:
        super().__init__(message)


class EventLoopError(GameballError, RuntimeError):
    """An ``AsyncGameball`` is used in another event loop than before, or without asyncio."""


class DeadlineError(GameballError):
    """The deadline of the call passed. As the error of a receipt, it means that the chunk was not accepted.

    A chunk that was in flight at the deadline has a ``ResponseLostError``, which names the deadline.
    """


class TrackerFullError(GameballError):
    """The queue of a tracker is full or closed. The event was not recorded, and will not be sent."""

    def __init__(self, message: str = "the tracker is full or closed; the event was not recorded") -> None:
        super().__init__(message)


class JobTimeoutError(GameballError):
    """Some jobs did not finish in time. They are still running on the server, and can be waited for again.

    Attributes:
        job: The first unfinished job as it was last read, or None if it could never be read.
        job_ids: The ids of all unfinished jobs.
    """

    def __init__(self, message: str, *, job: BatchJob | None, job_ids: tuple[int, ...]) -> None:
        super().__init__(message)
        self.job = job
        self.job_ids = job_ids


class DeliveryError(GameballError):
    """Not every event was accepted. Its ``__cause__`` is the error of the first chunk that was not accepted.

    Attributes:
        report: The outcomes of all events.
    """

    report: DeliveryReport

    def __init__(self, message: str, *, report: DeliveryReport) -> None:
        super().__init__(message)
        self.report = report

    @property
    def retryable(self) -> bool:
        """Whether every event that was not accepted is UNSENT: sending those again counts nothing twice.

        False if any event is UNKNOWN, because it may have been accepted, or REJECTED, because it would be
        rejected again.
        """
        return not (self.report.unknown or self.report.rejected)


class RecordError(GameballError):
    """The durable record of a send cannot be read or written."""


class LedgerError(RecordError):
    """The ledger cannot be read or written. No chunk is sent without being recorded first."""


class LedgerMismatchError(LedgerError):
    """The source, its division into chunks or the account differs from what the ledger records.

    Attributes:
        items: The positions of the source items that differ, or None if it is not about items.
    """

    def __init__(self, message: str, *, items: range | None = None) -> None:
        super().__init__(message)
        self.items = items


class LedgerLockedError(LedgerError):
    """Another process has the ledger open, or another send in this process is using it."""


class OutboxError(RecordError):
    """The outbox cannot be read or written, or another process has taken over its delivery.

    Attributes:
        retryable: Whether the cause may be temporary: the database is unavailable, or the lease was lost.
    """

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


def describe(error: GameballError) -> str:
    """Return the text of an error without any part that may quote an event, such as Gameball's message."""
    if isinstance(error, InvalidEventError):
        return f"event {error.index} cannot be sent"
    if not isinstance(error, APIError):
        return str(error)
    details = [f"HTTP {error.status}"]
    if error.code is not None:
        details.append(f"code {error.code}")
    if error.request_id is not None:
        details.append(f"request {error.request_id}")
    return f"{type(error).__name__}: {', '.join(details)}"
