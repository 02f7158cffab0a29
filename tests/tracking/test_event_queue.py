"""The queue of a tracker, by itself."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gameball import Gameball
from gameball.sandbox import Sandbox
from gameball.tracking.event_queue import EventQueue
from gameball.tracking.options import TrackerOptions


@pytest.fixture
def _frequent_switches() -> Iterator[None]:
    """Let Python switch between threads at every opportunity."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def put(queue: EventQueue, events: int) -> None:
    for number in range(events):
        assert queue.put(f"cust-{number}", "song_liked", b'"song_liked":{}')


def pack_all(queue: EventQueue) -> int:
    """Take chunks until the queue is closed and empty, and return the number of their events."""
    events = 0
    while (found := queue.next_chunk(lambda _: None)) is not None:
        events += found[0].chunk.events
    return events


@pytest.mark.usefixtures("_frequent_switches")
def test_events_that_are_put_in_while_others_are_packed_are_counted_and_packed() -> None:
    for _ in range(5):
        queue = EventQueue(TrackerOptions(linger=0.0))
        with ThreadPoolExecutor() as threads:
            packed = threads.submit(pack_all, queue)
            for done in [threads.submit(put, queue, 4_000) for _ in range(2)]:
                done.result()
            queue.close()
        assert packed.result() == queue.stats().tracked == 8_000


class _Released:
    """A lock that is released as soon as somebody waits for it, as by a worker that can run again."""

    def acquire(self, timeout: float) -> bool:
        return timeout > 0.0

    def release(self) -> None:
        """Do nothing: it is acquired only once."""


def test_a_worker_that_is_packing_at_the_deadline_gets_the_time_to_finish() -> None:
    queue = EventQueue(TrackerOptions())
    put(queue, 2_500)
    queue._packing = _Released()  # type: ignore[assignment]
    dropped = queue.drain(until=time.monotonic() - 1.0)
    assert [pending.chunk.events for pending in dropped] == [1_000, 1_000, 500]


def test_events_that_were_counted_as_dropped_are_not_packed_later() -> None:
    queue = EventQueue(TrackerOptions())
    put(queue, 2_500)
    assert queue.next_chunk(lambda _: None) is not None
    # As a worker does that cannot finish its chunk in time.
    with queue._packing:
        assert queue.drain(until=time.monotonic()) == []
    assert queue.drain(until=time.monotonic() + 10.0) == []
    assert queue.next_chunk(lambda _: None) is None
    stats = queue.stats()
    assert (stats.tracked, stats.dropped, stats.queued, stats.in_flight) == (2_500, 1_500, 0, 1_000)


class _Interrupted(deque[object]):
    """Stands for a signal handler that raises directly after an event was put into the queue."""

    def append(self, entry: object, /) -> None:
        super().append(entry)
        raise KeyboardInterrupt


def test_an_event_that_was_queued_when_a_signal_handler_raised_is_counted_and_sent(box: Sandbox) -> None:
    with Gameball("key", "secret", base_url=box.url) as client:
        tracker = client.events.tracker(linger=60.0)
        tracker.track("cust-1", "song_liked")
        waiting = tracker._backgrounds["current"].queue._waiting
        waiting._added = _Interrupted(waiting._added)  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt):
            tracker.track("cust-2", "song_liked")
        waiting._added = deque(waiting._added)
        stats = tracker.stats
        assert (stats.tracked, stats.queued) == (2, 2)
        assert tracker.flush(10.0)
        assert tracker.stats.accepted == 2
    assert sum(box.events.values()) == 2


def test_the_repr_of_a_queue_shows_no_event(client: Gameball) -> None:
    tracker = client.events.tracker(linger=60.0)
    tracker.track("cust-1", "song_liked", {"song": "a-secret-song"})
    context = tracker._backgrounds["current"].context
    assert "EventQueue(" in repr(context)
    assert "a-secret-song" not in repr(context)
