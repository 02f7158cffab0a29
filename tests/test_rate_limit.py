"""The rate limits are never exceeded at the server, whatever the latency."""

import asyncio
import itertools
import math
import threading
import time
from collections import deque
from typing import Any

import pytest
from either_client import EitherClient
from hypothesis import given
from hypothesis import strategies as st
from waiting import LONGEST

from gameball import DOCUMENTED_LIMITS, AsyncGameball, Event, Gameball, RateLimit
from gameball.rate_limit import LATEST_ARRIVAL, AsyncLimiter, Limiter, RequestEnd, Windows
from gameball.sandbox import Fault, Received, Sandbox
from gameball.sandbox.limits import SlidingWindows

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


def test_the_documented_limits_are_gameballs() -> None:
    assert (RateLimit(30, 1.0), RateLimit(360, 30.0)) == DOCUMENTED_LIMITS


@pytest.mark.parametrize("values", [(0, 1.0), (1, 0.0), (-1, 1.0), (1, -1.0)])
def test_a_limit_that_allows_nothing_is_refused(values: tuple[int, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        RateLimit(*values)


def test_a_slot_is_occupied_until_one_window_after_the_response() -> None:
    windows = Windows([RateLimit(2, 10.0)])
    assert windows.delay(0.0) == 0.0
    windows.take()
    windows.take()
    assert windows.delay(1.0) == math.inf  # nobody knows when an answer will come
    windows.give_back(3.0, RequestEnd.ENDED_BY_SERVER)
    assert windows.delay(3.0) == pytest.approx(10.0)
    windows.give_back(5.0, RequestEnd.ENDED_BY_SERVER)
    assert windows.delay(12.0) == pytest.approx(1.0)
    assert windows.delay(13.0) == 0.0
    windows.take()
    assert windows.delay(13.0) == pytest.approx(2.0)


def test_a_request_that_was_never_sent_occupies_no_slot() -> None:
    windows = Windows([RateLimit(1, 10.0)])
    windows.take()
    windows.give_back(0.0, RequestEnd.NOT_SENT)
    assert windows.delay(0.0) == 0.0


def test_a_request_that_was_given_up_occupies_its_slot_until_one_window_after_it_can_arrive() -> None:
    windows = Windows([RateLimit(2, 10.0)])
    windows.take()
    windows.give_back(5.0, RequestEnd.GIVEN_UP)
    assert windows.delay(5.0) == 0.0
    assert windows.used(20.0) == 0.5
    windows.take()
    windows.give_back(6.0, RequestEnd.ENDED_BY_SERVER)
    assert windows.delay(6.0) == pytest.approx(10.0)  # the slot of the request with a response
    assert windows.delay(16.0) == 0.0
    windows.take()
    windows.give_back(16.0, RequestEnd.GIVEN_UP)
    assert windows.delay(16.0) == pytest.approx(5.0 + LATEST_ARRIVAL + 10.0 - 16.0)
    assert windows.delay(5.0 + LATEST_ARRIVAL + 10.0) == 0.0


@pytest.mark.parametrize("limits", [[], [RateLimit(1_000_000, 1.0)]])
def test_what_is_remembered_of_requests_that_were_given_up_is_forgotten_in_time(
    limits: list[RateLimit],
) -> None:
    windows = Windows(limits)
    for second in range(1000):
        assert windows.delay(float(second)) == 0.0
        windows.take()
        windows.give_back(float(second), RequestEnd.GIVEN_UP)
    assert len(windows._given_up) <= LATEST_ARRIVAL + 1


def test_after_a_429_one_request_at_a_time_asks_until_one_is_not_refused() -> None:
    windows = Windows([RateLimit(3, 10.0)])
    windows.take()
    windows.take()
    windows.give_back(1.0, RequestEnd.REFUSED)
    assert windows.delay(1.0) == math.inf
    windows.give_back(1.0, RequestEnd.REFUSED)
    for _ in range(5):
        # No refused request occupies a slot.
        assert windows.delay(2.0) == 0.0
        windows.take()
        assert windows.delay(2.0) == math.inf
        windows.give_back(2.0, RequestEnd.REFUSED)
    windows.take()
    windows.give_back(3.0, RequestEnd.ENDED_BY_SERVER)
    windows.take()
    assert windows.delay(3.0) == 0.0


def test_a_hold_blocks_every_request_and_is_never_shortened() -> None:
    windows = Windows([])
    windows.hold(5.0)
    windows.hold(3.0)
    assert windows.delay(1.0) == 4.0
    assert windows.delay(5.0) == 0.0


#: How long a request takes to arrive, and from then on until it ends; whether the client gives it up, and
#: then how much later it arrives, as a part of the longest time that is assumed.
REQUESTS = st.tuples(st.floats(0.0, 2.0), st.floats(0.0, 2.0), st.one_of(st.none(), st.floats(0.0, 1.0)))


@given(
    limits=st.lists(
        st.builds(RateLimit, st.integers(1, 5), st.sampled_from([0.5, 1.0, 4.0])), min_size=1, max_size=3
    ),
    requests=st.lists(REQUESTS, min_size=1, max_size=60),
    workers=st.integers(1, 8),
)
def test_for_any_latencies_and_timeouts_the_server_never_counts_more_than_it_allows(
    limits: list[RateLimit], requests: list[tuple[float, float, float | None]], workers: int
) -> None:
    windows = Windows(limits)
    arrivals: list[float] = []
    ends: list[tuple[float, RequestEnd]] = []
    now = 0.0
    pending = deque(requests)
    while pending:
        delay = windows.delay(now) if len(ends) < workers else math.inf
        if delay == 0.0:
            windows.take()
            out, back, late = pending.popleft()
            if late is None:
                arrivals.append(now + out)
                ends.append((now + out + back, RequestEnd.ENDED_BY_SERVER))
            else:
                arrivals.append(now + out + late * LATEST_ARRIVAL)
                ends.append((now + out, RequestEnd.GIVEN_UP))
            ends.sort(key=lambda end: end[0])
            continue
        if ends and ends[0][0] <= now + delay:
            at, end = ends.pop(0)
            now = max(now, at)
            windows.give_back(now, end)
        else:
            now += delay
    server = SlidingWindows([RateLimit(limit.requests, limit.seconds * (1 - 1e-9)) for limit in limits])
    assert all(server.admit(at) for at in sorted(arrivals))


class Clock:
    """A fake clock, so that the limiter takes no real time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_limiter_uses_the_clock_it_is_given() -> None:
    clock = Clock()
    limiter = Limiter([RateLimit(1, 1000.0)], clock)
    assert limiter.acquire()
    limiter.release(RequestEnd.ENDED_BY_SERVER)
    clock.now = 1000.0
    assert limiter.acquire()

    async def twin() -> None:
        clock.now = 0.0
        limiter = AsyncLimiter([RateLimit(1, 1000.0)], clock)
        assert await limiter.acquire()
        limiter.release(RequestEnd.ENDED_BY_SERVER)
        clock.now = 1000.0
        assert await limiter.acquire()

    asyncio.run(twin())


def test_waiting_for_a_slot_can_be_stopped() -> None:
    limiter = Limiter([RateLimit(1, 1000.0)])
    limiter.acquire()
    stopped, asked = threading.Event(), threading.Event()
    results: list[bool] = []

    def is_stopped() -> bool:
        asked.set()
        return stopped.is_set()

    thread = threading.Thread(target=lambda: results.append(limiter.acquire(is_stopped)))
    thread.start()
    # It has checked that it is not stopped, and is waiting.
    assert asked.wait(LONGEST)
    stopped.set()
    limiter.wake()
    thread.join(LONGEST)
    assert results == [False]

    async def twin() -> bool:
        limiter = AsyncLimiter([RateLimit(1, 1000.0)])
        await limiter.acquire()
        stopped, asked = asyncio.Event(), asyncio.Event()

        def is_stopped() -> bool:
            asked.set()
            return stopped.is_set()

        waiting = asyncio.create_task(limiter.acquire(is_stopped))
        await asked.wait()
        stopped.set()
        limiter.wake()
        return await asyncio.wait_for(waiting, LONGEST)

    assert asyncio.run(twin()) is False


def events(count: int) -> list[Event]:
    return [Event(f"cust-{number}", "song_liked") for number in range(count)]


@KINDS
def test_the_quota_is_used_and_never_exceeded_at_a_server_with_random_latency(kind: str) -> None:
    # The documented limits at a tenth of their windows: 108 requests take 2 full long windows, and a bit.
    limits = [RateLimit(30, 0.1), RateLimit(36, 0.3)]
    with Sandbox(rate_limits=limits, latency=(0.0, 0.02), seed=7) as box:
        either = EitherClient(kind, box.url)
        begun = time.monotonic()
        report = either.send(
            events(108),
            max_objects=1,
            concurrency=16,
            options={"rate_limits": limits},
        )
        elapsed = time.monotonic() - begun
        assert report.accepted == 108
        assert [request.status for request in box.batches] == [200] * 108
    assert elapsed >= 0.6


@KINDS
def test_a_client_without_limits_gets_429_responses(kind: str) -> None:
    with Sandbox(rate_limits=[RateLimit(5, 60.0)]) as box:
        report = EitherClient(kind, box.url).send(
            events(20),
            max_objects=1,
            check=False,
            stop_on_error=False,
            options={"rate_limit_timeout": 0.0},
        )
        assert report.accepted == 5
        assert 429 in [request.status for request in box.batches]


@KINDS
def test_polling_shares_the_budget_with_sending(kind: str) -> None:
    with Sandbox(rate_limits=[RateLimit(3, 0.5)], job_seconds=0.0) as box:
        either = EitherClient(kind, box.url)

        def use(gb: Any) -> Any:
            return gb.events.send(events(6), max_objects=1)

        def sync(gb: Gameball) -> None:
            for _ in gb.jobs.wait_all(use(gb).job_ids, timeout=LONGEST):
                pass

        async def asynchronous(gb: AsyncGameball) -> None:
            report = await use(gb)
            async for _ in gb.jobs.wait_all(report.job_ids, timeout=LONGEST):
                pass

        either.call(sync if kind == "sync" else asynchronous, rate_limits=[RateLimit(3, 0.5)])
        assert len(box.received) == 12
        assert {request.status for request in box.received} == {200}


def test_all_threads_of_a_client_share_its_budget() -> None:
    with (
        Sandbox(rate_limits=[RateLimit(4, 0.3)]) as box,
        Gameball("key", "secret", base_url=box.url, rate_limits=[RateLimit(4, 0.3)]) as client,
    ):
        threads = [
            threading.Thread(target=client.events.send, args=(events(4),), kwargs={"max_objects": 1})
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONGEST)
        assert [request.status for request in box.batches] == [200] * 16
        assert len(box.events) == 4
        assert set(box.events.values()) == {4}


@KINDS
def test_after_a_429_only_one_worker_asks_whether_there_is_room_again(kind: str) -> None:
    def refuse(received: Received) -> Fault | None:
        # All four workers get the first 429 responses together.
        if received.number < 4:
            return Fault(status=429, delay=0.3)
        return Fault(status=429, delay=0.1) if received.number < 8 else None

    with Sandbox(plan=refuse) as box:
        report = EitherClient(kind, box.url).send(events(40), max_objects=1, concurrency=4)
        assert report.accepted == 40
        arrivals = [request.at for request in box.batches]
        asked = arrivals[4:9]
        assert all(later - earlier >= 0.1 for earlier, later in itertools.pairwise(asked))


@KINDS
def test_a_429_pauses_every_worker(kind: str) -> None:
    def refuse_the_first(received: Received) -> Fault | None:
        if received.number == 0:
            return Fault(status=429, headers=(("retry-after", "2"),))
        # The other workers receive their responses in the middle of the pause.
        return Fault(delay=1.0) if received.number < 4 else None

    with Sandbox(plan=refuse_the_first) as box:
        options = {"max_attempts": 2}
        report = EitherClient(kind, box.url).send(events(40), max_objects=1, concurrency=4, options=options)
        assert report.accepted == 40
        arrivals = [request.at - box.batches[0].at for request in box.batches]
        assert len([at for at in arrivals if at < 2.0]) <= 4
