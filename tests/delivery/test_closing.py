"""A client that is closed while it sends."""

import asyncio
import itertools
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from either_client import KEYS, EitherClient
from sending import events, our_threads

from gameball import (
    AsyncGameball,
    Event,
    Gameball,
    GameballError,
    Ledger,
)
from gameball.delivery.send_state import SendState
from gameball.sandbox import Sandbox


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
        while len(box.batches) < 10:
            time.sleep(0.005)
        begun = time.monotonic()
        client.close()
        thread.join(5)
        assert time.monotonic() - begun < 5
        assert "the client was closed" in str(caught[0])
        assert caught[0].report.accepted == sum(box.events.values())
        assert caught[0].report.unknown == 0
        assert our_threads() == []


def test_a_client_that_is_closed_ends_its_sends_in_other_tasks() -> None:
    async def run(box: Sandbox) -> None:
        client = AsyncGameball(*KEYS, base_url=box.url, rate_limits=None)
        source = (Event(f"c{n}", "x") for n in itertools.count())
        sending = asyncio.create_task(client.events.send(source, max_objects=1))
        while len(box.batches) < 10:
            await asyncio.sleep(0.005)
        await client.close()
        with pytest.raises(GameballError, match="the client was closed") as caught:
            await sending
        report = caught.value.report  # type: ignore[attr-defined]
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
        # Closing is awaited there, which a callback cannot do; a source can.
        async def run() -> None:
            async with AsyncGameball(*KEYS, base_url=box.url) as client:

                async def source() -> AsyncIterator[Event]:
                    yield Event("a", "b")
                    await client.close()
                    yield Event("c", "d")

                await client.events.send(source())

        with pytest.raises(GameballError, match="closed"):
            asyncio.run(run())


def close_while_sending(kind: str, url: str, **options: Any) -> GameballError:
    """Begin a send of three chunks, close its client soon after, and return what the send raises."""
    settings: dict[str, Any] = {"base_url": url, "rate_limits": None, "timeout": 2, **options}

    def send() -> None:
        client = Gameball(*KEYS, **settings)
        threading.Timer(0.3, client.close).start()
        client.events.send(events(3), max_objects=1, concurrency=1)

    async def send_async() -> None:
        client = AsyncGameball(*KEYS, **settings)
        sending = asyncio.create_task(client.events.send(events(3), max_objects=1, concurrency=1))
        await asyncio.sleep(0.3)
        await client.close()
        await sending

    with pytest.raises(GameballError, match="closed") as caught:
        send() if kind == "sync" else asyncio.run(send_async())
    return caught.value


@pytest.fixture
def little_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sender", "async_sender"):
        monkeypatch.setattr(f"gameball.delivery.{module}.GRACE", 0.2)
        monkeypatch.setattr(f"gameball.delivery.{module}.ABORT_TIMEOUT", 0.2)


@KINDS
@pytest.mark.usefixtures("little_grace")
def test_what_never_gets_a_connection_is_given_up_on_as_unsent(kind: str) -> None:
    """Connecting cannot be aborted, so that a thread comes later; it must not send any more then."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as stack:
        address = server.getsockname()
        # What fills the queue of a server that accepts nobody, so that the next waits for its connection.
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(address)
        time.sleep(0.1)
        begun = time.monotonic()
        report = close_while_sending(kind, f"http://127.0.0.1:{address[1]}").report  # type: ignore[attr-defined]
        assert time.monotonic() - begun < 1.5
        assert (report.unsent, report.unknown) == (3, 0)
        deadline = time.monotonic() + 5
        while our_threads() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert our_threads() == []


class StuckTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A user's own, which tells nobody when it begins to send, and takes its time."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        time.sleep(1.5)
        raise httpx.ReadError("no answer", request=request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise httpx.ReadError("no answer", request=request)


@KINDS
@pytest.mark.usefixtures("little_grace")
def test_what_a_transport_of_the_users_own_does_not_return_from_is_unknown(kind: str) -> None:
    """It was called unsent, because only httpcore's own connections tell that they begin to send."""
    error = close_while_sending(kind, "http://127.0.0.1:9", transport=StuckTransport())
    report = error.report  # type: ignore[attr-defined]
    assert (report.unsent, report.unknown) == (2, 1)


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
