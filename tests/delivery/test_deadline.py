"""The deadline of a send: it ends whatever the send waits for."""

import asyncio
import math
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from deadlines import DEADLINE, drip, soon, stay_silent
from either_client import KEYS, EitherClient
from raw_server import Handler, RawServer, answer
from sending import events, our_threads
from waiting import LONGEST, wait_until

from gameball import (
    AsyncGameball,
    DeadlineError,
    DeliveryError,
    DeliveryReport,
    Event,
    Gameball,
    Ledger,
    Outcome,
    RateLimit,
    ResponseLostError,
)
from gameball.sandbox import Fault, Sandbox

NAMED = "the deadline of 1.5 s passed"
KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


def drip_an_answer(connection: socket.socket, _: int) -> bool:
    return drip(connection, answer(1))


@KINDS
@pytest.mark.parametrize("handler", [stay_silent, drip_an_answer])
def test_at_the_deadline_requests_in_flight_are_unknown_and_the_rest_is_unsent(
    kind: str, handler: Any
) -> None:
    with RawServer(handler) as server, soon():
        report = EitherClient(kind, server.url).send(
            events(40), max_objects=2, concurrency=2, deadline=DEADLINE, check=False
        )
    assert (report.accepted, report.rejected, report.unknown, report.unsent) == (0, 0, 4, 36)
    for receipt in report.receipts:
        expected = ResponseLostError if receipt.outcome is Outcome.UNKNOWN else DeadlineError
        assert isinstance(receipt.error, expected)
        assert NAMED in str(receipt.error)
    assert our_threads() == []


@KINDS
def test_by_default_a_send_that_meets_its_deadline_raises(kind: str) -> None:
    with (
        RawServer(stay_silent) as server,
        soon(),
        pytest.raises(DeliveryError, match=NAMED) as caught,
    ):
        EitherClient(kind, server.url).send(events(4), deadline=DEADLINE)
    assert caught.value.retryable is False
    assert caught.value.report.unknown == 4


def test_waiting_for_the_rate_limits_ends(either: EitherClient, box: Sandbox) -> None:
    with soon(), pytest.raises(DeliveryError, match=NAMED) as caught:
        either.send(
            events(8),
            max_objects=2,
            deadline=DEADLINE,
            options={"rate_limits": [RateLimit(1, 60.0)]},
        )
    assert caught.value.retryable is True
    assert (caught.value.report.accepted, caught.value.report.unsent) == (2, 6)
    assert sum(box.events.values()) == 2


@pytest.mark.parametrize("status", [429, 503])
def test_pauses_before_an_attempt_end(status: int, either: EitherClient, box: Sandbox) -> None:
    box.fail_next(*[Fault(status=status, headers=(("retry-after", "30"),))] * 20)
    with soon(), pytest.raises(DeliveryError) as caught:
        either.send(events(8), max_objects=2, deadline=DEADLINE, options={"max_attempts": 5})
    assert caught.value.report.unsent == 8
    assert caught.value.retryable is True
    for receipt in caught.value.report.receipts:
        assert str(receipt.error).startswith(NAMED)
        if receipt.attempts:
            # Without Gameball's message, because the text is recorded in ledgers.
            said = {429: "RateLimitError", 503: "ServerError"}[status]
            assert str(receipt.error).endswith(f"{said}: HTTP {status}, request sandbox")


@KINDS
def test_a_transport_that_cannot_be_aborted_is_left_behind(kind: str) -> None:
    class Stuck(httpx.BaseTransport, httpx.AsyncBaseTransport):
        def handle_request(self, _: httpx.Request) -> httpx.Response:
            time.sleep(3)
            return httpx.Response(200, json={"jobId": 1})

        async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
            until = time.monotonic() + 3
            while time.monotonic() < until:
                try:
                    await asyncio.sleep(until - time.monotonic())
                except asyncio.CancelledError:
                    continue
            return httpx.Response(200, json={"jobId": 1})

    async def send_async() -> tuple[DeliveryReport, float]:
        async with AsyncGameball(*KEYS, base_url="http://127.0.0.1:1", transport=Stuck()) as client:
            begun = time.monotonic()
            report = await client.events.send(events(4), deadline=DEADLINE, check=False)
            return report, time.monotonic() - begun

    if kind == "async":
        report, seconds = asyncio.run(send_async())
    else:
        with Gameball(*KEYS, base_url="http://127.0.0.1:1", transport=Stuck()) as client:
            begun = time.monotonic()
            report = client.events.send(events(4), deadline=DEADLINE, check=False)
            seconds = time.monotonic() - begun
    assert seconds < 2.9
    assert report.unknown == 4
    assert NAMED in str(report.receipts[0].error)
    wait_until(lambda: not our_threads())


def test_a_deadline_that_is_not_met_changes_nothing(either: EitherClient, box: Sandbox) -> None:
    assert either.send(events(20), max_objects=5, deadline=LONGEST).accepted == 20
    assert sum(box.events.values()) == 20


def test_a_deadline_of_zero_reads_and_sends_nothing(either: EitherClient, box: Sandbox) -> None:
    report = either.send(events(8), max_objects=2, deadline=0, check=False)
    assert (report.accepted + report.unknown, report.unsent) == (0, 8)
    assert box.received == []


def answer_one_of_two() -> Handler:
    """Answer the first request when the second one is in flight, and no other."""
    second = threading.Event()

    def handle(connection: socket.socket, number: int) -> None:
        if number == 0:
            second.wait(LONGEST)
            connection.sendall(answer(1))
        second.set()

    return handle


STREAM: dict[str, Any] = {
    "max_objects": 1,
    "concurrency": 2,
    "deadline": DEADLINE,
    "stop_on_error": False,
}


def check_stream(outcomes: list[Outcome]) -> None:
    """Check that the requests in flight were aborted while the consumer was busy with the first receipt."""
    assert outcomes[0] is Outcome.ACCEPTED
    assert 1 <= outcomes.count(Outcome.UNKNOWN) <= 2
    assert set(outcomes[1:]) <= {Outcome.UNKNOWN, Outcome.UNSENT}
    assert our_threads() == []


def test_in_a_stream_the_time_of_the_consumer_counts() -> None:
    outcomes: list[Outcome] = []
    with (
        RawServer(answer_one_of_two()) as server,
        Gameball(*KEYS, base_url=server.url, timeout=LONGEST) as client,
        soon(),
    ):
        for receipt in client.events.stream(iter(events(1000)), **STREAM):
            if not outcomes:
                time.sleep(DEADLINE + 0.1)
            outcomes.append(receipt.outcome)
    check_stream(outcomes)


def test_in_an_asynchronous_stream_the_time_of_the_consumer_counts() -> None:
    async def consume(url: str) -> list[Outcome]:
        outcomes: list[Outcome] = []
        async with AsyncGameball(*KEYS, base_url=url, timeout=LONGEST) as client:
            async for receipt in client.events.stream(iter(events(1000)), **STREAM):
                if not outcomes:
                    await asyncio.sleep(DEADLINE + 0.1)
                outcomes.append(receipt.outcome)
        return outcomes

    with RawServer(answer_one_of_two()) as server, soon():
        outcomes = asyncio.run(consume(server.url))
    check_stream(outcomes)


def test_a_stream_counts_from_the_call_and_not_from_the_first_receipt(box: Sandbox) -> None:
    with Gameball(*KEYS, base_url=box.url) as client:
        stream = client.events.stream(events(4), deadline=0.05)
        time.sleep(0.06)
        assert [receipt.outcome for receipt in stream] == [Outcome.UNSENT]
    assert box.received == []


def test_an_asynchronous_source_that_waits_is_not_waited_for(box: Sandbox) -> None:
    async def slow() -> AsyncIterator[Event]:
        for event in events(3):
            yield event
        await asyncio.sleep(LONGEST)

    with soon():
        report = EitherClient("async", box.url).send(slow(), max_objects=1, deadline=DEADLINE, check=False)
    assert (report.accepted, report.unsent) in {(2, 1), (3, 0)}
    assert sum(box.events.values()) == report.accepted


@KINDS
def test_the_ledger_has_what_the_report_has_and_the_send_can_be_resumed(
    kind: str, box: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "a.ledger"
    either = EitherClient(kind, box.url)
    box.fail_next(Fault(), Fault(accepts=True, delay=60.0))
    report = either.send(
        events(10), max_objects=2, concurrency=1, deadline=DEADLINE, ledger=path, check=False
    )
    assert (report.accepted, report.unknown, report.unsent) == (2, 2, 6)
    with Ledger(path) as ledger:
        assert ledger.ranges(Outcome.UNKNOWN) == report.ranges(Outcome.UNKNOWN) == [range(2, 4)]
        assert NAMED in str(ledger.chunks(Outcome.UNKNOWN)[0].error)
        ledger.resolve(range(2, 4), Outcome.ACCEPTED)
        assert all(run.ended_at is not None for run in ledger.runs())
    assert either.send(events(10), max_objects=2, ledger=path).accepted == 10


@pytest.mark.parametrize("deadline", [-1, math.nan, math.inf, True, "5", 1e300])
def test_a_deadline_must_be_a_number_of_seconds(deadline: Any, either: EitherClient) -> None:
    with pytest.raises(ValueError, match="deadline is .* but must be a number of seconds"):
        either.send([], deadline=deadline)
    with pytest.raises(ValueError, match="close_timeout is .* but must be a number of seconds"):
        either.send([], options={"close_timeout": deadline})


@KINDS
def test_the_grace_period_after_an_interrupt_is_an_argument_of_the_client(kind: str) -> None:
    begun: list[int] = []

    def handle(_: socket.socket, number: int) -> None:
        begun.append(number)

    def source() -> Iterator[Event]:
        yield from events(2)
        wait_until(lambda: begun != [])
        raise KeyboardInterrupt

    async def async_source() -> AsyncIterator[Event]:
        for event in events(2):
            yield event
        await asyncio.to_thread(wait_until, lambda: begun != [])
        raise KeyboardInterrupt

    with RawServer(handle) as server, pytest.raises(KeyboardInterrupt) as caught:
        start = time.monotonic()
        EitherClient(kind, server.url).send(
            source() if kind == "sync" else async_source(), max_objects=1, options={"close_timeout": 0.05}
        )
    assert time.monotonic() - start < 4.5
    assert caught.value.report.unknown >= 1  # type: ignore[attr-defined]
