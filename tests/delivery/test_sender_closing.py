"""A client that is closed while it sends."""

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from either_client import KEYS, EitherClient
from sending import events, our_threads
from waiting import LONGEST, wait_until_async

from gameball import AsyncGameball, Event, Gameball, GameballError, Ledger
from gameball.delivery.send_state import SendState
from gameball.sandbox import Sandbox


@pytest.mark.usefixtures("long_grace")
def test_closing_the_client_ends_a_stream_that_is_no_longer_iterated(tmp_path: Path) -> None:
    with Sandbox(latency=0.05) as box:
        with Gameball(*KEYS, base_url=box.url) as client:
            stream = client.events.stream(events(50), max_objects=1, ledger=tmp_path / "a.ledger")
            next(stream)
            begun = time.monotonic()
        assert time.monotonic() - begun < LONGEST
        assert our_threads() == []
        with Ledger(tmp_path / "a.ledger") as ledger:
            assert all(not chunk.in_flight for chunk in ledger.chunks())
        with pytest.raises(GameballError, match="closed") as caught:
            next(stream)
        report: Any = vars(caught.value)["report"]
        # All except the one that was already yielded.
        assert report.accepted == sum(box.events.values()) - 1
        assert report.accepted + report.unsent == 49


@pytest.mark.usefixtures("long_grace")
def test_closing_the_client_in_another_thread_ends_a_stream_whose_reader_is_busy() -> None:
    with Sandbox(latency=0.05) as box, Gameball(*KEYS, base_url=box.url) as client:
        stream = client.events.stream(events(50), max_objects=1)
        next(stream)
        closing = threading.Thread(target=client.close)
        closing.start()
        closing.join(LONGEST)
        assert not closing.is_alive()
        with pytest.raises(GameballError, match="closed"):
            list(stream)


@pytest.mark.usefixtures("long_grace")
def test_closing_the_asynchronous_client_ends_a_stream_that_is_no_longer_iterated(
    tmp_path: Path,
) -> None:
    async def run(box: Sandbox) -> Any:
        async with AsyncGameball(*KEYS, base_url=box.url) as client:
            stream = client.events.stream(events(50), max_objects=1, ledger=tmp_path / "a.ledger")
            await anext(stream)
            begun = time.monotonic()
        assert time.monotonic() - begun < LONGEST
        with Ledger(tmp_path / "a.ledger") as ledger:
            assert all(not chunk.in_flight for chunk in ledger.chunks())
        with pytest.raises(GameballError, match="closed") as caught:
            await anext(stream)
        return vars(caught.value)["report"]

    with Sandbox(latency=0.05) as box:
        report = asyncio.run(run(box))
        assert report.accepted == sum(box.events.values()) - 1
        assert report.accepted + report.unsent == 49


@pytest.mark.usefixtures("long_grace")
def test_closing_ends_a_send_whose_source_is_waiting(box: Sandbox) -> None:
    async def run() -> None:
        waiting = asyncio.Event()

        async def source() -> AsyncIterator[Event]:
            yield Event("a", "x")
            waiting.set()
            await asyncio.Event().wait()

        async with AsyncGameball(*KEYS, base_url=box.url) as client:
            sending = asyncio.create_task(client.events.send(source(), max_objects=1))
            await waiting.wait()
            begun = time.monotonic()
            await client.close()
            with pytest.raises(GameballError, match="closed") as caught:
                await sending
            assert time.monotonic() - begun < LONGEST
            assert sending.cancelling() == 0
            report: Any = vars(caught.value)["report"]
            assert report.accepted + report.unsent == 1

    asyncio.run(run())


@pytest.mark.usefixtures("long_grace")
def test_a_client_that_is_closed_ends_its_sends_in_other_threads() -> None:
    with Sandbox(latency=0.02) as box:
        client = Gameball(*KEYS, base_url=box.url, rate_limits=None)
        caught: list[Any] = []

        def send() -> None:
            try:
                client.events.send((Event(f"c{n}", "x") for n in itertools.count()), max_objects=1)
            except GameballError as error:
                caught.append(error)

        thread = threading.Thread(target=send)
        thread.start()
        box.wait_for(lambda: len(box.batches) >= 10)
        client.close()
        thread.join(LONGEST)
        assert not thread.is_alive()
        assert "the client was closed" in str(caught[0])
        assert caught[0].report.accepted == sum(box.events.values())
        assert caught[0].report.unknown == 0
        assert our_threads() == []


@pytest.mark.usefixtures("long_grace")
def test_a_client_that_is_closed_ends_its_sends_in_other_tasks() -> None:
    async def run(box: Sandbox) -> None:
        client = AsyncGameball(*KEYS, base_url=box.url, rate_limits=None)
        source = (Event(f"c{n}", "x") for n in itertools.count())
        sending = asyncio.create_task(client.events.send(source, max_objects=1))
        await wait_until_async(lambda: len(box.batches) >= 10)
        await client.close()
        with pytest.raises(GameballError, match="the client was closed") as caught:
            await sending
        report = caught.value.report
        assert report is not None
        assert report.accepted == sum(box.events.values())
        assert report.unknown == 0

    with Sandbox(latency=0.02) as box:
        asyncio.run(run(box))


KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


@KINDS
def test_a_client_can_be_closed_from_within_its_own_send(kind: str, box: Sandbox) -> None:
    def close(gb: Any) -> Any:
        return gb.events.send(events(50), max_objects=1, on_receipt=lambda _: gb.close())

    if kind == "sync":
        with pytest.raises(GameballError, match="closed"):
            EitherClient(kind, box.url).call(close)
    else:
        # Closing must be awaited there, which an async source can do, but not a callback.
        async def run() -> None:
            async with AsyncGameball(*KEYS, base_url=box.url) as client:

                async def source() -> AsyncIterator[Event]:
                    yield Event("a", "b")
                    await client.close()
                    yield Event("c", "d")

                await client.events.send(source())

        with pytest.raises(GameballError, match="closed"):
            asyncio.run(run())


def test_a_client_closed_just_before_a_send_begins_sends_nothing(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Gameball("key", "secret", base_url=box.url)
    begin = SendState.begin

    def close_first(*arguments: Any) -> SendState:
        client.close()
        return begin(*arguments)

    monkeypatch.setattr(SendState, "begin", close_first)
    with pytest.raises(RuntimeError, match="closed"):
        client.events.send([Event("a", "b")])
    assert box.received == []
