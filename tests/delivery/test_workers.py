"""Concurrency with back-pressure, and sends that end early."""

import asyncio
import gc
import itertools
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, aclosing
from typing import Any

import httpx
import pytest
from either_client import KEYS, EitherClient

from gameball import AsyncGameball, Event, Gameball, GameballError, Ledger, Outcome
from gameball.chunking.chunk import Chunk
from gameball.sandbox import Fault, Sandbox

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


def events(count: int) -> list[Event]:
    return [Event(f"cust-{number}", "song_liked") for number in range(count)]


def our_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("gameball-send")]


@KINDS
@pytest.mark.parametrize("concurrency", [1, 3, 8])
def test_so_many_requests_are_under_way_and_no_more(kind: str, concurrency: int) -> None:
    with Sandbox(latency=0.05) as box:
        begun = time.monotonic()
        report = EitherClient(kind, box.url).send(events(24), max_objects=1, concurrency=concurrency)
        elapsed = time.monotonic() - begun
        assert report.accepted == 24
        arrivals = sorted(request.at for request in box.batches)
        # Of so many and one more that arrive in a row, the last came after the first was answered.
        for first, last in zip(arrivals, arrivals[concurrency:], strict=False):
            assert last - first >= 0.045
        assert elapsed >= 24 / concurrency * 0.05


@KINDS
@pytest.mark.parametrize("concurrency", [1, 4])
def test_the_source_is_read_no_further_than_two_chunks_for_each_worker(kind: str, concurrency: int) -> None:
    """A source that is read first and sent then would run out of memory."""
    read = 0

    def source() -> Iterator[Event]:
        nonlocal read
        for number in range(100):
            read += 1
            yield Event(f"cust-{number}", "song_liked")

    seen: list[int] = []
    with Sandbox(latency=0.01) as box:

        def note(_: object) -> None:
            # All that is read and not settled is in chunks of one event, but for the one being made.
            settled = len(seen) + 1
            seen.append(read - settled)

        EitherClient(kind, box.url).send(source(), max_objects=1, concurrency=concurrency, on_receipt=note)
    assert len(seen) == 100
    assert max(seen) <= 2 * concurrency + 1


def test_no_more_chunks_exist_than_two_for_each_worker(box: Sandbox) -> None:
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
    # Other tests of this process may have left some, in a traceback for example.
    older = chunks()
    with Gameball(*KEYS, base_url=box.url, rate_limits=None) as client:
        client.events.send(source(), max_objects=1, concurrency=3)
    assert 1 <= most <= 6


@KINDS
def test_a_slow_source_does_not_keep_the_receipts_waiting(kind: str, box: Sandbox) -> None:
    seen: list[object] = []

    def slow() -> Iterator[Event]:
        for number in range(6):
            if number == 4:
                assert seen, "chunks 0 and 1 were delivered long ago"
            time.sleep(0.1)
            yield Event(f"cust-{number}", "song_liked")

    async def slow_async() -> AsyncIterator[Event]:
        for number in range(6):
            if number == 4:
                assert seen, "chunks 0 and 1 were delivered long ago"
            await asyncio.sleep(0.1)
            yield Event(f"cust-{number}", "song_liked")

    source = slow() if kind == "sync" else slow_async()
    EitherClient(kind, box.url).send(source, max_objects=1, on_receipt=seen.append)
    assert len(seen) == 6


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
            thread.join(30)
    assert [report.accepted for report in reports] == [50] * 8
    assert len(box.events) == 400
    assert set(box.events.values()) == {1}
    assert our_threads() == []


def test_connections_are_kept_from_one_send_to_the_next() -> None:
    with Sandbox() as box, Gameball(*KEYS, base_url=box.url, rate_limits=None) as client:
        for _ in range(5):
            client.events.send(events(4), max_objects=1, concurrency=2)
        assert len(box.app.transports) <= 2


@KINDS
def test_a_stream_that_is_left_early_ends_and_leaves_no_worker(kind: str, box: Sandbox) -> None:
    def sync() -> None:
        with Gameball(*KEYS, base_url=box.url, rate_limits=None) as client:
            stream = client.events.stream((Event(f"c{n}", "x") for n in itertools.count()), max_objects=2)
            receipts = list(itertools.islice(stream, 5))
            assert all(receipt.outcome is Outcome.ACCEPTED for receipt in receipts)
            stream.close()  # type: ignore[attr-defined]
            assert our_threads() == []

    async def asynchronous() -> None:
        async with AsyncGameball(*KEYS, base_url=box.url, rate_limits=None) as client:
            source = (Event(f"c{n}", "x") for n in itertools.count())
            async with aclosing(client.events.stream(source, max_objects=2)) as stream:  # type: ignore[type-var]
                count = 0
                async for _ in stream:
                    count += 1
                    if count == 5:
                        break
            assert [task.get_name() for task in asyncio.all_tasks() if "gameball" in task.get_name()] == []

    sync() if kind == "sync" else asyncio.run(asynchronous())
    assert sum(box.events.values()) >= 10


def test_a_stream_sends_nothing_before_it_is_asked(box: Sandbox) -> None:
    with Gameball(*KEYS, base_url=box.url) as client:
        client.events.stream(events(3))
    assert box.received == []


@KINDS
def test_an_error_of_the_callback_is_what_the_caller_sees_with_the_report(kind: str, box: Sandbox) -> None:
    def fail(_: object) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        EitherClient(kind, box.url).send(events(100), max_objects=1, on_receipt=fail)
    report = caught.value.report  # type: ignore[attr-defined]
    assert report.accepted + report.unsent == 100
    assert report.accepted == sum(box.events.values())
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
def test_a_bug_of_ours_neither_hangs_nor_loses_count(
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


def test_a_cancelled_task_settles_everything_and_is_cancelled() -> None:
    async def run(box: Sandbox) -> None:
        async with AsyncGameball(*KEYS, base_url=box.url, rate_limits=None) as client:
            sending = asyncio.create_task(client.events.send(events(1000), max_objects=1, check=False))
            while len(box.batches) < 10:
                await asyncio.sleep(0.005)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await sending
            report = caught.value.report  # type: ignore[attr-defined]
            assert report.accepted + report.unsent == 1000
            assert report.accepted == sum(box.events.values())
            assert [task for task in asyncio.all_tasks() if "gameball" in task.get_name()] == []

    with Sandbox(latency=0.02) as box:
        asyncio.run(run(box))


def test_a_send_under_a_timeout_of_the_loop_ends_in_time() -> None:
    async def run(box: Sandbox) -> None:
        async with AsyncGameball(*KEYS, base_url=box.url, rate_limits=None) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.events.send((Event(f"c{n}", "x") for n in itertools.count()), max_objects=1)

    with Sandbox(latency=0.01) as box:
        begun = time.monotonic()
        asyncio.run(run(box))
        assert time.monotonic() - begun < 3


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


@pytest.mark.parametrize("cookie", ["route=a; Path=/", "name=é", None])
def test_cookies_that_an_answer_sets_are_not_kept(cookie: str | None) -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        headers = [(b"set-cookie", cookie.encode())] if cookie else []
        return httpx.Response(200, json={"jobId": 1}, headers=headers)

    transport = httpx.MockTransport(answer)
    with Gameball(*KEYS, base_url="http://127.0.0.1", transport=transport, rate_limits=None) as client:
        client.events.send(events(2), max_objects=1, concurrency=1)
    assert seen == [None, None]


LEAVE = """
import itertools, sys
from gameball import Event, Gameball
client = Gameball("key", "secret", base_url=sys.argv[1], rate_limits=None)
stream = client.events.stream((Event(f"c{n}", "x") for n in itertools.count()), max_objects=1)
print(next(stream).outcome)
"""


@pytest.mark.parametrize("latency", [0.0, 0.3])
def test_an_interpreter_that_exits_amid_a_send_does_not_hang(latency: float) -> None:
    with Sandbox(latency=latency) as box:
        done = subprocess.run(
            [sys.executable, "-c", LEAVE, box.url], capture_output=True, text=True, timeout=20, check=False
        )
    assert (done.returncode, done.stdout) == (0, "accepted\n")
    assert done.stderr == ""


@KINDS
def test_a_send_that_waits_for_a_retry_can_be_interrupted(kind: str) -> None:
    """Back-off must not be slept through once a send has stopped."""
    with Sandbox(plan=lambda _: Fault(status=503, headers=(("retry-after", "30"),))) as box:
        begun = time.monotonic()
        either = EitherClient(kind, box.url)
        if kind == "sync":

            def use(gb: Gameball) -> None:
                timer = threading.Timer(0.5, gb.close)
                timer.start()
                gb.events.send([Event("a", "b")])

            with pytest.raises(GameballError):
                either.call(use, max_attempts=5)
        else:

            async def run() -> None:
                async with AsyncGameball(*KEYS, base_url=box.url) as client:
                    async with asyncio.timeout(0.5):
                        await client.events.send([Event("a", "b")])

            with pytest.raises(TimeoutError) as caught:
                asyncio.run(run())
            cause: Any = caught.value.__cause__ or caught.value.__context__
            assert cause.report.unsent == 1
        assert time.monotonic() - begun < 4


def test_a_ledger_of_the_users_own_stays_open(box: Sandbox, tmp_path: Any) -> None:
    with Ledger(tmp_path / "x.ledger") as ledger, Gameball(*KEYS, base_url=box.url) as client:
        client.events.send(events(3), ledger=ledger)
        assert ledger.ranges(Outcome.ACCEPTED) == [range(3)]
