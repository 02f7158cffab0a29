"""Jobs in both documented forms, and following them to their end."""

import math
import pickle
import time
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from either_client import EitherClient
from gameball_api.api.batches import get_batch_job, get_batch_status

from gameball import (
    AuthenticationError,
    BatchJob,
    Event,
    JobItem,
    JobStatus,
    JobTimeoutError,
    NotFoundError,
    RateLimitError,
    ResponseLostError,
    ServerError,
)
from gameball.delivery.effects import PauseAll, Sleep
from gameball.jobs.polling import Call, Ended, JobForms, PollingReply, read_job, watch_jobs
from gameball.sandbox import Fault, Sandbox

EVENTS = [Event("cust-1", "song_liked"), Event("cust-closed", "song_liked")]
FAILING = {"cust-closed": "The account is closed"}


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("form", ["batch", "batches"])
def test_both_documented_forms_become_the_same_job(kind: str, form: str) -> None:
    with Sandbox(job_form=form, job_seconds=0.0, failing_customers=FAILING) as box:
        either = EitherClient(kind, box.url)
        (job_id,) = either.send(EVENTS).job_ids
        job = either.call(lambda gb: gb.jobs.get(job_id))
    assert isinstance(job, BatchJob)
    assert (job.id, job.status, job.total, job.finished, job.errors) == (job_id, JobStatus.COMPLETED, 2, 2, 1)
    assert job.successful == (JobItem("cust-1", "Event sent"),)
    assert job.failed == (JobItem("cust-closed", "The account is closed"),)
    assert job.raw
    if form == "batch":
        assert job.created_at is not None
        assert job.created_at.tzinfo is not None
        assert job.operation


def test_the_form_that_worked_is_remembered() -> None:
    with Sandbox(job_form="batches", job_seconds=0.0) as box:
        either = EitherClient("sync", box.url)
        (job_id,) = either.send(EVENTS).job_ids
        either.call(lambda gb: (gb.jobs.get(job_id), gb.jobs.get(job_id)))
        assert [request.path.rpartition("integrations/")[2] for request in box.received[1:]] == [
            f"batch/{job_id}",
            f"batches/{job_id}/status",
            f"batches/{job_id}/status",
        ]


def test_a_job_that_neither_form_knows_is_not_found(either: EitherClient) -> None:
    with pytest.raises(NotFoundError):
        either.call(lambda gb: gb.jobs.get(404))


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("form", ["batch", "batches"])
def test_a_job_can_be_stopped_in_either_form(kind: str, form: str) -> None:
    with Sandbox(job_form=form, job_seconds=60.0) as box:
        either = EitherClient(kind, box.url)
        (job_id,) = either.send(EVENTS).job_ids
        job = either.call(lambda gb: gb.jobs.stop(job_id))
    # The published form has no state of its own for it.
    assert job.status == ("stopped" if form == "batch" else "failed")
    assert job.finished == 0


def test_waiting_follows_a_job_through_its_states(either: EitherClient) -> None:
    with Sandbox(job_seconds=0.8, failing_customers=FAILING) as box:
        slow = EitherClient(either.kind, box.url)
        (job_id,) = slow.send(EVENTS).job_ids
        assert slow.call(lambda gb: gb.jobs.get(job_id)).status is JobStatus.QUEUED
        job = slow.call(lambda gb: gb.jobs.wait(job_id, timeout=10))
    assert job.status is JobStatus.COMPLETED
    assert [item.message for item in job.failed] == ["The account is closed"]


def test_a_job_that_takes_too_long_is_handed_over_as_it_stands(either: EitherClient) -> None:
    with Sandbox(job_seconds=60.0) as box:
        slow = EitherClient(either.kind, box.url)
        (job_id,) = slow.send(EVENTS).job_ids
        begun = time.monotonic()
        with pytest.raises(JobTimeoutError, match="wait for it again") as caught:
            slow.wait_all([job_id], timeout=0.3)
        assert 0.3 <= time.monotonic() - begun < 3
    assert caught.value.job is not None
    assert caught.value.job.id == job_id
    assert pickle.loads(pickle.dumps(caught.value)).job == caught.value.job


def test_all_jobs_of_a_report_are_followed_each_once(either: EitherClient) -> None:
    job_ids = either.send([Event(f"cust-{n}", "x") for n in range(25)], max_objects=5).job_ids
    jobs = either.wait_all([*job_ids, *job_ids], timeout=10)
    assert sorted(job.id for job in jobs) == sorted(job_ids)


def test_failures_that_pass_are_waited_out(either: EitherClient, box: Sandbox) -> None:
    (job_id,) = either.send(EVENTS).job_ids
    box.fail_next(Fault(status=503), Fault(body=b"<html>"))
    assert either.wait_all([job_id], timeout=10)[0].status is JobStatus.COMPLETED


def test_a_failure_that_does_not_pass_is_raised(either: EitherClient, box: Sandbox) -> None:
    (job_id,) = either.send(EVENTS).job_ids
    box.fail_next(Fault(status=401))
    with pytest.raises(AuthenticationError):
        either.wait_all([job_id], timeout=10)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"7", b'"text"'])
def test_an_answer_about_a_job_that_is_no_object_is_a_typed_error(
    either: EitherClient, box: Sandbox, body: bytes
) -> None:
    box.fail_next(Fault(body=body))
    with pytest.raises(ResponseLostError):
        either.call(lambda gb: gb.jobs.get(1))


def read(answer: dict[str, object], form: int = 0) -> BatchJob:
    """Read an answer in one of the two forms, without a server."""
    forms = JobForms()
    forms.remember(JobForms().candidates()[form])
    steps = read_job(7, forms)
    assert isinstance(steps.send(None), Call)
    with pytest.raises(StopIteration) as done:
        steps.send(orjson.dumps(answer))
    job: BatchJob = done.value.value
    return job


@pytest.mark.parametrize(
    ("text", "status", "final"),
    [
        ("queued", JobStatus.QUEUED, False),
        ("Running", JobStatus.RUNNING, False),
        ("COMPLETED", JobStatus.COMPLETED, True),
        ("failed", JobStatus.FAILED, True),
        ("Stopped", JobStatus.STOPPED, True),
        ("pending", JobStatus.QUEUED, False),
        ("Processing", JobStatus.RUNNING, False),
    ],
)
def test_both_vocabularies_of_states_are_one(text: str, status: JobStatus, final: bool) -> None:
    job = read({"status": text})
    assert job.status is status
    assert job.status.is_final is final


def test_an_unknown_state_is_kept_as_it_came_and_is_no_end() -> None:
    status = read({"status": "Paused"}).status
    assert status == "Paused"
    assert str(status) == "Paused"
    assert isinstance(status, JobStatus)
    assert not status.is_final
    assert pickle.loads(pickle.dumps(status)) == status
    assert read({}).status == "unknown"


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-08-01T10:20:30Z", datetime(2026, 8, 1, 10, 20, 30, tzinfo=UTC)),
        ("2026-08-01T10:20:30.1234567Z", datetime(2026, 8, 1, 10, 20, 30, 123456, tzinfo=UTC)),
        ("2026-08-01T12:20:30.5+02:00", datetime(2026, 8, 1, 10, 20, 30, 500000, tzinfo=UTC)),
        ("2026-08-01T10:20:30", datetime(2026, 8, 1, 10, 20, 30, tzinfo=UTC)),
        (None, None),
        ("yesterday", None),
        ("9999-12-31T24:00", None),
        (7, None),
    ],
)
def test_times_are_read_whatever_their_precision(text: object, time: datetime | None) -> None:
    assert read({"createdAt": text}).created_at == time


def test_a_failed_item_has_its_reason_in_either_field() -> None:
    failed = [{"customerId": "a", "message": "m"}, {"customerId": 7, "error": "e"}, "odd", {}]
    job = read({"response": {"successful": None, "failed": failed}})
    assert job.failed == (JobItem("a", "m"), JobItem("7", "e"), JobItem(None, "odd"), JobItem(None, ""))
    assert job.successful == ()


@pytest.mark.parametrize("form", [0, 1])
def test_fields_of_odd_types_are_left_out_and_kept_raw(form: int) -> None:
    odd: dict[str, object] = dict.fromkeys(
        ["operation", "totalCount", "finishedCount", "createdAt", "response", "totalItems", "results"], True
    )
    job = read(odd, form)
    assert (job.operation, job.total, job.finished, job.created_at, job.failed) == (
        None,
        None,
        None,
        None,
        (),
    )
    assert job.raw == odd


class Clock:
    """Goes forward only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def follow(answers: list[PollingReply], timeout: float) -> tuple[list[float], list[BatchJob]]:
    """Follow one job through a list of answers, and return the pauses that were kept."""
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


def test_a_job_is_asked_for_less_and_less_often() -> None:
    pauses, jobs = follow([*[RUNNING] * 12, COMPLETED], math.inf)
    assert len(jobs) == 1
    assert pauses == sorted(pauses)
    assert pauses[0] == pytest.approx(0.5)
    assert pauses[-1] == pytest.approx(10.0)


def test_an_unknown_state_ends_at_the_deadline_and_not_before() -> None:
    with pytest.raises(JobTimeoutError, match="job 7 is Paused after 60 s") as caught:
        follow([b'{"status": "Paused"}'] * 1000, 60.0)
    assert caught.value.job is not None


def test_of_several_jobs_each_is_read_at_least_once_and_those_that_ended_are_given(
    either: EitherClient,
) -> None:
    # The first that was still running ended it, and the others had never been asked for.
    with Sandbox(job_seconds=0.3) as box:
        followed = EitherClient(either.kind, box.url)
        ended = followed.send([Event("a", "x"), Event("b", "x")], max_objects=1).job_ids
        time.sleep(0.4)
        running = followed.send([Event(f"c{n}", "x") for n in range(2)], max_objects=1).job_ids
        given: list[int] = []

        def wait(client: Any) -> Any:
            for job in client.jobs.wait_all([*running, *ended], timeout=1e-9):
                given.append(job.id)  # noqa: PERF401 - what came before the error counts

        async def wait_async(client: Any) -> Any:
            async for job in client.jobs.wait_all([*running, *ended], timeout=1e-9):
                given.append(job.id)  # noqa: PERF401 - what came before the error counts

        with pytest.raises(JobTimeoutError, match="and 1 more have not ended") as caught:
            followed.call(wait if either.kind == "sync" else wait_async)
    assert given == ended
    assert caught.value.job_ids == tuple(running)
    assert pickle.loads(pickle.dumps(caught.value)).job_ids == tuple(running)


def test_a_429_while_following_holds_everybody_as_long_as_it_asks() -> None:
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


def test_a_429_while_following_is_waited_out_for_a_window(either: EitherClient, box: Sandbox) -> None:
    (job_id,) = either.send(EVENTS).job_ids
    box.fail_next(Fault(status=429))
    either.call(lambda gb: gb.jobs.wait(job_id, timeout=10))
    _, first, second = (request.at for request in box.received)
    assert second - first >= 1.0


@pytest.mark.parametrize(
    ("answer", "has_failures"),
    [
        ({"status": "completed", "errorCount": 0}, False),
        ({"status": "completed", "errorCount": 2}, True),
        ({"status": "running", "response": {"failed": [{"customerId": "a"}]}}, True),
        ({"status": "failed", "response": None}, True),
        ({"status": "Stopped"}, True),
        ({"status": "running"}, False),
    ],
)
def test_a_job_has_failures_when_it_says_so_in_any_way(answer: dict[str, object], has_failures: bool) -> None:
    assert read(answer).has_failures is has_failures


def test_a_job_is_read_at_least_once_even_without_any_time() -> None:
    assert len(follow([COMPLETED], 0.0)[1]) == 1


def test_five_failures_in_a_row_are_not_waited_out() -> None:
    busy = ServerError("busy", status=503)
    _, jobs = follow([busy, busy, busy, busy, RUNNING, busy, busy, busy, busy, COMPLETED], 600.0)
    assert len(jobs) == 1
    with pytest.raises(ServerError, match="busy"):
        follow([busy] * 5, 600.0)


def test_a_deadline_without_a_single_reading_says_so() -> None:
    busy = ServerError("busy", status=503)
    with pytest.raises(JobTimeoutError, match="of unknown state") as caught:
        follow([busy] * 4, 0.1)
    assert caught.value.job is None


def test_the_first_form_is_asked_first() -> None:
    steps = read_job(7, JobForms())
    first = steps.send(None)
    second = steps.send(NotFoundError("no", status=404))
    assert [call.operation for call in (first, second)] == [get_batch_job, get_batch_status]
    with pytest.raises(NotFoundError, match="no"):
        steps.send(NotFoundError("neither", status=404))
