"""When a job is read again."""

import math

import pytest
from gameball_api.api.batches import get_batch_job, get_batch_status

from gameball import BatchJob, JobTimeoutError, NotFoundError, RateLimitError, ServerError
from gameball.delivery.effects import PauseAll, Sleep
from gameball.jobs.polling import Call, Ended, JobForms, PollingReply, read_job, watch_jobs


class Clock:
    """Advances only when the test does so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def follow(answers: list[PollingReply], timeout: float) -> tuple[list[float], list[BatchJob]]:
    """Wait for one job with a list of responses, and return the pauses."""
    clock = Clock()
    steps = watch_jobs([7], timeout=timeout, forms=JobForms(), clock=clock)
    pauses: list[float] = []
    jobs: list[BatchJob] = []
    reply: PollingReply = None
    pending = iter(answers)
    for _ in range(10_000):
        try:
            step = steps.send(reply)
        except StopIteration:
            return pauses, jobs
        reply = None
        if isinstance(step, Sleep):
            pauses.append(step.seconds)
            clock.now += step.seconds
        elif isinstance(step, Ended):
            jobs.append(step.job)
        else:
            reply = next(pending)
    raise AssertionError("waiting does not end")


RUNNING = b'{"status": "running"}'
COMPLETED = b'{"status": "completed"}'


def test_a_job_is_polled_less_and_less_often() -> None:
    pauses, jobs = follow([*[RUNNING] * 12, COMPLETED], math.inf)
    assert len(jobs) == 1
    assert pauses == sorted(pauses)
    assert pauses[0] == pytest.approx(0.5)
    assert pauses[-1] == pytest.approx(10.0)


def test_a_job_in_an_unknown_state_is_polled_until_the_deadline() -> None:
    with pytest.raises(JobTimeoutError, match=r"job 7 \(status: Paused\) did not end within 60 s") as caught:
        follow([b'{"status": "Paused"}'] * 1000, 60.0)
    assert caught.value.job is not None


def test_a_429_while_polling_pauses_everything_as_long_as_it_asks() -> None:
    clock = Clock()
    steps = watch_jobs([7], timeout=600.0, forms=JobForms(), clock=clock)
    busy = RateLimitError("busy", status=429)
    busy.retry_after = 5.0
    assert isinstance(steps.send(None), Call)
    assert steps.send(busy) == PauseAll(5.0)
    assert steps.send(None) == Sleep(5.0)
    clock.now += 5.0
    assert isinstance(steps.send(None), Call)
    assert steps.send(RateLimitError("busy", status=429)) == PauseAll(1.0)


def test_a_job_is_read_at_least_once_even_with_a_timeout_of_zero() -> None:
    assert len(follow([COMPLETED], 0.0)[1]) == 1


def test_the_fifth_failure_in_a_row_is_raised() -> None:
    busy = ServerError("busy", status=503)
    _, jobs = follow([busy, busy, busy, busy, RUNNING, busy, busy, busy, busy, COMPLETED], 600.0)
    assert len(jobs) == 1
    with pytest.raises(ServerError, match="busy"):
        follow([busy] * 5, 600.0)


def test_a_timeout_before_the_job_was_read_says_so() -> None:
    busy = ServerError("busy", status=503)
    with pytest.raises(JobTimeoutError, match="status: not read") as caught:
        follow([busy] * 4, 0.1)
    assert caught.value.job is None


def test_the_form_of_the_guides_is_tried_first() -> None:
    steps = read_job(7, JobForms())
    first = steps.send(None)
    second = steps.send(NotFoundError("no", status=404))
    assert [call.operation for call in (first, second)] == [get_batch_job, get_batch_status]
    with pytest.raises(NotFoundError, match="no"):
        steps.send(NotFoundError("neither", status=404))
