"""Ctrl-C and signal handlers within the methods of a tracker: no event stays without an outcome."""

import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest
from waiting import LONGEST, wait_until

from gameball import Event, Gameball, Receipt, TrackerStats
from gameball.delivery.latch import Latch
from gameball.sandbox import Sandbox
from gameball.tracking import closing
from gameball.tracking.closing import Closing
from gameball.tracking.waiting_events import WaitingEvents

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_a_signal_handler_that_closes_during_track_neither_waits_nor_loses_the_event(
    box: Sandbox, client: Gameball, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = client.events.tracker(linger=0.0)
    tracker.track("cust-0", "song_liked")
    assert tracker.flush(LONGEST)
    add = WaitingEvents.add

    def add_and_close(waiting: WaitingEvents, entry: tuple[str, str, bytes, int, float]) -> int:
        # As a signal handler does that interrupts ``track`` here.
        begun = time.monotonic()
        tracker.close(LONGEST)
        assert time.monotonic() - begun < LONGEST / 2
        return add(waiting, entry)

    monkeypatch.setattr(WaitingEvents, "add", add_and_close)
    assert tracker.track("cust-1", "song_liked")
    assert not tracker.track("cust-2", "song_liked")
    tracker.close()
    assert tracker.stats == TrackerStats(tracked=3, accepted=2, dropped=1)
    assert sum(box.events.values()) == 2


@pytest.mark.parametrize("interrupted", ["waiting for the end", "taking a step", "keeping others out"])
def test_a_close_that_was_interrupted_is_completed_by_the_next(
    interrupted: str, silent: Gameball, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[Receipt, Sequence[Event]]] = []
    # However long the machine takes to track them, only full requests are sent.
    tracker = silent.events.tracker(concurrency=2, linger=LONGEST, on_failure=lambda *of: told.append(of))
    for number in range(4_500):
        tracker.track(f"cust-{number}", "song_liked")
    workers = tracker._backgrounds["current"].workers
    wait_until(lambda: sum(worker.connection.began_to_send for worker in workers) == 2)
    assert tracker.stats.in_flight == 2_000
    left = [KeyboardInterrupt()]

    def interrupt() -> None:
        if left and threading.current_thread() is threading.main_thread():
            raise left.pop()

    wait, left_until, hold = Latch.wait, closing._left, Closing.hold

    def interrupted_wait(latch: Latch, seconds: float) -> None:
        interrupt()
        wait(latch, seconds)

    def interrupted_step(until: float) -> float:
        interrupt()
        return left_until(until)

    def interrupted_hold(of_tracker: Closing, *, wait: bool) -> None:
        hold(of_tracker, wait=wait)
        of_tracker.holds = of_tracker.holds and not left  # as right before it is assigned
        interrupt()

    if interrupted == "waiting for the end":
        monkeypatch.setattr(Latch, "wait", interrupted_wait)
    elif interrupted == "taking a step":
        monkeypatch.setattr(closing, "_left", interrupted_step)
    else:
        monkeypatch.setattr(Closing, "hold", interrupted_hold)
    with pytest.raises(KeyboardInterrupt):
        tracker.close(0.4)
    tracker.close(0.4)
    stats = tracker.stats
    assert stats == TrackerStats(tracked=4_500, unknown=2_000, dropped=2_500)
    wait_until(lambda: sum(len(events) for _, events in list(told)) >= 4_500)
    assert sum(len(events) for _, events in told) == 4_500


@pytest.mark.parametrize("has_started", [True, False])
def test_a_worker_whose_start_was_interrupted_is_closed_with_the_tracker(
    has_started: bool, silent: Gameball, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[Receipt, Sequence[Event]]] = []
    start = threading.Thread.start

    def start_and_interrupt(thread: threading.Thread) -> None:
        if has_started:
            start(thread)
        monkeypatch.undo()
        raise KeyboardInterrupt

    tracker = silent.events.tracker(concurrency=1, linger=0.0, on_failure=lambda *of: told.append(of))
    monkeypatch.setattr(threading.Thread, "start", start_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        tracker.track("cust-0", "song_liked")
    assert tracker.track("cust-1", "song_liked")
    workers = tracker._backgrounds["current"].workers
    wait_until(lambda: any(worker.connection.began_to_send for worker in workers))
    tracker.close(0.4)
    assert tracker.stats == TrackerStats(tracked=1, unknown=1)
    wait_until(lambda: told)


def test_the_counters_add_up_while_a_signal_handler_tracks(client: Gameball) -> None:
    tracker = client.events.tracker(when_full="drop", capacity=50)
    handled: list[int] = []

    def track(*_: object) -> None:
        handled.append(1)
        tracker.track("cust-1", "song_liked")

    before = signal.signal(signal.SIGALRM, track)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        while len(handled) < 500:
            stats = tracker.stats
            outcomes = stats.accepted + stats.rejected + stats.unknown + stats.dropped
            assert stats.tracked == stats.queued + stats.in_flight + outcomes
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
