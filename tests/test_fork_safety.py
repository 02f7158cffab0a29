"""Clients that are forked: parent and child share nothing that belongs to one process."""

import asyncio
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from either_client import KEYS, EitherClient
from forking import in_child
from gameball_api.api.batches import send_events_batch
from gameball_api.models import BatchStarted, CustomerEvents, EventsBatch, NamedEvents
from repetitions import repetitions

from gameball import AsyncGameball, DeliveryReport, Event, Gameball, GameballError, RateLimit
from gameball.fork_safety import renew_after_fork
from gameball.sandbox import Sandbox

#: How often parent and child send at once.
ROUNDS = repetitions(10)


def sent_by(box: Sandbox) -> Counter[str]:
    """Return how often each customer's event arrived."""
    return Counter({customer: count for (customer, _, _), count in box.events.items()})


def job_of_each(box: Sandbox) -> dict[str, int | None]:
    """Return the id of the job that the server returned for each customer."""
    jobs: dict[str, int | None] = {}
    for request in box.batches:
        for item in json.loads(request.content)["body"]:
            jobs[item["customerId"]] = request.job_id
    return jobs


Jobs = dict[str, int | None]
Send = Callable[[str], Jobs]


def many(who: str, count: int = 30) -> list[Event]:
    return [Event(f"{who}-{number}", "song_liked") for number in range(count)]


@contextmanager
def sending_with(kind: str, url: str) -> Iterator[Send]:
    """Yield a function that sends thirty events and returns the job id of each customer's event."""
    if kind == "async":
        # The client sends in the parent, and then in the child in the child's own event loop.
        limits = [RateLimit(10_000, 1.0)]
        asynchronous = AsyncGameball(*KEYS, base_url=url, rate_limits=limits, timeout=10)
        loops: dict[int, asyncio.AbstractEventLoop] = {}

        def send_async(who: str) -> Jobs:
            loop = loops.get(os.getpid()) or loops.setdefault(os.getpid(), asyncio.new_event_loop())
            return jobs_of(who, loop.run_until_complete(asynchronous.events.send(many(who), max_objects=1)))

        yield send_async
        loops[os.getpid()].run_until_complete(asynchronous.close())
        loops[os.getpid()].close()
        return
    with Gameball(*KEYS, base_url=url, rate_limits=None, timeout=10) as client:
        raw = client.raw.with_headers({"x-trace": "7"})

        def send_raw(who: str) -> Jobs:
            jobs: Jobs = {}
            for number in range(30):
                customer = CustomerEvents(f"{who}-{number}", NamedEvents.from_dict({"song_liked": {}}))
                started = send_events_batch.sync(client=raw, body=EventsBatch([customer]))
                assert isinstance(started, BatchStarted)
                assert isinstance(started.job_id, int)
                jobs[f"{who}-{number}"] = started.job_id
            return jobs

        if kind == "raw":
            yield send_raw
        else:
            yield lambda who: jobs_of(who, client.events.send(many(who), max_objects=1))
        raw.get_httpx_client().close()


def jobs_of(who: str, report: DeliveryReport) -> Jobs:
    return {f"{who}-{receipt.first}": receipt.job_id for receipt in report.receipts}


@pytest.mark.repeated
@pytest.mark.parametrize("kind", ["sync", "async", "raw"])
def test_parent_and_child_send_at_once_and_each_gets_its_own_responses(kind: str) -> None:
    with Sandbox() as box, sending_with(kind, box.url) as send:
        told = send("before")
        for number in range(ROUNDS):
            child = in_child(partial(send, f"child{number}"))
            told |= send(f"parent{number}")
            answer = child()
            assert isinstance(answer, dict), answer
            told |= answer
        assert set(sent_by(box).values()) == {1}
        assert len(told) == 30 * (1 + 2 * ROUNDS)
        assert told == job_of_each(box)


@pytest.mark.repeated
def test_a_child_forked_while_threads_send_has_no_locked_lock() -> None:
    with (
        Sandbox(latency=0.002) as box,
        Gameball(*KEYS, base_url=box.url, rate_limits=[RateLimit(100_000, 1.0)]) as client,
    ):
        stop = threading.Event()
        threads = [threading.Thread(target=keep_sending, args=(client, stop, n)) for n in range(3)]
        for thread in threads:
            thread.start()
        try:
            for number in range(ROUNDS):
                child = in_child(partial(client.events.send, many(f"child{number}")))
                assert child().accepted == 30
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert set(sent_by(box).values()) == {1}


def keep_sending(client: Gameball, stop: threading.Event, name: int) -> None:
    rounds = 0
    while not stop.is_set():
        client.events.send(many(f"thread{name}-{rounds}", 10), max_objects=1)
        rounds += 1


def test_a_stream_continues_only_in_the_parent(box: Sandbox) -> None:
    with Gameball(*KEYS, base_url=box.url, rate_limits=None) as client:
        stream = client.events.stream(many("cust"), max_objects=1, concurrency=2)
        next(stream)

        def go_on() -> str:
            try:
                next(stream)
            except GameballError as error:
                return str(error)
            return "it went on"

        assert "started before a fork" in in_child(go_on)()
        assert sum(receipt.events for receipt in stream) == 29
    assert set(sent_by(box).values()) == {1}


def test_a_child_that_leaves_a_send_of_its_parent_aborts_nothing(box: Sandbox) -> None:
    with Gameball(*KEYS, base_url=box.url, rate_limits=None) as client:
        stream = client.events.stream(many("cust"), max_objects=1, concurrency=2)
        next(stream)

        def leave() -> str:
            stream.close()  # type: ignore[attr-defined]  # as when an exception leaves its loop
            client.close()
            return "left"

        assert in_child(leave)() == "left"
        assert sum(receipt.events for receipt in stream) == 29
    assert set(sent_by(box).values()) == {1}


def test_requests_in_flight_at_a_fork_occupy_the_rate_limit_of_the_child_for_a_window_only() -> None:
    with Sandbox(latency=0.3) as box:
        client = Gameball(*KEYS, base_url=box.url, rate_limits=[RateLimit(2, 0.2)])
        threads = [
            threading.Thread(target=client.events.send, args=(many(f"parent{n}", 1),)) for n in range(2)
        ]
        for thread in threads:
            thread.start()
        while client.quota_used < 1.0:
            pass
        assert in_child(lambda: client.events.send(many("child", 3)).accepted)() == 3
        for thread in threads:
            thread.join()
        client.close()


@pytest.mark.repeated
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_source_that_forks_has_its_events_sent_by_the_parent_only(kind: str) -> None:
    parent = os.getpid()
    children: list[int] = []

    def source() -> Iterator[Event]:
        yield from many("before", 2)
        children.append(os.fork())
        yield from many("after", 6)

    for _ in range(ROUNDS):
        with Sandbox() as box:
            told = "it was sent"
            try:
                EitherClient(kind, box.url).send(source(), max_objects=1)
            except Exception as error:  # noqa: BLE001 - in a loop of the parent's, asyncio may fail first
                told = str(error)
            if os.getpid() != parent:
                os._exit(0 if kind == "async" or "started before a fork" in told else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(children.pop(), 0)[1]) == 0
            assert told == "it was sent"
            assert set(sent_by(box).values()) == {1}
            assert len(sent_by(box)) == 8


def test_a_fork_while_another_thread_adds_objects_renews_every_object() -> None:
    renewed = Renewed()
    renew_after_fork(renewed)
    ended = threading.Event()

    def add() -> None:
        kept = []
        while not ended.is_set():
            kept.append(Renewed())
            renew_after_fork(kept[-1])
            if len(kept) > 500:
                kept.clear()

    thread = threading.Thread(target=add)
    thread.start()
    try:
        for _ in range(50):
            child = os.fork()
            if child == 0:
                os._exit(0 if renewed.times == 1 else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        ended.set()
        thread.join()


class Renewed:
    times = 0

    def after_fork_in_child(self) -> None:
        self.times += 1
