"""How a send yields its receipts, and how it ends."""

import asyncio
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from either_client import KEYS, EitherClient
from sending import events, our_threads
from waiting import LONGEST, wait_until_async

from gameball import AsyncGameball, Event, Gameball, GameballError, Outcome, Receipt
from gameball.sandbox import Fault, Sandbox


def test_on_receipt_is_called_once_for_each_receipt(either: EitherClient) -> None:
    seen: list[Receipt] = []
    report = either.send(events(12), max_objects=5, on_receipt=seen.append)
    assert sorted(seen, key=lambda receipt: receipt.index) == list(report.receipts)


def test_a_stream_yields_a_receipt_per_chunk_and_does_not_raise_for_failures(
    either: EitherClient, box: Sandbox
) -> None:
    box.fail_next(Fault(), Fault(status=500))
    options: dict[str, Any] = {"max_objects": 5, "stop_on_error": False, "concurrency": 1}
    receipts = list(either.call(lambda gb: gb.events.stream(events(15), **options)))
    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.ACCEPTED]


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


# The workers mistook the loop's cancellation for the send's own, and waited for the next chunk for ever.
@pytest.mark.parametrize("way", ["close", "raise"])
def test_an_event_loop_ends_even_if_a_stream_was_left_with_requests_in_flight(way: str) -> None:
    with Sandbox(latency=0.2) as box:
        done = subprocess.run(
            [sys.executable, "-c", LEFT, box.url, way],
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )
    assert (done.stdout, done.returncode) == ("left\n", 0)


def test_a_cancelled_send_stays_cancelled_when_its_client_is_closed_too(box: Sandbox) -> None:
    async def run() -> None:
        waiting = asyncio.Event()

        async def source() -> AsyncIterator[Event]:
            yield Event("a", "x")
            waiting.set()
            await asyncio.Event().wait()

        client = AsyncGameball(*KEYS, base_url=box.url)
        sending = asyncio.create_task(client.events.send(source(), max_objects=1))
        await waiting.wait()
        sending.cancel()
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await sending

    asyncio.run(run())


KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


@KINDS
def test_a_stream_that_is_closed_early_leaves_no_worker(kind: str, box: Sandbox) -> None:
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


def test_a_stream_sends_nothing_before_it_is_iterated(box: Sandbox) -> None:
    with Gameball(*KEYS, base_url=box.url) as client:
        stream = client.events.stream(events(3))
        assert box.received == []
        assert sum(receipt.events for receipt in stream) == 3


@KINDS
def test_an_exception_from_on_receipt_is_raised_with_the_report(kind: str, box: Sandbox) -> None:
    def fail(_: object) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        EitherClient(kind, box.url).send(events(100), max_objects=1, on_receipt=fail)
    report = caught.value.report  # type: ignore[attr-defined]
    assert report.accepted + report.unsent == 100
    assert report.accepted == sum(box.events.values())
    assert our_threads() == []


@pytest.mark.usefixtures("long_grace")
def test_a_cancelled_send_reports_every_event_and_stays_cancelled() -> None:
    async def run(box: Sandbox) -> None:
        async with AsyncGameball(*KEYS, base_url=box.url, rate_limits=None) as client:
            sending = asyncio.create_task(client.events.send(events(1000), max_objects=1, check=False))
            await wait_until_async(lambda: len(box.batches) >= 10)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await sending
            report = caught.value.report  # type: ignore[attr-defined]
            assert report.accepted + report.unsent == 1000
            assert report.accepted == sum(box.events.values())
            assert [task for task in asyncio.all_tasks() if "gameball" in task.get_name()] == []

    with Sandbox(latency=0.02) as box:
        asyncio.run(run(box))


@pytest.mark.usefixtures("long_grace")
def test_a_send_under_asyncio_timeout_ends_in_time() -> None:
    async def run(box: Sandbox) -> None:
        async with AsyncGameball(*KEYS, base_url=box.url, rate_limits=None) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await client.events.send((Event(f"c{n}", "x") for n in itertools.count()), max_objects=1)

    with Sandbox(latency=0.01) as box:
        begun = time.monotonic()
        asyncio.run(run(box))
        assert time.monotonic() - begun < LONGEST


LEAVE = """
import itertools, sys
from gameball import Event, Gameball
client = Gameball("key", "secret", base_url=sys.argv[1], rate_limits=None)
stream = client.events.stream((Event(f"c{n}", "x") for n in itertools.count()), max_objects=1)
print(next(stream).outcome)
"""


@pytest.mark.parametrize("latency", [0.0, 0.3])
def test_an_interpreter_that_exits_during_a_send_does_not_hang(latency: float) -> None:
    with Sandbox(latency=latency) as box:
        done = subprocess.run(
            [sys.executable, "-c", LEAVE, box.url],
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, "accepted\n")
    assert done.stderr == ""


@KINDS
@pytest.mark.usefixtures("long_grace")
def test_a_send_that_waits_for_a_retry_can_be_interrupted(kind: str) -> None:
    """A back-off must end as soon as the send is stopped."""
    with Sandbox(plan=lambda _: Fault(status=503, headers=(("retry-after", "60"),))) as box:
        begun = time.monotonic()

        def send() -> None:
            with Gameball(*KEYS, base_url=box.url) as client:

                def close() -> None:
                    box.wait_for(lambda: box.batches, timeout=LONGEST)
                    client.close()

                closing = threading.Thread(target=close)
                closing.start()
                try:
                    client.events.send([Event("a", "b")])
                finally:
                    closing.join()

        async def send_async() -> None:
            async with AsyncGameball(*KEYS, base_url=box.url) as client:
                sending = asyncio.create_task(client.events.send([Event("a", "b")]))
                await wait_until_async(lambda: box.batches)
                sending.cancel()
                await sending

        with pytest.raises((GameballError, asyncio.CancelledError)) as caught:
            send() if kind == "sync" else asyncio.run(send_async())
        assert time.monotonic() - begun < LONGEST
    report: Any = vars(caught.value)["report"]
    assert report.unsent == 1
