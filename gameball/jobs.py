"""Jobs: what they are, how both documented forms are read, and when to ask again. Pure."""

import heapq
import math
from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from types import ModuleType
from typing import Any, Final, Self

import orjson
from attrs import define, field, frozen
from gameball_api.api.batches import get_batch_job, get_batch_status, stop_batch, stop_batch_job

from gameball.errors import (
    ConnectionFailedError,
    GameballError,
    JobTimeoutError,
    NotFoundError,
    RateLimitError,
    ResponseLostError,
    ServerError,
)

#: How long waiting for jobs takes at most unless told otherwise, in seconds.
DEFAULT_WAIT: Final = 600.0
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
_PAUSE_GROWTH: Final = 1.5
# So many times in a row a job may fail to be read before waiting for it gives up.
_MAX_FAILED_READS: Final = 5
_PASSING: Final = (RateLimitError, ServerError, ConnectionFailedError, ResponseLostError)


class JobStatus(StrEnum):
    """Where a job stands. A state that Gameball has not documented is kept as it came."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        # The published document calls the first two states otherwise, and the guides vary the capitals.
        name = {"pending": "queued", "processing": "running"}.get(value.lower(), value.lower())
        if name in cls._value2member_map_:
            return cls(name)
        unknown = str.__new__(cls, value)
        unknown._name_ = value
        unknown._value_ = value
        return unknown

    @property
    def is_final(self) -> bool:
        """Whether the job has ended. An unknown state is neither an end nor an error."""
        return self in _FINAL


_FINAL: Final = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED})


@frozen
class JobItem:
    """What became of one object of a batch.

    Attributes:
        customer_id: The customer it is of, where the answer tells.
        message: Gameball's words about it.
    """

    customer_id: str | None
    message: str


@frozen
class BatchJob:
    """A job that processes a batch, as it stood when it was read.

    Attributes:
        id: Its id.
        status: Where it stands.
        operation: What it does, in Gameball's words, where the answer tells.
        total: How many objects it has, where the answer tells.
        finished: How many it has processed, where the answer tells.
        errors: How many of them failed, where the answer tells.
        created_at: When it was created. A time without a zone is taken as UTC.
        started_at: When it was started; None before that.
        successful: The objects it has processed.
        failed: The objects it could not process, and why.
        raw: The answer as it came.
    """

    id: int
    status: JobStatus
    operation: str | None
    total: int | None
    finished: int | None
    errors: int | None
    created_at: datetime | None
    started_at: datetime | None
    successful: tuple[JobItem, ...] = field(repr=False)
    failed: tuple[JobItem, ...] = field(repr=False)
    raw: dict[str, Any] = field(repr=False, hash=False)


def _read_batch_job(job_id: int, raw: dict[str, Any]) -> BatchJob:
    """Read the form of Gameball's guides."""
    response = raw.get("response")
    items = response if isinstance(response, dict) else {}
    return BatchJob(
        id=job_id,
        status=JobStatus(_text(raw.get("status")) or "unknown"),
        operation=_text(raw.get("operation")),
        total=_count(raw.get("totalCount")),
        finished=_count(raw.get("finishedCount")),
        errors=_count(raw.get("errorCount")),
        created_at=_time(raw.get("createdAt")),
        started_at=_time(raw.get("startedAt")),
        successful=_items(items.get("successful")),
        failed=_items(items.get("failed")),
        raw=raw,
    )


def _read_batch_status(job_id: int, raw: dict[str, Any]) -> BatchJob:
    """Read the form of the published document."""
    return BatchJob(
        id=job_id,
        status=JobStatus(_text(raw.get("status")) or "unknown"),
        operation=None,
        total=_count(raw.get("totalItems")),
        finished=_count(raw.get("processedItems")),
        errors=_count(raw.get("failedItems")),
        created_at=None,
        started_at=None,
        successful=_items(raw.get("results")),
        failed=_items(raw.get("errors")),
        raw=raw,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return int(value)
    return None


def _time(value: object) -> datetime | None:
    # Imported here because it takes as long as an eighth of httpx, and only a job has times.
    from dateutil import parser  # noqa: PLC0415

    if not isinstance(value, str):
        return None
    try:
        time = parser.isoparse(value)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _items(value: object) -> tuple[JobItem, ...]:
    return tuple(_item(item) for item in value) if isinstance(value, list) else ()


def _item(value: object) -> JobItem:
    if not isinstance(value, dict):
        return JobItem(customer_id=None, message=str(value))
    customer_id = value.get("customerId")
    # Some samples give the reason of a failure in one field, others in the other.
    message = _text(value.get("message")) or _text(value.get("error")) or ""
    return JobItem(customer_id=None if customer_id is None else str(customer_id), message=message)


@frozen
class _Form:
    """One of the two documented forms of the job operations."""

    read: ModuleType
    stop: ModuleType
    parse: Callable[[int, dict[str, Any]], BatchJob]


# The first has the better evidence: Gameball's guides still describe it.
_FORMS: Final = (
    _Form(get_batch_job, stop_batch_job, _read_batch_job),
    _Form(get_batch_status, stop_batch, _read_batch_status),
)


@define
class JobForms:
    """Remembers which of the two documented forms the server knows."""

    _known: _Form | None = None

    def candidates(self) -> tuple[_Form, ...]:
        """Return the forms to try, in order."""
        known = self._known
        return _FORMS if known is None else (known,)

    def remember(self, form: _Form) -> None:
        """Note that the server answered to a form."""
        self._known = form


@frozen
class Call:
    """Asks the shell to call an operation of the generated client, and to send back the answer's body."""

    operation: ModuleType
    job_id: int


@frozen
class Pause:
    """Asks the shell to wait, in seconds."""

    seconds: float


@frozen
class Ended:
    """Tells the shell of a job that has ended."""

    job: BatchJob


#: What a shell sends back: the body of a call's answer or why there is none; None after anything else.
Reply = bytes | GameballError | None


def read_job(job_id: int, forms: JobForms) -> Generator[Call, Reply, BatchJob]:
    """Read a job in the form that the server knows.

    Args:
        job_id: The job.
        forms: What is known of the server.

    Yields:
        Calls to make.

    Returns:
        The job.

    Raises:
        NotFoundError: The server knows the job in neither form.
        ResponseLostError: The answer is no JSON object.
    """
    form, content = yield from _try_forms(forms, job_id, lambda form: form.read)
    try:
        raw = orjson.loads(content)
    except orjson.JSONDecodeError:
        raw = None
    if not isinstance(raw, dict):
        raise ResponseLostError(f"the answer about job {job_id} is no JSON object")
    return form.parse(job_id, raw)


def stop_job(job_id: int, forms: JobForms) -> Generator[Call, Reply, BatchJob]:
    """Stop a job in the form that the server knows, and read it.

    Args:
        job_id: The job.
        forms: What is known of the server.

    Yields:
        Calls to make.

    Returns:
        The job after that. What it had processed stays.

    Raises:
        NotFoundError: The server knows the job in neither form.
        ResponseLostError: The answer is no JSON object.
    """
    yield from _try_forms(forms, job_id, lambda form: form.stop)
    return (yield from read_job(job_id, forms))


def _try_forms(
    forms: JobForms, job_id: int, operation: Callable[[_Form], ModuleType]
) -> Generator[Call, Reply, tuple[_Form, bytes]]:
    missing: NotFoundError | None = None
    for form in forms.candidates():
        reply = yield Call(operation(form), job_id)
        if isinstance(reply, bytes):
            forms.remember(form)
            return form, reply
        if not isinstance(reply, NotFoundError):
            raise reply or GameballError("a call was not replied to")
        missing = missing or reply
    raise missing or GameballError("there is no form to try")


def watch_jobs(
    job_ids: Iterable[int], *, timeout: float, forms: JobForms, clock: Callable[[], float]
) -> Generator[Call | Pause | Ended, Reply, None]:
    """Follow jobs to their end, asking less and less often.

    Args:
        job_ids: The jobs; one named twice is followed once.
        timeout: How long to follow them all together, in seconds. Each is read at least once.
        forms: What is known of the server.
        clock: Tells the time, in seconds.

    Yields:
        Calls to make, pauses to keep, and jobs as they end.

    Raises:
        JobTimeoutError: A job has not ended in time.
        GameballError: A job could not be read. Failures that pass are waited out, five in a row.
    """
    deadline = clock() + timeout
    order = count()
    due = [(0.0, next(order), _Watch(job_id)) for job_id in dict.fromkeys(job_ids)]
    while due:
        when, _, watch = heapq.heappop(due)
        seconds = min(when, deadline) - clock()
        if seconds > 0:
            yield Pause(seconds)
        try:
            watch.job = yield from read_job(watch.job_id, forms)
            watch.failed_reads = 0
        except _PASSING:
            watch.failed_reads += 1
            if watch.failed_reads == _MAX_FAILED_READS:
                raise
        else:
            if watch.job.status.is_final:
                yield Ended(watch.job)
                continue
        now = clock()
        if now >= deadline:
            raise _timed_out(watch, timeout)
        heapq.heappush(due, (now + watch.next_pause(), next(order), watch))


@define
class _Watch:
    """What is known of a job that is followed."""

    job_id: int
    job: BatchJob | None = None
    pause: float = _FIRST_PAUSE
    failed_reads: int = 0

    def next_pause(self) -> float:
        pause = self.pause
        self.pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE)
        return pause


def _timed_out(watch: _Watch, timeout: float) -> GameballError:
    state = "of unknown state" if watch.job is None else watch.job.status
    return JobTimeoutError(
        f"job {watch.job_id} is {state} after {timeout:g} s; it goes on at the server, wait for it again",
        job=watch.job,
    )
