"""Parsing the responses for a job."""

import pickle
from datetime import UTC, datetime

import orjson
import pytest

from gameball import BatchJob, JobItem, JobStatus
from gameball.jobs.polling import Call, JobForms, read_job


def read(answer: dict[str, object], form: int = 0) -> BatchJob:
    """Parse a response in one of the two formats, without a server."""
    forms = JobForms()
    forms.remember(JobForms().candidates()[form])
    steps = read_job(7, forms)
    assert isinstance(steps.send(None), Call)
    with pytest.raises(StopIteration) as done:
        steps.send(orjson.dumps(answer))
    job: BatchJob = done.value.value
    return job


COMPLETED = b'{"status": "completed"}'


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
def test_the_states_of_both_forms_become_the_same_statuses(text: str, status: JobStatus, final: bool) -> None:
    job = read({"status": text})
    assert job.status is status
    assert job.status.is_final is final


def test_an_unknown_state_is_kept_as_received_and_is_not_final() -> None:
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


def test_the_reason_of_a_failed_item_is_read_from_either_field() -> None:
    failed = [{"customerId": "a", "message": "m"}, {"customerId": 7, "error": "e"}, "odd", {}]
    job = read({"response": {"successful": None, "failed": failed}})
    assert job.failed == (JobItem("a", "m"), JobItem("7", "e"), JobItem(None, "odd"), JobItem(None, ""))
    assert job.successful == ()


@pytest.mark.parametrize("form", [0, 1])
def test_fields_of_unexpected_types_are_none_and_are_kept_in_raw(form: int) -> None:
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
def test_a_job_has_failures_when_its_count_items_or_status_say_so(
    answer: dict[str, object], has_failures: bool
) -> None:
    assert read(answer).has_failures is has_failures
