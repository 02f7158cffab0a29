"""The end of trackers: what is dropped is reported, and several end within one deadline."""

import gc
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from weakref import ref

import httpcore
import pytest
from either_client import KEYS
from waiting import LONGEST, wait_until

from gameball import Event, Gameball, Outcome, Receipt, TrackerStats
from gameball.sandbox import Sandbox


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gameball]:
    """Return a client whose connections are never established, as with a firewall that drops packets."""
    ended = threading.Event()

    def connect(*_: object, **__: object) -> None:
        ended.wait(LONGEST)
        raise httpcore.ConnectTimeout

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    with Gameball(*KEYS, base_url="http://127.0.0.1:9", rate_limits=None) as gb:
        yield gb
        ended.set()


def test_what_is_dropped_while_connections_are_being_made_is_passed_to_on_failure(
    stuck: Gameball,
) -> None:
    told: list[tuple[Receipt, Sequence[Event]]] = []
    tracker = stuck.events.tracker(concurrency=2, on_failure=lambda *of: told.append(of))
    for number in range(5_000):
        tracker.track(f"cust-{number}", "song_liked")
    begun = time.monotonic()
    tracker.close(2.0)
    assert time.monotonic() - begun < 6.0
    assert tracker.stats == TrackerStats(tracked=5_000, dropped=5_000)
    # On a loaded machine, the last are told after the deadline.
    wait_until(lambda: sum(len(events) for _, events in list(told)) >= 5_000)
    assert {receipt.outcome for receipt, _ in told} == {Outcome.UNSENT}
    customers = [event.customer_id for _, events in told for event in events]
    assert sorted(customers) == sorted(f"cust-{number}" for number in range(5_000))


_start = threading.Thread.start


def start_no_tracker(thread: threading.Thread) -> None:
    """Fail for the threads of trackers, as Python 3.12 and later do at the end of the program."""
    if thread.name.startswith("gameball-track"):
        raise RuntimeError("can't create new thread at interpreter shutdown")
    _start(thread)


def hang(*_: object) -> None:
    time.sleep(LONGEST)


def leave(*_: object) -> None:
    raise SystemExit


@pytest.mark.parametrize("on_failure", [hang, leave])
def test_no_function_of_the_user_keeps_a_tracker_from_closing(
    stuck: Gameball, on_failure: Callable[..., None]
) -> None:
    tracker = stuck.events.tracker(on_failure=on_failure)
    for number in range(2_500):
        tracker.track(f"cust-{number}", "song_liked")
    begun = time.monotonic()
    tracker.close(1.0)
    assert time.monotonic() - begun < 5.0
    assert tracker.stats == TrackerStats(tracked=2_500, dropped=2_500)


def test_the_trackers_of_a_client_close_at_the_same_time(silent: Gameball) -> None:
    trackers = [silent.events.tracker(close_timeout=1.0) for _ in range(8)]
    for tracker in trackers:
        tracker.track("cust-1", "song_liked")
    begun = time.monotonic()
    silent.close()
    assert time.monotonic() - begun < 5.0
    assert [tracker.stats.unknown + tracker.stats.dropped for tracker in trackers] == [1] * 8


def test_a_closed_tracker_is_forgotten(client: Gameball) -> None:
    tracker = client.events.tracker(linger=LONGEST)
    tracker.track("cust-1", "song_liked")
    tracker.close()
    known = ref(tracker)
    del tracker
    gc.collect()
    assert known() is None


def test_a_tracker_that_works_is_closed_with_its_client_without_a_reference(
    box: Sandbox, client: Gameball
) -> None:
    client.events.tracker(linger=LONGEST).track("cust-1", "song_liked")
    gc.collect()
    client.close()
    assert sum(box.events.values()) == 1


def test_closing_sends_in_the_calling_thread_if_no_thread_can_be_started(
    box: Sandbox, client: Gameball, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = client.events.tracker()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_no_tracker)
        for number in range(2_500):
            tracker.track(f"cust-{number}", "song_liked")
        tracker.close()
    assert tracker.stats == TrackerStats(tracked=2_500, accepted=2_500)
    assert sum(box.events.values()) == 2_500


def test_closing_in_the_calling_thread_keeps_its_deadline(
    silent: Gameball, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = silent.events.tracker()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start_no_tracker)
        for number in range(2_500):
            tracker.track(f"cust-{number}", "song_liked")
        begun = time.monotonic()
        tracker.close(1.0)
        assert time.monotonic() - begun < 5.0
    assert tracker.stats == TrackerStats(tracked=2_500, unknown=1_000, dropped=1_500)
