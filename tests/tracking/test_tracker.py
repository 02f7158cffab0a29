"""The tracker against a real server: what is recorded is sent once, and the counters always add up."""

import asyncio
import logging
import os
import random
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import astuple
from either_client import KEYS, hurry
from raw_server import RawServer
from waiting import LONGEST, wait_until

from gameball import (
    AsyncGameball,
    ClientClosedError,
    Event,
    Gameball,
    InvalidEventError,
    Outcome,
    Receipt,
    Tracker,
    TrackerFullError,
    TrackerStats,
)
from gameball.sandbox import Fault, Sandbox
from gameball.sandbox.faults import Ending
from gameball.tracking import workers
from gameball.tracking.event_queue import EventQueue

#: How many events are tracked faster than they can be sent; 1,000,000 by hand.
EVENTS = int(os.environ.get("GAMEBALL_TRACKER_EVENTS", "40000"))


@pytest.fixture
def quick(client: Gameball) -> Gameball:
    hurry(client)
    return client


def adds_up(stats: TrackerStats) -> bool:
    tracked, *parts = astuple(stats)
    return tracked == sum(parts) and all(part >= 0 for part in parts)


def test_an_event_is_sent_after_the_linger_time(box: Sandbox, client: Gameball) -> None:
    tracker = client.events.tracker(linger=0.05)
    assert tracker.track("cust-1", "song_liked", {"song_id": "231402"})
    box.wait_for(lambda: box.events)
    assert dict(box.events) == {("cust-1", "song_liked", '{"song_id":"231402"}'): 1}


def test_a_full_request_does_not_wait(client: Gameball) -> None:
    tracker = client.events.tracker(linger=LONGEST * 2)
    for number in range(1_500):
        tracker.track(f"cust-{number}", "song_liked")
    wait_until(lambda: tracker.stats.accepted == 1_000)
    assert tracker.stats.queued == 500
    assert tracker.flush(LONGEST)
    assert tracker.stats == TrackerStats(tracked=1_500, accepted=1_500)


def test_changing_the_metadata_later_changes_nothing(box: Sandbox, client: Gameball) -> None:
    tracker = client.events.tracker(linger=LONGEST)
    metadata = {"tags": ["Pop"]}
    tracker.track("cust-1", "song_liked", metadata)
    metadata["tags"].append("Rock")
    assert tracker.flush(LONGEST)
    assert list(box.events) == [("cust-1", "song_liked", '{"tags":["Pop"]}')]


@pytest.mark.parametrize(
    ("customer_id", "name", "metadata"),
    [
        ("", "song_liked", None),
        (7, "song_liked", None),
        ("\ud800", "song_liked", None),
        ("cust-1", " ", None),
        ("cust-1", "song_liked", {"price": float("nan")}),
        ("cust-1", "song_liked", {"song": object()}),
        ("cust-1", "song_liked", ["no mapping"]),
        ("cust-1", "song_liked", {"text": "x" * 2_000_000}),
    ],
)
def test_an_event_that_cannot_be_sent_raises_where_it_is_tracked(
    client: Gameball, customer_id: Any, name: Any, metadata: Any
) -> None:
    tracker = client.events.tracker()
    with pytest.raises(InvalidEventError):
        tracker.track(customer_id, name, metadata)
    assert tracker.stats == TrackerStats()


def test_a_full_queue_refuses_events_and_warns_once(
    client: Gameball, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = client.events.tracker(linger=LONGEST, capacity=3)
    assert [tracker.track("cust-1", "song_liked") for _ in range(5)] == [True, True, True, False, False]
    assert tracker.stats == TrackerStats(tracked=5, queued=3, dropped=2)
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        "the tracker is full; events dropped: 1"
    ]


def test_the_queue_is_bounded_in_bytes_too(client: Gameball) -> None:
    tracker = client.events.tracker(linger=LONGEST, max_queued_bytes=10_000)
    while tracker.track("cust-1", "song_liked", {"text": "x" * 1_000}):
        pass
    assert 5 <= tracker.stats.queued <= 9
    assert tracker.flush(LONGEST)
    assert tracker.track("cust-1", "song_liked", {"text": "x" * 1_000})


def test_a_full_queue_can_raise(client: Gameball) -> None:
    tracker = client.events.tracker(linger=LONGEST, capacity=1, when_full="raise")
    tracker.track("cust-1", "song_liked")
    with pytest.raises(TrackerFullError):
        tracker.track("cust-1", "song_liked")
    assert adds_up(tracker.stats)


def test_a_full_queue_can_wait_until_there_is_room(box: Sandbox, client: Gameball) -> None:
    tracker = client.events.tracker(linger=0.01, capacity=10, when_full="wait")
    assert all(tracker.track(f"cust-{number}", "song_liked") for number in range(100))
    assert tracker.flush(LONGEST)
    assert sum(box.events.values()) == 100


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(status=503)] * 7,
        [Fault(status=429)] * 3,
        [Fault(status=422, code=2001)] * 7,
    ],
)
def test_what_was_certainly_not_accepted_is_sent_again_until_it_is_accepted(
    box: Sandbox, quick: Gameball, faults: Sequence[Fault]
) -> None:
    box.fail_next(*faults)
    tracker = quick.events.tracker(linger=0.0)
    tracker.track("cust-1", "song_liked")
    assert tracker.flush(LONGEST)
    assert tracker.stats == TrackerStats(tracked=1, accepted=1)
    assert len(box.batches) == len(faults) + 1


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(status=400), Outcome.REJECTED),
        (Fault(status=500, accepts=True), Outcome.UNKNOWN),
        (Fault(ending=Ending.RESET, accepts=True), Outcome.UNKNOWN),
    ],
)
def test_what_was_rejected_or_may_have_been_accepted_is_told_and_never_sent_again(
    box: Sandbox, quick: Gameball, caplog: pytest.LogCaptureFixture, fault: Fault, outcome: Outcome
) -> None:
    told: list[tuple[Receipt, Sequence[Event]]] = []
    box.fail_next(fault)
    tracker = quick.events.tracker(linger=0.0, on_failure=lambda *of: told.append(of))
    tracker.track("cust-1", "song_liked", {"song_id": "231402"})
    assert tracker.flush(LONGEST)
    tracker.track("cust-2", "song_liked")
    assert tracker.flush(LONGEST)
    ((receipt, events),) = told
    assert receipt.outcome is outcome
    assert list(events) == [Event("cust-1", "song_liked", {"song_id": "231402"})]
    assert len(box.batches) == 2
    stats = tracker.stats
    assert (stats.accepted, stats.rejected + stats.unknown) == (1, 1)
    assert any(f"tracked events {outcome.name}: 1" in record.message for record in caplog.records)


def test_events_that_are_too_old_are_dropped_and_told(box: Sandbox, quick: Gameball) -> None:
    told: list[Receipt] = []
    box.fail_next(*[Fault(status=503)] * 10_000)
    tracker = quick.events.tracker(
        linger=0.0, max_age=0.2, on_failure=lambda receipt, _: told.append(receipt)
    )
    tracker.track("cust-1", "song_liked")
    assert tracker.flush(LONGEST)
    assert tracker.stats == TrackerStats(tracked=1, dropped=1)
    assert [receipt.outcome for receipt in told] == [Outcome.UNSENT]


@pytest.mark.parametrize("status", [401, 403])
def test_events_wait_for_keys_to_become_valid(
    box: Sandbox,
    quick: Gameball,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    monkeypatch.setattr(workers, "WRONG_KEYS_PAUSE", 0.05)
    box.fail_next(*[Fault(status=status)] * 3)
    tracker = quick.events.tracker(linger=0.0)
    tracker.track("cust-1", "song_liked")
    assert tracker.flush(LONGEST)
    assert tracker.stats == TrackerStats(tracked=1, accepted=1)
    assert len(box.batches) == 4
    assert [record.levelno for record in caplog.records if "events stay queued" in record.message]


def test_a_callback_that_raises_is_logged_and_stops_nothing(
    box: Sandbox, quick: Gameball, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    box.fail_next(Fault(status=400))
    tracker = quick.events.tracker(linger=0.0, on_failure=fail)
    for name in ("first", "second"):
        tracker.track("cust-1", name)
        assert tracker.flush(LONGEST)
    assert tracker.stats == TrackerStats(tracked=2, accepted=1, rejected=1)
    assert "on_failure raised an exception" in caplog.text


def test_flush_tells_that_there_is_no_outcome_yet(box: Sandbox, client: Gameball) -> None:
    box.fail_next(Fault(delay=0.5))
    tracker = client.events.tracker()
    tracker.track("cust-1", "song_liked")
    assert not tracker.flush(0.0)
    assert tracker.flush(LONGEST)
    assert tracker.stats == TrackerStats(tracked=1, accepted=1)


def test_the_counters_add_up_at_every_moment_whatever_the_server_does(box: Sandbox, quick: Gameball) -> None:
    chance = random.Random(7)
    faults = [None, Fault(status=503), Fault(status=500), Fault(status=400), Fault(status=429)]
    box.fail_next(*[fault or Fault() for fault in chance.choices(faults, k=200)])
    tracker = quick.events.tracker(linger=0.001, capacity=2_000)
    seen: list[TrackerStats] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(tracker.stats)

    def record(who: int) -> None:
        for number in range(EVENTS // 4):
            tracker.track(f"{who}-{number}", "song_liked")

    threads = [threading.Thread(target=record, args=(who,)) for who in range(4)]
    watcher = threading.Thread(target=watch)
    for thread in (watcher, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    assert tracker.flush(LONGEST)
    done.set()
    watcher.join()
    assert [stats for stats in seen if not adds_up(stats)] == []
    stats = tracker.stats
    assert adds_up(stats)
    assert stats.tracked == EVENTS // 4 * 4
    assert (stats.queued, stats.in_flight) == (0, 0)
    assert stats.accepted == sum(box.events.values())
    assert set(box.events.values()) == {1}


def test_closing_sends_what_is_queued(client: Gameball) -> None:
    with client.events.tracker(linger=LONGEST) as tracker:
        tracker.track("cust-1", "song_liked")
    assert tracker.stats == TrackerStats(tracked=1, accepted=1)
    assert not tracker.track("cust-1", "song_liked")
    assert tracker.stats.dropped == 1


def test_closing_the_client_closes_its_trackers(client: Gameball) -> None:
    tracker = client.events.tracker(linger=LONGEST)
    tracker.track("cust-1", "song_liked")
    client.close()
    assert tracker.stats == TrackerStats(tracked=1, accepted=1)
    with pytest.raises(ClientClosedError):
        client.events.tracker()


def test_closing_keeps_its_deadline_while_the_server_does_not_answer() -> None:
    told: list[Outcome] = []
    with (
        RawServer(lambda *_: time.sleep(LONGEST)) as server,
        Gameball(*KEYS, base_url=server.url, rate_limits=None) as gb,
    ):
        tracker = gb.events.tracker(concurrency=2, on_failure=lambda receipt, _: told.append(receipt.outcome))
        for number in range(5_000):
            tracker.track(f"cust-{number}", "song_liked")
        wait_until(lambda: len(server.heads) == 2)
        begun = time.monotonic()
        tracker.close(1.0)
        assert time.monotonic() - begun < 4.0
    assert tracker.stats == TrackerStats(tracked=5_000, unknown=2_000, dropped=3_000)
    wait_until(lambda: len(told) == 5)  # on a loaded machine, the last are told after the deadline
    assert sorted(told) == [Outcome.UNKNOWN] * 2 + [Outcome.UNSENT] * 3


def test_a_collected_object_may_track_events(client: Gameball) -> None:
    tracker = client.events.tracker(linger=0.0)

    class Tracking:
        def __del__(self) -> None:
            tracker.track("collected", "song_liked")

    for number in range(2_000):
        leave_garbage(Tracking())
        tracker.track(f"cust-{number}", "song_liked")
    assert tracker.flush(LONGEST)
    assert adds_up(tracker.stats)


def test_a_thread_that_cannot_be_started_is_started_by_a_later_event(
    box: Sandbox, client: Gameball, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    tracker = client.events.tracker(linger=0.0)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        assert tracker.track("cust-1", "song_liked")
    assert tracker.track("cust-2", "song_liked")
    assert tracker.flush(LONGEST)
    assert sum(box.events.values()) == 2


def leave_garbage(thing: object) -> None:
    cycle = [thing]
    cycle.append(cycle)


def test_a_fork_under_load_leaves_the_child_an_empty_tracker_that_works(box: Sandbox) -> None:
    with Gameball(*KEYS, base_url=box.url, rate_limits=None) as gb:
        tracker = gb.events.tracker(linger=0.01, capacity=1_000_000)
        stop = threading.Event()
        threads = [threading.Thread(target=_keep_tracking, args=(tracker, who, stop)) for who in range(3)]
        for thread in threads:
            thread.start()
        children = []
        for number in range(10):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    empty = tracker.stats == TrackerStats()
                    tracker.track(f"child-{number}", "song_liked")
                    code = 0 if empty and tracker.flush(LONGEST) and tracker.stats.accepted == 1 else 2
                finally:
                    os._exit(code)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        stop.set()
        for thread in threads:
            thread.join()
        assert tracker.flush(LONGEST)
        assert codes == [0] * 10
        assert adds_up(tracker.stats)
        assert set(box.events.values()) == {1}
        assert sum(box.events.values()) == tracker.stats.accepted + 10


def _keep_tracking(tracker: Tracker, who: int, stop: threading.Event) -> None:
    number = 0
    while not stop.is_set():
        tracker.track(f"{who}-{number}", "song_liked")
        number += 1
        time.sleep(0.0001)


def test_the_asynchronous_client_has_a_tracker_too(box: Sandbox) -> None:
    async def run() -> TrackerStats:
        async with AsyncGameball(*KEYS, base_url=box.url) as gb, gb.events.tracker(linger=LONGEST) as tracker:
            assert tracker.track("cust-1", "song_liked")
            assert await tracker.flush(LONGEST)
            assert tracker.track("cust-2", "song_liked")
        return tracker.stats

    assert asyncio.run(run()) == TrackerStats(tracked=2, accepted=2)
    assert sum(box.events.values()) == 2


def test_a_short_time_to_close_is_used_for_sending(box: Sandbox) -> None:
    with Gameball("key", "secret", base_url=box.url) as client:
        tracker = client.events.tracker(linger=60.0)
        for number in range(20):
            tracker.track(f"cust-{number}", "song_liked")
        tracker.close(timeout=0.5)
        assert tracker.stats.accepted == 20


def test_a_second_thread_that_closes_waits_until_everything_was_sent() -> None:
    with Sandbox(latency=0.3) as box, Gameball("key", "secret", base_url=box.url) as client:
        tracker = client.events.tracker(linger=60.0)
        for number in range(1500):
            tracker.track(f"cust-{number}", "song_liked")
        first = threading.Thread(target=tracker.close, daemon=True)
        first.start()
        box.wait_for(lambda: box.received)
        tracker.close()
        assert tracker.stats.accepted == 1500
        first.join()


def test_a_close_that_was_interrupted_can_be_completed(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_queue: EventQueue, _timeout: float) -> bool:
        raise KeyboardInterrupt

    with Gameball("key", "secret", base_url=box.url) as client:
        tracker = client.events.tracker(linger=60.0)
        tracker.track("cust-1", "song_liked")
        with monkeypatch.context() as patch:
            patch.setattr(EventQueue, "flush", interrupt)
            with pytest.raises(KeyboardInterrupt):
                tracker.close()
        tracker.close()
        assert tracker.stats.accepted == 1
    assert sum(box.events.values()) == 1
