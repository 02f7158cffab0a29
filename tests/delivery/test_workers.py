"""Concurrency with back-pressure, and workers that fail."""

import asyncio
import gc
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from either_client import KEYS, EitherClient
from sending import events, our_threads
from waiting import LONGEST, wait_until_async

from gameball import AsyncGameball, DeliveryReport, Event, Gameball, GameballError, Ledger, Outcome
from gameball.chunking.chunk import Chunk
from gameball.sandbox import Sandbox


def a_base_exception() -> None:
    pytest.fail("a test's own")


def leave() -> None:
    raise SystemExit(3)


def cancel() -> None:
    raise asyncio.CancelledError


# The worker ended silently, and the send waited for it for ever.
@pytest.mark.parametrize("fail", [a_base_exception, leave, cancel])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_exception_from_a_transport_that_is_not_an_error_of_a_request_is_raised(
    kind: str, fail: Callable[[], None]
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        fail()
        return httpx.Response(200)

    options = {"transport": httpx.MockTransport(answer)}
    with pytest.raises((pytest.fail.Exception, SystemExit, asyncio.CancelledError)) as caught:
        EitherClient(kind, "https://api.gameball.co").send(
            events(10), max_objects=1, concurrency=2, options=options
        )
    report: Any = vars(caught.value)["report"]
    assert report.unknown >= 1
    assert report.unknown + report.unsent == 10
    assert our_threads() == []


# Joining a thread that had never started raised an error instead of the interrupt with its report, and the
# ledger stayed locked.
@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), KeyboardInterrupt()])
@pytest.mark.usefixtures("long_grace")
def test_a_thread_that_cannot_start_ends_the_send_with_its_report(
    error: BaseException, box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise error

    with Ledger(tmp_path / "a.ledger") as ledger, Gameball(*KEYS, base_url=box.url) as client:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            begun = time.monotonic()
            with pytest.raises(type(error)) as caught:
                client.events.send(events(5), max_objects=1, ledger=ledger)
            assert time.monotonic() - begun < LONGEST
        report: Any = vars(caught.value)["report"]
        assert (report.unsent, box.received) == (5, [])
        assert client.events.send(events(5), max_objects=1, ledger=ledger).accepted == 5


def test_a_send_uses_fewer_workers_if_the_system_cannot_start_more_threads(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = threading.Thread.start
    started: list[threading.Thread] = []

    def start_two(thread: threading.Thread) -> None:
        if thread.name.startswith("gameball-send"):
            if len(started) == 2:
                raise RuntimeError("can't start new thread")
            started.append(thread)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start_two)
    with Gameball(*KEYS, base_url=box.url) as client:
        assert client.events.send(events(20), max_objects=1, concurrency=8).accepted == 20
    assert our_threads() == []


@pytest.mark.usefixtures("little_grace")
def test_cancelling_a_worker_task_from_outside_ends_the_send() -> None:
    async def run(box: Sandbox) -> None:
        async with AsyncGameball(*KEYS, base_url=box.url) as client:
            sending = asyncio.create_task(client.events.send(events(50), max_objects=1))
            await wait_until_async(lambda: box.batches)
            ours = [task for task in asyncio.all_tasks() if task.get_name().startswith("gameball-send")]
            ours[0].cancel()
            with pytest.raises(GameballError, match="cancelled from outside the send") as caught:
                await sending
            report: Any = vars(caught.value)["report"]
            assert report.accepted + report.unknown + report.unsent == 50
            with suppress(asyncio.CancelledError):
                await ours[0]

    with Sandbox(latency=0.2) as box:
        asyncio.run(run(box))


KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


@KINDS
@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_no_more_requests_are_in_flight_than_the_concurrency_allows(kind: str, concurrency: int) -> None:
    with Sandbox(latency=0.05) as box:
        report = EitherClient(kind, box.url).send(events(24), max_objects=1, concurrency=concurrency)
        assert report.accepted == 24
        arrivals = sorted(request.at for request in box.batches)
        # Of so many and one more that arrive in a row, the last came after the first was answered.
        for first, last in zip(arrivals, arrivals[concurrency:], strict=False):
            assert last - first >= 0.045


@KINDS
@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_as_many_requests_are_in_flight_as_the_concurrency_allows(kind: str, concurrency: int) -> None:
    """No request returns before this many are in flight, so with fewer the send would not end."""
    meeting = threading.Barrier(concurrency)

    def answer(_: httpx.Request) -> httpx.Response:
        meeting.wait(LONGEST)
        return httpx.Response(200, json={"jobId": 1})

    async def send() -> DeliveryReport:
        meeting = asyncio.Barrier(concurrency)

        async def answer(_: httpx.Request) -> httpx.Response:
            await asyncio.wait_for(meeting.wait(), LONGEST)
            return httpx.Response(200, json={"jobId": 1})

        transport = httpx.MockTransport(answer)
        async with AsyncGameball(*KEYS, rate_limits=None, transport=transport) as client:
            return await client.events.send(events(24), max_objects=1, concurrency=concurrency)

    if kind == "async":
        assert asyncio.run(send()).accepted == 24
        return
    with Gameball(*KEYS, rate_limits=None, transport=httpx.MockTransport(answer)) as client:
        assert client.events.send(events(24), max_objects=1, concurrency=concurrency).accepted == 24


@KINDS
@pytest.mark.parametrize("concurrency", [1, 4])
def test_the_source_is_read_at_most_two_chunks_ahead_for_each_worker(kind: str, concurrency: int) -> None:
    """Reading the whole source before sending would run out of memory."""
    read = 0

    def source() -> Iterator[Event]:
        nonlocal read
        for number in range(100):
            read += 1
            yield Event(f"cust-{number}", "song_liked")

    seen: list[int] = []
    with Sandbox(latency=0.01) as box:

        def note(_: object) -> None:
            # All that is read and not finished is in chunks of one event, but for the one being made.
            finished = len(seen) + 1
            seen.append(read - finished)

        EitherClient(kind, box.url).send(source(), max_objects=1, concurrency=concurrency, on_receipt=note)
    assert len(seen) == 100
    assert max(seen) <= 2 * concurrency + 1


def test_at_most_three_chunks_for_each_worker_are_in_memory(box: Sandbox) -> None:
    most = 0

    def source() -> Iterator[Event]:
        nonlocal most
        for number in range(60):
            if number % 10 == 9:
                most = max(most, len(chunks()) - len(older))
            yield Event(f"cust-{number}", "song_liked", {"text": "x" * 100})

    def chunks() -> list[object]:
        return [thing for thing in gc.get_objects() if isinstance(thing, Chunk)]

    gc.collect()
    # Other tests in this process may have left some, for example in a traceback.
    older = chunks()
    with Gameball(*KEYS, base_url=box.url, rate_limits=None) as client:
        client.events.send(source(), max_objects=1, concurrency=3)
    # Two are read for each worker, and each may still hold the one that it has just finished.
    assert 1 <= most <= 9


def test_one_client_may_be_used_from_many_threads_at_once(box: Sandbox) -> None:
    with Gameball(*KEYS, base_url=box.url, rate_limits=None) as client:
        reports = []

        def send(number: int) -> None:
            source = [Event(f"thread-{number}", f"event_{n}") for n in range(50)]
            reports.append(client.events.send(source, max_bytes=400))

        threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONGEST)
    assert [report.accepted for report in reports] == [50] * 8
    assert len(box.events) == 400
    assert set(box.events.values()) == {1}
    assert our_threads() == []


@KINDS
@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ZeroDivisionError(), Outcome.UNKNOWN),
        (ssl.SSLError("bad record"), Outcome.UNKNOWN),
        (httpx.ConnectTimeout("slow"), Outcome.UNSENT),
    ],
)
def test_whatever_a_users_transport_raises_becomes_an_outcome(
    kind: str, error: Exception, outcome: Outcome
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    report = EitherClient(kind, "https://api.gameball.co").send(
        events(10),
        max_objects=1,
        concurrency=1,
        check=False,
        options={"transport": httpx.MockTransport(answer)},
    )
    first, *others = report.receipts
    assert first.outcome is outcome
    assert {receipt.outcome for receipt in others} == {Outcome.UNSENT}
    assert type(error).__name__ in str(first.error)


@KINDS
def test_a_bug_in_a_worker_neither_hangs_the_send_nor_loses_an_event(
    kind: str, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: bytes) -> int:
        raise AssertionError("a bug")

    module = "gameball.delivery.workers" if kind == "sync" else "gameball.delivery.async_workers"
    monkeypatch.setattr(f"{module}.job_or_error", fail)
    with pytest.raises(AssertionError, match="a bug") as caught:
        EitherClient(kind, box.url).send(events(40), max_objects=1, concurrency=2)
    report = caught.value.report  # type: ignore[attr-defined]
    assert report.unknown == sum(box.events.values()) > 0
    assert report.unknown + report.unsent == 40
    assert our_threads() == []
