"""How jobs are read, stopped and followed: written once, for threads and tasks. Pure.

Each function is a generator that asks its shell for calls and pauses, and is sent back what came of them.
"""

import heapq
from collections.abc import Callable, Generator, Iterable
from itertools import count
from types import ModuleType
from typing import Any, Final

import orjson
from attrs import define, frozen
from gameball_api.api.batches import get_batch_job, get_batch_status, stop_batch, stop_batch_job

from gameball.delivery.decisions import SHORTEST_HOLD, requested_wait
from gameball.delivery.effects import PauseAll, Sleep
from gameball.errors import (
    ConnectionFailedError,
    GameballError,
    JobTimeoutError,
    NotFoundError,
    RateLimitError,
    ResponseLostError,
    ServerError,
)
from gameball.jobs.batch_job import BatchJob, read_batch_job, read_batch_status

#: How long waiting for jobs takes at most unless told otherwise, in seconds.
DEFAULT_WAIT: Final = 600.0
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
_PAUSE_GROWTH: Final = 1.5
# So many times in a row a job may fail to be read before waiting for it gives up.
_MAX_FAILED_READS: Final = 5
_PASSING: Final = (RateLimitError, ServerError, ConnectionFailedError, ResponseLostError)


@frozen
class _Form:
    """One of the two documented forms of the job operations."""

    read: ModuleType
    stop: ModuleType
    parse: Callable[[int, dict[str, Any]], BatchJob]


# The first has the better evidence: Gameball's guides still describe it.
_FORMS: Final = (
    _Form(get_batch_job, stop_batch_job, read_batch_job),
    _Form(get_batch_status, stop_batch, read_batch_status),
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
class Ended:
    """Tells the shell of a job that has ended."""

    job: BatchJob


PollingEffect = Call | Sleep | PauseAll | Ended
#: What a shell sends back: the body of a call's answer or why there is none; None after anything else.
PollingReply = bytes | GameballError | None


def read_job(job_id: int, forms: JobForms) -> Generator[Call, PollingReply, BatchJob]:
    """Read a job in the form that the server knows.

    Args:
        job_id: The job.
        forms: What is known of the server.

    Yields:
        Calls to make.

    Returns:
        The job.

    Raises:
        ValueError: The id is no whole number.
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


def stop_job(job_id: int, forms: JobForms) -> Generator[Call, PollingReply, BatchJob]:
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
) -> Generator[Call, PollingReply, tuple[_Form, bytes]]:
    if isinstance(job_id, bool) or not isinstance(job_id, int):
        raise ValueError(f"the id of a job is a whole number, unlike {job_id!r}")  # noqa: TRY004 - it is a value
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
) -> Generator[PollingEffect, PollingReply, None]:
    """Follow jobs to their end, asking less and less often.

    Args:
        job_ids: The jobs; one named twice is followed once.
        timeout: How long to follow them all together, in seconds. Each is read at least once.
        forms: What is known of the server.
        clock: Tells the time, in seconds.

    Yields:
        Calls to make, pauses to keep, and jobs as they end.

    Raises:
        JobTimeoutError: Some jobs have not ended in time.
        GameballError: A job could not be read. Failures that pass are waited out, five in a row.
    """
    deadline = clock() + timeout
    order = count()
    due = [(0.0, next(order), _Watch(job_id)) for job_id in dict.fromkeys(job_ids)]
    late: list[_Watch] = []
    while due:
        when, _, watch = heapq.heappop(due)
        if late and watch.was_read:
            late.append(watch)
            continue
        seconds = min(when, deadline) - clock()
        if seconds > 0:
            yield Sleep(seconds)
        asked = yield from _look_at(watch, forms)
        now = clock()
        if watch.job is not None and watch.job.status.is_final:
            yield Ended(watch.job)
        elif now >= deadline:
            late.append(watch)
        else:
            heapq.heappush(due, (now + max(watch.next_pause(), asked), next(order), watch))
    if late:
        raise _timed_out(late, timeout)


@define
class _Watch:
    """What is known of a job that is followed."""

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
    """Read a job that is followed, and return how long the server asks to wait, in seconds."""
    watch.was_read = True
    try:
        watch.job = yield from read_job(watch.job_id, forms)
    except _PASSING as error:
        asked = requested_wait(error)
        if isinstance(error, RateLimitError):
            # It passes, and other processes may be using the account: the timeout alone ends the waiting.
            yield PauseAll(max(asked, SHORTEST_HOLD))
            return asked
        watch.failed_reads += 1
        if watch.failed_reads == _MAX_FAILED_READS:
            raise
        return asked
    watch.failed_reads = 0
    return 0.0


def _timed_out(late: list[_Watch], timeout: float) -> JobTimeoutError:
    watch = late[0]
    state = "of unknown state" if watch.job is None else watch.job.status
    more = f" and {len(late) - 1:,} more have not ended" if len(late) > 1 else ""
    return JobTimeoutError(
        f"job {watch.job_id} is {state}{more} after {timeout:g} s; what runs goes on at the server, wait for "
        "it again",
        job=watch.job,
        job_ids=tuple(watch.job_id for watch in late),
    )
