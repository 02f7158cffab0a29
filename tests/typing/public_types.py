"""What a user's type checker sees. Checked by mypy, never run."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any, assert_type

from gameball_api.api.batches import send_events_batch
from gameball_api.models import BatchStarted, ErrorDetails, EventsBatch

from gameball import (
    AsyncEvents,
    AsyncGameball,
    AsyncJobs,
    BatchJob,
    Chunk,
    CustomerEvents,
    DeliveryError,
    DeliveryReport,
    Event,
    Events,
    Gameball,
    GameballError,
    JobItem,
    Jobs,
    JobStatus,
    Outcome,
    RawClient,
    Receipt,
    chunk_events,
)


def sync(client: Gameball, body: EventsBatch) -> None:
    report = client.events.send([Event("a", "b"), CustomerEvents("a", {"b": {}}), ("a", "b", {"n": 1})])
    assert_type(report, DeliveryReport)
    assert_type(report.job_ids, list[int])
    assert_type(report.receipts, tuple[Receipt, ...])
    assert_type(client.events.stream(Event("a", "b") for _ in range(3)), Iterator[Receipt])
    assert_type(client.jobs.get(1), BatchJob)
    assert_type(client.jobs.wait(1, timeout=3), BatchJob)
    assert_type(client.jobs.wait_all([1]), Iterator[BatchJob])
    assert_type(client.jobs.stop(1), BatchJob)
    assert_type(send_events_batch.sync(client=client.raw, body=body), BatchStarted | ErrorDetails | None)
    with client as same:
        assert_type(same, Gameball)


async def asynchronous(client: AsyncGameball, events: AsyncIterator[Event]) -> None:
    assert_type(await client.events.send(events), DeliveryReport)
    assert_type(await client.events.send([Event("a", "b")]), DeliveryReport)
    assert_type(client.events.stream(events), AsyncIterator[Receipt])
    assert_type(await client.jobs.get(1), BatchJob)
    assert_type(client.jobs.wait_all([1]), AsyncIterator[BatchJob])
    async with client as same:
        assert_type(same, AsyncGameball)


def parts(client: Gameball, twin: AsyncGameball, error: GameballError, failed: DeliveryError) -> None:
    assert_type(client.events, Events)
    assert_type(client.jobs, Jobs)
    assert_type(client.raw, RawClient)
    assert_type(twin.events, AsyncEvents)
    assert_type(twin.jobs, AsyncJobs)
    assert_type(error.report, DeliveryReport | None)
    assert_type(failed.report, DeliveryReport)


def data(receipt: Receipt, job: BatchJob) -> None:
    assert_type(receipt.outcome, Outcome)
    assert_type(receipt.job_id, int | None)
    assert_type(receipt.error, GameballError | None)
    assert_type(job.status, JobStatus)
    assert_type(job.created_at, datetime | None)
    assert_type(job.failed, tuple[JobItem, ...])
    assert_type(job.raw, dict[str, Any])
    assert_type(chunk_events([]), Iterator[Chunk])


def mistakes(client: Gameball) -> None:
    client.events.send(["text"])  # type: ignore[list-item]
    client.events.send([], concurency=3)  # type: ignore[call-arg]
    Event("a", "b").name = "c"  # type: ignore[misc]
    Event("a")  # type: ignore[call-arg]
