"""Sends that nobody drives, or whose threads, tasks and transports fail in unusual ways, end all the same."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from either_client import KEYS, EitherClient

from gameball import AsyncGameball, Event, Gameball, GameballError, Ledger
from gameball.sandbox import Sandbox


def events(count: int) -> list[Event]:
    return [Event(f"cust-{number}", "song_liked") for number in range(count)]


def our_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("gameball-send")]


def a_base_exception() -> None:
    pytest.fail("a test's own")


def leave() -> None:
    raise SystemExit(3)


def cancel() -> None:
    raise asyncio.CancelledError


# The worker died of it without a word, and the send waited for it for ever.
@pytest.mark.parametrize("fail", [a_base_exception, leave, cancel])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_whatever_a_transport_raises_is_what_the_caller_sees(kind: str, fail: Callable[[], None]) -> None:
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


# Joining a thread that had never begun raised an error in place of the interrupt and its report, and the
# ledger stayed locked.
@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), KeyboardInterrupt()])
def test_a_thread_that_does_not_start_ends_the_send_in_order(
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
            assert time.monotonic() - begun < 4
        report: Any = vars(caught.value)["report"]
        assert (report.unsent, box.received) == (5, [])
        assert client.events.send(events(5), max_objects=1, ledger=ledger).accepted == 5


def test_a_system_without_threads_for_all_workers_sends_with_fewer(
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


def test_a_stream_that_nobody_goes_on_with_ends_when_its_client_does(tmp_path: Path) -> None:
    with Sandbox(latency=0.05) as box:
        with Gameball(*KEYS, base_url=box.url) as client:
            stream = client.events.stream(events(50), max_objects=1, ledger=tmp_path / "a.ledger")
            next(stream)
            begun = time.monotonic()
        assert time.monotonic() - begun < 3
        assert our_threads() == []
        with Ledger(tmp_path / "a.ledger") as ledger:
            assert all(not chunk.in_flight for chunk in ledger.chunks())
        with pytest.raises(GameballError, match="closed") as caught:
            next(stream)
        report: Any = vars(caught.value)["report"]
        # All but the one that was given.
        assert report.accepted == sum(box.events.values()) - 1
        assert report.accepted + report.unsent == 49


def test_a_stream_whose_reader_is_busy_ends_when_another_thread_closes_the_client() -> None:
    with Sandbox(latency=0.05) as box, Gameball(*KEYS, base_url=box.url) as client:
        stream = client.events.stream(events(50), max_objects=1)
        next(stream)
        closing = threading.Thread(target=client.close)
        begun = time.monotonic()
        closing.start()
        closing.join(8)
        assert time.monotonic() - begun < 3
        with pytest.raises(GameballError, match="closed"):
            list(stream)


def test_a_stream_of_an_asynchronous_client_that_nobody_goes_on_with_ends_too(tmp_path: Path) -> None:
    async def run(box: Sandbox) -> Any:
        async with AsyncGameball(*KEYS, base_url=box.url) as client:
            stream = client.events.stream(events(50), max_objects=1, ledger=tmp_path / "a.ledger")
            await anext(stream)
            begun = time.monotonic()
        assert time.monotonic() - begun < 3
        with Ledger(tmp_path / "a.ledger") as ledger:
            assert all(not chunk.in_flight for chunk in ledger.chunks())
        with pytest.raises(GameballError, match="closed") as caught:
            await anext(stream)
        return vars(caught.value)["report"]

    with Sandbox(latency=0.05) as box:
        report = asyncio.run(run(box))
        assert report.accepted == sum(box.events.values()) - 1
        assert report.accepted + report.unsent == 49


LEFT = """
import asyncio, sys
from gameball import AsyncGameball, Event
kept = []
async def run(close):
    client = AsyncGameball("key", "secret", base_url=sys.argv[1])
    kept.append(client.events.stream([Event(f"c{n}", "x") for n in range(50)], max_objects=1))
    async for _ in kept[0]:
        if not close:
            raise KeyError("in the body")
        break
    await client.close()
try:
    asyncio.run(run(sys.argv[2] == "close"))
except KeyError:
    print("left")
else:
    print("left")
"""


# The workers took the loop's cancellation for the send's own, and waited for the next chunk for ever.
@pytest.mark.parametrize("way", ["close", "raise"])
def test_a_loop_ends_although_a_stream_was_left_with_requests_under_way(way: str) -> None:
    with Sandbox(latency=0.2) as box:
        done = subprocess.run(
            [sys.executable, "-c", LEFT, box.url, way],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    assert (done.stdout, done.returncode) == ("left\n", 0)


def test_closing_ends_a_send_whose_source_is_waiting(box: Sandbox) -> None:
    async def source() -> AsyncIterator[Event]:
        yield Event("a", "x")
        await asyncio.sleep(60)

    async def run() -> None:
        async with AsyncGameball(*KEYS, base_url=box.url) as client:
            sending = asyncio.create_task(client.events.send(source(), max_objects=1))
            await asyncio.sleep(0.2)
            begun = time.monotonic()
            await client.close()
            with pytest.raises(GameballError, match="closed") as caught:
                await sending
            assert time.monotonic() - begun < 3
            assert sending.cancelling() == 0
            report: Any = vars(caught.value)["report"]
            assert report.accepted + report.unsent == 1

    asyncio.run(run())


def test_a_cancellation_besides_closing_stays_one(box: Sandbox) -> None:
    async def source() -> AsyncIterator[Event]:
        yield Event("a", "x")
        await asyncio.sleep(60)

    async def run() -> None:
        client = AsyncGameball(*KEYS, base_url=box.url)
        sending = asyncio.create_task(client.events.send(source(), max_objects=1))
        await asyncio.sleep(0.2)
        sending.cancel()
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await sending

    asyncio.run(run())


def test_a_task_of_a_send_that_somebody_else_cancels_ends_the_send() -> None:
    async def run(box: Sandbox) -> None:
        async with AsyncGameball(*KEYS, base_url=box.url) as client:
            sending = asyncio.create_task(client.events.send(events(50), max_objects=1))
            await asyncio.sleep(0.3)
            ours = [task for task in asyncio.all_tasks() if task.get_name().startswith("gameball-send")]
            ours[0].cancel()
            with pytest.raises(GameballError, match="somebody else") as caught:
                await sending
            report: Any = vars(caught.value)["report"]
            assert report.accepted + report.unknown + report.unsent == 50
            with suppress(asyncio.CancelledError):
                await ours[0]

    with Sandbox(latency=0.2) as box:
        asyncio.run(run(box))


def test_an_asynchronous_client_is_of_one_loop(box: Sandbox) -> None:
    client = AsyncGameball(*KEYS, base_url=box.url)

    async def send() -> int:
        return (await client.events.send([Event("a", "x")])).accepted

    async def follow() -> None:
        await client.jobs.get(1001)

    with asyncio.Runner() as runner:
        assert runner.run(send()) == 1
        others: list[Callable[[], Any]] = [send, follow]
        for use in others:
            with asyncio.Runner() as other, pytest.raises(RuntimeError, match="another event loop"):
                other.run(use())
        runner.run(client.close())
    assert sum(box.events.values()) == 1
