"""How jobs are read, stopped and waited for, shared by the synchronous and the asynchronous client. No I/O.

Each function is a generator. It yields the calls and pauses to make, and receives their results.
"""

import heapq
from collections.abc import Callable, Generator, Iterable
from itertools import count
from types import ModuleType
from typing import Any, Final

import orjson
from attrs import define, frozen
from gameball_api.api.batches import get_batch_job, get_batch_status, stop_batch, stop_batch_job

from gameball.delivery.deadline import Deadline
from gameball.delivery.decisions import RATE_LIMIT_PAUSE, requested_wait
from gameball.delivery.effects import PauseAll, Sleep
from gameball.errors import (
    ConnectionFailedError,
    DeadlineError,
    GameballError,
    JobTimeoutError,
    NotFoundError,
    RateLimitError,
    ResponseLostError,
    ServerError,
)
from gameball.jobs.batch_job import BatchJob, read_batch_job, read_batch_status

#: The default maximum time to wait for jobs, in seconds.
DEFAULT_WAIT: Final = 600.0
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
_PAUSE_GROWTH: Final = 1.5
# The number of failed reads of a job in a row after which waiting for it fails.
_MAX_FAILED_READS: Final = 5
_PASSING: Final = (RateLimitError, ServerError, ConnectionFailedError, ResponseLostError)


@frozen
class _Form:
    """One of the two documented versions of the job operations."""

    read: ModuleType
    stop: ModuleType
    parse: Callable[[int, dict[str, Any]], BatchJob]


# The first version is more likely to be current: Gameball's guides still describe it.
_FORMS: Final = (
    _Form(get_batch_job, stop_batch_job, read_batch_job),
    _Form(get_batch_status, stop_batch, read_batch_status),
)


@define
class JobForms:
    """Remembers which of the two documented versions the server supports."""

    _known: _Form | None = None

    def candidates(self) -> tuple[_Form, ...]:
        """Return the versions to try, in order."""
        known = self._known
        return _FORMS if known is None else (known,)

    def remember(self, form: _Form) -> None:
        """Remember that the server supports a version."""
        self._known = form


@frozen
class Call:
    """Asks the caller to call an operation of the generated client, and to send back the response body."""

    operation: ModuleType
    job_id: int


@frozen
class Ended:
    """Reports a job that has ended."""

    job: BatchJob


PollingEffect = Call | Sleep | PauseAll | Ended
#: What the caller sends back: the response body or the error of a call, and None after anything else.
PollingReply = bytes | GameballError | None


def read_job(job_id: int, forms: JobForms) -> Generator[Call, PollingReply, BatchJob]:
    """Read a job with the version of the operation that the server supports.

    Args:
        job_id: The id of the job.
        forms: The versions to try.

    Yields:
        Calls to make.

    Returns:
        The job.

    Raises:
        ValueError: The id is not an integer.
        NotFoundError: The job was found with neither version.
        ResponseLostError: The response is not a JSON object.
    """
    form, content = yield from _try_forms(forms, job_id, lambda form: form.read)
    try:
        raw = orjson.loads(content)
    except orjson.JSONDecodeError:
        raw = None
    if not isinstance(raw, dict):
        raise ResponseLostError(f"the response for job {job_id} is not a JSON object")
    return form.parse(job_id, raw)


def stop_job(job_id: int, forms: JobForms) -> Generator[Call, PollingReply, BatchJob]:
    """Stop a job with the version of the operation that the server supports, and read it.

    Args:
        job_id: The id of the job.
        forms: The versions to try.

    Yields:
        Calls to make.

    Returns:
        The state of the job after it was stopped.

    Raises:
        ValueError: The id is not an integer.
        NotFoundError: The job was found with neither version.
        ResponseLostError: The response is not a JSON object.
    """
    yield from _try_forms(forms, job_id, lambda form: form.stop)
    return (yield from read_job(job_id, forms))


def _try_forms(
    forms: JobForms, job_id: int, operation: Callable[[_Form], ModuleType]
) -> Generator[Call, PollingReply, tuple[_Form, bytes]]:
    if isinstance(job_id, bool) or not isinstance(job_id, int):
        raise ValueError(f"job_id must be an integer, got {job_id!r}")  # noqa: TRY004 - as documented
    missing: NotFoundError | None = None
    for form in forms.candidates():
        reply = yield Call(operation(form), job_id)
        if isinstance(reply, bytes):
            forms.remember(form)
            return form, reply
        if not isinstance(reply, NotFoundError):
            raise reply or GameballError("a call got no reply")
        missing = missing or reply
    raise missing or GameballError("there is no version of the operation to try")


def watch_jobs(
    job_ids: Iterable[int],
    *,
    timeout: float,
    forms: JobForms,
    clock: Callable[[], float],
    deadline: Deadline | None = None,
) -> Generator[PollingEffect, PollingReply, None]:
    """Poll jobs until all have ended, with growing pauses.

    Args:
        job_ids: The ids of the jobs. Duplicates are ignored.
        timeout: The maximum time to wait for all jobs together, in seconds. Each is read at least once.
        forms: The versions of the operation to try.
        clock: Returns the current time, in seconds.
        deadline: When to stop in any case, or None. The caller then replies with ``DeadlineError``.

    Yields:
        Calls and pauses to make, and jobs that have ended.

    Raises:
        JobTimeoutError: Some jobs did not end in time.
        ValueError: An id is not an integer.
        GameballError: A job could not be read. A temporary failure is raised only at the fifth in a row.
    """
    if deadline is not None:
        timeout = min(timeout, deadline.seconds)
    end = clock() + timeout if deadline is None else min(clock() + timeout, deadline.at)
    order = count()
    due = [(0.0, next(order), _Watch(job_id)) for job_id in dict.fromkeys(job_ids)]
    late: list[_Watch] = []
    while due:
        when, _, watch = heapq.heappop(due)
        if late and watch.was_read:
            late.append(watch)
            continue
        seconds = min(when, end) - clock()
        if seconds > 0:
            yield Sleep(seconds)
        try:
            asked = yield from _look_at(watch, forms)
        except DeadlineError:
            unfinished = [
                watch,
                *late,
                *(waiting for _, _, waiting in sorted(due, key=lambda entry: entry[1])),
            ]
            raise _timed_out(unfinished, timeout) from None
        now = clock()
        if watch.job is not None and watch.job.status.is_final:
            yield Ended(watch.job)
        elif now >= end:
            late.append(watch)
        else:
            heapq.heappush(due, (now + max(watch.next_pause(), asked), next(order), watch))
    if late:
        raise _timed_out(late, timeout)


@define
class _Watch:
    """The polling state of a job."""

    job_id: int
    job: BatchJob | None = None
    pause: float = _FIRST_PAUSE
    failed_reads: int = 0
    was_read: bool = False

    def next_pause(self) -> float:
        pause = self.pause
        self.pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE)
        return pause


def _look_at(watch: _Watch, forms: JobForms) -> Generator[Call | PauseAll, PollingReply, float]:
    """Read a job, and return how long the server asks to wait, in seconds."""
    watch.was_read = True
    try:
        watch.job = yield from read_job(watch.job_id, forms)
    except _PASSING as error:
        asked = requested_wait(error)
        if isinstance(error, RateLimitError):
            # A 429 is temporary, and other processes may be using the account: only the timeout ends it.
            yield PauseAll(max(asked, RATE_LIMIT_PAUSE))
            return asked
        watch.failed_reads += 1
        if watch.failed_reads == _MAX_FAILED_READS:
            raise
        return asked
    watch.failed_reads = 0
    return 0.0


def _timed_out(late: list[_Watch], timeout: float) -> JobTimeoutError:
    watch = late[0]
    state = "not read" if watch.job is None else watch.job.status
    more = f" and {len(late) - 1:,} more" if len(late) > 1 else ""
    return JobTimeoutError(
        f"job {watch.job_id} (status: {state}){more} did not end within {timeout:g} s; unfinished jobs keep "
        "running on the server: wait again, or use a longer timeout",
        job=watch.job,
        job_ids=tuple(watch.job_id for watch in late),
    )
