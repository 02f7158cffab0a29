"""The generated client, on its own and over this package's connections."""

import asyncio
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from gameball_api import AuthenticatedClient
from gameball_api.api.batches import get_batch_job, get_batch_status, send_events_batch, stop_batch
from gameball_api.models import (
    BatchJob,
    BatchStarted,
    CustomerEvents,
    EventMetadata,
    EventsBatch,
    NamedEvents,
)

from gameball import AsyncGameball, Gameball, NotFoundError, ResponseLostError, ServerError
from gameball.sandbox import Fault, Sandbox

BATCH = EventsBatch(
    body=[
        CustomerEvents(
            customer_id="cust-1",
            events=NamedEvents.from_dict({"song_liked": {"song_id": "231402", "tags": ["Pop"]}}),
        )
    ]
)


def test_a_raw_call_carries_the_keys_and_returns_a_model(client: Gameball, box: Sandbox) -> None:
    started = send_events_batch.sync(client=client.raw, body=BATCH)
    assert isinstance(started, BatchStarted)
    assert box.events == Counter({("cust-1", "song_liked", '{"song_id":"231402","tags":["Pop"]}'): 1})
    assert isinstance(started.job_id, int)
    job = get_batch_job.sync(started.job_id, client=client.raw)
    assert isinstance(job, BatchJob)
    assert job.total_count == 1


def test_an_asynchronous_raw_call_does_the_same(box: Sandbox) -> None:
    async def call() -> object:
        async with AsyncGameball("key", "secret", base_url=box.url) as client:
            return await send_events_batch.asyncio(client=client.raw, body=BATCH)

    assert isinstance(asyncio.run(call()), BatchStarted)
    assert sum(box.events.values()) == 1


def test_both_forms_of_the_job_operations_can_be_called(client: Gameball) -> None:
    started = send_events_batch.sync(client=client.raw, body=BATCH)
    assert isinstance(started, BatchStarted)
    assert isinstance(started.job_id, int)
    answer = get_batch_status.sync_detailed(started.job_id, client=client.raw)
    assert answer.parsed is not None
    assert stop_batch.sync_detailed(started.job_id, client=client.raw).status_code == 200


def test_the_models_hold_metadata_as_it_is() -> None:
    assert BATCH.to_dict() == {
        "body": [
            {"customerId": "cust-1", "events": {"song_liked": {"song_id": "231402", "tags": ["Pop"]}}},
        ]
    }
    metadata = BATCH.body[0].events["song_liked"]
    assert isinstance(metadata, EventMetadata)
    assert metadata["tags"] == ["Pop"]


def test_raw_calls_raise_the_errors_of_this_package(client: Gameball, box: Sandbox) -> None:
    with pytest.raises(NotFoundError):
        get_batch_job.sync(404404, client=client.raw)
    box.fail_next(Fault(status=520, body=b"<html>", content_type="text/html"))
    with pytest.raises(ServerError):
        get_batch_job.sync(1, client=client.raw)
    for body in (b"", b"<html>"):
        box.fail_next(Fault(body=body, content_type="text/html"))
        with pytest.raises(ResponseLostError, match="not a JSON object"):
            send_events_batch.sync(client=client.raw, body=BATCH)


@pytest.mark.parametrize("body", [b'[{"jobId": 1}]', b'"x"', b"5", b"null", b"", b"<html>"])
def test_a_response_that_is_not_an_object_is_a_typed_error(body: bytes, box: Sandbox) -> None:
    key = "a-key-that-a-server-repeats"
    box.fail_next(Fault(status=200, body=body, content_type=key))
    with (
        Gameball(key, "secret", base_url=box.url) as gb,
        pytest.raises(ResponseLostError, match="not a JSON object") as caught,
    ):
        send_events_batch.sync(client=gb.raw, body=EventsBatch(body=[]))
    assert key not in str(caught.value)


def test_every_operation_expects_an_object() -> None:
    modules = list(Path(str(files("gameball_api"))).glob("api/**/*.py"))
    parsed = [line for module in modules for line in module.read_text().splitlines() if ".json()" in line]
    assert parsed
    assert all(re.search(r"\.from_dict\(response\.json\(\)\)", line) for line in parsed)


def test_a_changed_raw_client_keeps_the_keys_and_does_not_change_the_original(
    client: Gameball, box: Sandbox
) -> None:
    before = client.raw.get_httpx_client().timeout
    changed = (
        client.raw.with_timeout(httpx.Timeout(3)).with_headers({"x-trace": "7"}).with_cookies({"a": "b"})
    )
    assert isinstance(send_events_batch.sync(client=changed, body=BATCH), BatchStarted)
    assert box.received[-1].headers["x-trace"] == "7"
    assert box.received[-1].headers["cookie"] == "a=b"
    assert changed.get_httpx_client().timeout == httpx.Timeout(3)
    changed.get_httpx_client().close()
    send_events_batch.sync(client=client.raw, body=BATCH)
    assert "x-trace" not in box.received[-1].headers
    assert "cookie" not in box.received[-1].headers
    assert client.raw.get_httpx_client().timeout == before


def test_async_calls_of_a_sync_client_and_the_reverse_are_refused_instead_of_sent_without_keys(
    client: Gameball,
) -> None:
    with pytest.raises(TypeError, match="use AsyncGameball"):
        asyncio.run(send_events_batch.asyncio(client=client.raw, body=BATCH))

    async def call() -> None:
        async with AsyncGameball("key", "secret") as asynchronous:
            send_events_batch.sync(client=asynchronous.raw, body=BATCH)

    with pytest.raises(TypeError, match="use Gameball"):
        asyncio.run(call())


def test_the_raw_client_is_the_generated_one() -> None:
    with Gameball("key", "secret") as client:
        assert isinstance(client.raw, AuthenticatedClient)


def test_a_streamed_response_can_be_an_error(client: Gameball) -> None:
    with pytest.raises(NotFoundError), client.raw.get_httpx_client().stream("GET", "/nowhere"):
        pass
