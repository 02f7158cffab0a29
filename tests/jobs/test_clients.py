"""Reading, stopping and waiting for jobs, against a real server."""

import pickle
import threading
import time
from typing import Any

import pytest
from either_client import EitherClient
from waiting import LONGEST

from gameball import (
    AuthenticationError,
    BatchJob,
    Event,
    JobItem,
    JobStatus,
    JobTimeoutError,
    NotFoundError,
    ResponseLostError,
)
from gameball.sandbox import Fault, Sandbox


@pytest.mark.parametrize("job_id", ["../x", None, 1.5, True])
def test_a_job_id_that_is_not_a_whole_number_is_refused(
    job_id: Any, either: EitherClient, box: Sandbox
) -> None:
    uses: list[Any] = [
        lambda gb: gb.jobs.get(job_id),
        lambda gb: gb.jobs.stop(job_id),
        lambda gb: gb.jobs.wait(job_id),
    ]
    for use in uses:
        with pytest.raises(ValueError, match="job_id must be an integer"):
            either.call(use)
    assert box.received == []


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
    # The format of the API document has no status for it.
    assert job.status == ("stopped" if form == "batch" else "failed")
    assert job.finished == 0


def test_waiting_follows_a_job_through_its_states(either: EitherClient) -> None:
    with Sandbox(job_seconds=3600.0, failing_customers=FAILING) as box:
        slow = EitherClient(either.kind, box.url)
        (job_id,) = slow.send(EVENTS).job_ids
        assert slow.call(lambda gb: gb.jobs.get(job_id)).status is JobStatus.QUEUED

        def end_after_the_next_reading() -> None:
            box.wait_for(lambda: len(box.received) >= 3, timeout=LONGEST)
            for job in box.app.jobs.values():
                job.seconds = 0.0

        ending = threading.Thread(target=end_after_the_next_reading)
        ending.start()
        job = slow.call(lambda gb: gb.jobs.wait(job_id, timeout=LONGEST))
        ending.join()
        # The send, the read above, a read that found it queued, and at least one more.
        assert len(box.received) >= 4
    assert job.status is JobStatus.COMPLETED
    assert [item.message for item in job.failed] == ["The account is closed"]


def test_a_job_timeout_error_has_the_job_as_last_read(either: EitherClient) -> None:
    with Sandbox(job_seconds=60.0) as box:
        slow = EitherClient(either.kind, box.url)
        (job_id,) = slow.send(EVENTS).job_ids
        begun = time.monotonic()
        with pytest.raises(JobTimeoutError, match="wait again") as caught:
            slow.wait_all([job_id], timeout=0.3)
        assert 0.3 <= time.monotonic() - begun < LONGEST
    assert caught.value.job is not None
    assert caught.value.job.id == job_id
    assert pickle.loads(pickle.dumps(caught.value)).job == caught.value.job


def test_all_jobs_of_a_report_are_followed_and_each_is_yielded_once(either: EitherClient) -> None:
    job_ids = either.send([Event(f"cust-{n}", "x") for n in range(25)], max_objects=5).job_ids
    jobs = either.wait_all([*job_ids, *job_ids], timeout=LONGEST)
    assert sorted(job.id for job in jobs) == sorted(job_ids)


def test_temporary_failures_are_retried_while_waiting(either: EitherClient, box: Sandbox) -> None:
    (job_id,) = either.send(EVENTS).job_ids
    box.fail_next(Fault(status=503), Fault(body=b"<html>"))
    assert either.wait_all([job_id], timeout=LONGEST)[0].status is JobStatus.COMPLETED


def test_a_permanent_failure_is_raised_while_waiting(either: EitherClient, box: Sandbox) -> None:
    (job_id,) = either.send(EVENTS).job_ids
    box.fail_next(Fault(status=401))
    with pytest.raises(AuthenticationError):
        either.wait_all([job_id], timeout=LONGEST)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"7", b'"text"'])
def test_a_response_about_a_job_that_is_not_an_object_is_a_typed_error(
    either: EitherClient, box: Sandbox, body: bytes
) -> None:
    box.fail_next(Fault(body=body))
    with pytest.raises(ResponseLostError):
        either.call(lambda gb: gb.jobs.get(1))


def test_each_of_several_jobs_is_read_at_least_once_and_those_that_ended_are_yielded(
    either: EitherClient,
) -> None:
    # The first job that was still running ended the wait, and the others were never read.
    with Sandbox(job_seconds=60.0) as box:
        followed = EitherClient(either.kind, box.url)
        ended = followed.send([Event("a", "x"), Event("b", "x")], max_objects=1).job_ids
        for job_id in ended:
            followed.call(lambda gb: gb.jobs.stop(job_id))  # noqa: B023 - it is called at once
        running = followed.send([Event(f"c{n}", "x") for n in range(2)], max_objects=1).job_ids
        given: list[int] = []

        def wait(client: Any) -> Any:
            for job in client.jobs.wait_all([*running, *ended], timeout=1e-9):
                given.append(job.id)  # noqa: PERF401 - what came before the error counts

        async def wait_async(client: Any) -> Any:
            async for job in client.jobs.wait_all([*running, *ended], timeout=1e-9):
                given.append(job.id)  # noqa: PERF401 - what came before the error counts

        with pytest.raises(JobTimeoutError, match="and 1 more did not end") as caught:
            followed.call(wait if either.kind == "sync" else wait_async)
    assert given == ended
    assert caught.value.job_ids == tuple(running)
    assert pickle.loads(pickle.dumps(caught.value)).job_ids == tuple(running)


def test_after_a_429_polling_waits_for_a_window(either: EitherClient, box: Sandbox) -> None:
    (job_id,) = either.send(EVENTS).job_ids
    box.fail_next(Fault(status=429))
    either.call(lambda gb: gb.jobs.wait(job_id, timeout=LONGEST))
    _, first, second = (request.at for request in box.received)
    assert second - first >= 1.0
