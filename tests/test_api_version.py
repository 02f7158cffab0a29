"""Version 4.1 of the API, with every part of the package."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from batch_requests import BATCH
from command import gameball, write_events
from either_client import KEYS, EitherClient
from gameball_api.api.batches import get_batch_job, get_batch_status, send_events_batch
from gameball_api.models import BatchStarted, EventsBatch

from gameball import AsyncGameball, Event, Gameball, InvalidRequestError, JobStatus, NotFoundError, Outcome
from gameball.sandbox import Fault, Sandbox

EVENTS = [Event("a", "b", {"n": 1})]
HINT = "pass api_version='v4.1' or set GAMEBALL_API_VERSION"


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(minimum_version="v4.1", job_seconds=0.0) as box:
        yield box


@pytest.fixture
def strict(running: Sandbox) -> Sandbox:
    running.forget()
    return running


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_a_send_uses_the_version_of_the_argument_or_the_environment(
    strict: Sandbox, kind: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"api_version": "v4.1"} if how == "argument" else {}
    monkeypatch.setenv("GAMEBALL_API_VERSION", "v4.0" if how == "argument" else "v4.1")
    report = EitherClient(kind, strict.url).send(EVENTS, options=options)
    assert report.accepted == 1
    assert {request.path for request in strict.received} == {"/api/v4.1/integrations/batch/events"}


def test_a_rejected_version_names_the_setting(strict: Sandbox, kind: str) -> None:
    report = EitherClient(kind, strict.url).send(EVENTS, check=False)
    (receipt,) = report.receipts
    assert receipt.outcome is Outcome.REJECTED
    assert isinstance(receipt.error, InvalidRequestError)
    assert HINT in str(receipt.error)
    assert HINT not in receipt.error.message


def test_without_a_minimum_both_versions_are_served(box: Sandbox, kind: str) -> None:
    for version in ("v4.0", "v4.1"):
        EitherClient(kind, box.url).send(EVENTS, options={"api_version": version})
    assert len(box.batches) == 2
    assert sum(box.events.values()) == 2


@pytest.mark.parametrize("form", ["batch", "batches"])
def test_jobs_follow_the_version_in_both_forms(kind: str, form: str) -> None:
    with Sandbox(minimum_version="v4.1", job_seconds=0.0, job_form=form) as box:
        either = EitherClient(kind, box.url)
        (job_id,) = either.send(EVENTS, options={"api_version": "v4.1"}).job_ids
        job = either.call(lambda gb: gb.jobs.wait(job_id), api_version="v4.1")
        assert job.status is JobStatus.COMPLETED
        assert either.call(lambda gb: gb.jobs.stop(job_id), api_version="v4.1").id == job_id
        assert all(request.path.startswith("/api/v4.1/") for request in box.received)
        with pytest.raises(InvalidRequestError, match="GAMEBALL_API_VERSION"):
            either.call(lambda gb: gb.jobs.get(job_id))


def test_the_raw_client_follows_the_version(strict: Sandbox) -> None:
    batch = EventsBatch.from_dict(BATCH)
    with Gameball(*KEYS, base_url=strict.url, api_version="v4.1") as gb:
        answer = send_events_batch.sync(client=gb.raw, body=batch)
        assert isinstance(answer, BatchStarted)
        assert isinstance(answer.job_id, int)
        job_id = answer.job_id
        with_header = gb.raw.with_headers({"x-shop": "1"})
        assert get_batch_job.sync(job_id, client=with_header) is not None
        with_header.get_httpx_client().close()

    async def run() -> Any:
        async with AsyncGameball(*KEYS, base_url=strict.url, api_version="v4.1") as gb:
            return await get_batch_status.asyncio(job_id, client=gb.raw)

    assert asyncio.run(run()) is not None
    assert len(strict.received) == 3
    assert all(request.path.startswith("/api/v4.1/") for request in strict.received)


def test_the_path_of_a_gateway_stays_before_the_version() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(200, json={"jobId": 1})

    with Gameball(
        *KEYS, base_url="https://host/gate", api_version="v4.1", transport=httpx.MockTransport(answer)
    ) as gb:
        gb.events.send(EVENTS)
        send_events_batch.sync_detailed(client=gb.raw, body=EventsBatch(body=[]))
    assert seen == ["/gate/api/v4.1/integrations/batch/events"] * 2


def test_a_ledger_that_was_started_with_one_version_continues_with_the_other(
    box: Sandbox, kind: str, tmp_path: Path
) -> None:
    events = [Event(f"cust-{number}", "b") for number in range(3)]
    either = EitherClient(kind, box.url)
    ledger = tmp_path / "l.ledger"
    box.fail_next(Fault(), Fault(status=400))
    first = either.send(events, ledger=ledger, max_objects=1, concurrency=1, check=False)
    assert first.accepted == 1
    second = either.send(events, options={"api_version": "v4.1"}, ledger=ledger, max_objects=1)
    assert second.accepted == 3
    assert set(box.events.values()) == {1}


def test_the_command_follows_the_variable_and_names_it_when_the_version_is_rejected(
    strict: Sandbox, tmp_path: Path
) -> None:
    write_events(tmp_path / "e.jsonl", 3)
    refused = gameball("send", "e.jsonl", "--no-ledger", url=strict.url, cwd=tmp_path)
    assert refused.code != 0
    assert "GAMEBALL_API_VERSION" in refused.out + refused.err
    (tmp_path / "keys.env").write_text("GAMEBALL_API_VERSION=v4.1\n")
    done = gameball("send", "e.jsonl", "--wait", "--env-file", "keys.env", url=strict.url, cwd=tmp_path)
    assert done.code == 0, done.err
    assert sum(strict.events.values()) == 3


@pytest.mark.parametrize("value", ["4.1", "v4", "", "v5.0", 4.1, b"v4.1", ["v4.1"]])
def test_an_unknown_version_is_refused(value: Any) -> None:
    for client in (Gameball, AsyncGameball):
        with pytest.raises(ValueError, match=r"api_version must be 'v4\.0' or 'v4\.1', got"):
            client(*KEYS, api_version=value)


def test_an_unknown_version_in_the_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAMEBALL_API_VERSION", "4.1")
    with pytest.raises(ValueError, match="GAMEBALL_API_VERSION must be 'v4"):
        Gameball(*KEYS)


@pytest.mark.parametrize("fault", [Fault(status=400, code=3000), Fault(status=401), Fault(status=500)])
def test_other_errors_do_not_mention_the_version(box: Sandbox, kind: str, fault: Fault) -> None:
    box.fail_next(fault)
    report = EitherClient(kind, box.url).send(EVENTS, check=False)
    assert "version" not in str(report.receipts[0].error)


def test_a_missing_job_does_not_mention_the_version(box: Sandbox, kind: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        EitherClient(kind, box.url).call(lambda gb: gb.jobs.get(404))
    assert "version" not in str(caught.value)


def test_the_sandbox_refuses_versions_it_does_not_know(box: Sandbox) -> None:
    headers = {"apikey": "key", "secretkey": "secret"}
    url = f"{box.url}/api/v4.2/integrations/batch/events"
    assert httpx.post(url, json=BATCH, headers=headers, trust_env=False).status_code == 404
    with pytest.raises(ValueError, match="minimum_version"):
        Sandbox(minimum_version="v5.0")


@pytest.mark.parametrize("path", ["batch/1", "batches/1/status"])
def test_the_sandbox_requires_the_secret_key_for_every_operation_of_v4_1(strict: Sandbox, path: str) -> None:
    url = f"{strict.url}/api/v4.1/integrations/{path}"
    refused = httpx.get(url, headers={"apikey": "key"}, trust_env=False)
    assert (refused.status_code, refused.json()["code"]) == (401, 1001)
