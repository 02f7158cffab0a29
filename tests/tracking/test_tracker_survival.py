"""What must not end a tracker, nor leave its events without an outcome."""

import errno
import logging
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from either_client import hurry
from waiting import LONGEST, wait_until

from gameball import Event, Gameball, Outcome, Receipt, TrackerStats
from gameball.sandbox import Fault, Sandbox
from gameball.tracking import event_queue, workers
from gameball.transport.pool import ConnectionPool
from gameball.transport.worker_connection import WorkerConnection

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.fixture
def quick(client: Gameball, monkeypatch: pytest.MonkeyPatch) -> Gameball:
    hurry(client)
    monkeypatch.setattr(workers, "PROBLEM_PAUSE", 0.02)
    return client


def test_a_connection_that_cannot_be_made_is_made_later(
    quick: Gameball, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter([OSError(errno.EMFILE, "too many open files")] * 3)
    borrow = ConnectionPool.borrow

    def sometimes(pool: ConnectionPool) -> WorkerConnection:
        if (failure := next(failures, None)) is not None:
            raise failure
        return borrow(pool)

    monkeypatch.setattr(ConnectionPool, "borrow", sometimes)
    tracker = quick.events.tracker(linger=0.0)
    for number in range(20):
        assert tracker.track(f"cust-{number}", "song_liked")
    assert tracker.flush(LONGEST)
    assert tracker.stats == TrackerStats(tracked=20, accepted=20)
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage().partition(":")[0] for record in errors] == [
        "the tracker could not start a thread, and tries again with the next event"
    ]


def test_a_logging_filter_that_raises_ends_no_worker(box: Sandbox, quick: Gameball) -> None:
    def fail(_: logging.LogRecord) -> bool:
        raise ZeroDivisionError

    logger = logging.getLogger("gameball")
    logger.addFilter(fail)
    try:
        box.fail_next(Fault(status=400), Fault(status=429))
        tracker = quick.events.tracker(linger=0.0, concurrency=1)
        for number in range(3):
            tracker.track(f"cust-{number}", "song_liked")
            assert tracker.flush(LONGEST)
    finally:
        logger.removeFilter(fail)
    assert tracker.stats == TrackerStats(tracked=3, accepted=2, rejected=1)
    assert set(box.events.values()) == {1}


def test_an_exception_after_a_chunk_was_taken_queues_it_again(
    box: Sandbox, quick: Gameball, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([OSError(), SystemExit()])
    note_taken = workers.TrackerWorker.next_chunk

    def sometimes(worker: workers.TrackerWorker) -> object:
        pending = note_taken(worker)
        if pending is not None and (failure := next(failures, None)) is not None:
            raise failure
        return pending

    monkeypatch.setattr(workers.TrackerWorker, "next_chunk", sometimes)
    tracker = quick.events.tracker(linger=0.0)
    tracker.track("cust-1", "song_liked")
    assert tracker.flush(LONGEST)
    assert tracker.stats == TrackerStats(tracked=1, accepted=1)
    assert sum(box.events.values()) == 1


@pytest.mark.parametrize("problem", [SystemExit, KeyboardInterrupt, ZeroDivisionError])
def test_an_exit_in_on_failure_does_not_lose_the_second_part_of_a_request(
    box: Sandbox, quick: Gameball, problem: type[BaseException]
) -> None:
    def leave(*_: object) -> None:
        raise problem

    box.fail_next(Fault(status=413), Fault(status=400))
    tracker = quick.events.tracker(linger=LONGEST, on_failure=leave)
    for number in range(4):
        tracker.track(f"cust-{number}", "song_liked")
    assert tracker.flush(LONGEST)
    assert tracker.stats == TrackerStats(tracked=4, accepted=2, rejected=2)


def test_each_event_has_its_own_age(box: Sandbox, quick: Gameball, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[Receipt, Sequence[Event]]] = []
    box.fail_next(*[Fault(status=503)] * 100_000)
    tracker = quick.events.tracker(
        linger=2 * LONGEST, max_age=LONGEST, on_failure=lambda *of: told.append(of), concurrency=1
    )
    with monkeypatch.context() as patch:
        # This event looks as if it had been tracked long ago. It expires after its first request.
        earlier = SimpleNamespace(monotonic=lambda: time.monotonic() - LONGEST + 3.0)
        patch.setattr(event_queue, "time", earlier)
        tracker.track("old", "song_liked")
    tracker.track("young", "song_liked")
    assert not tracker.flush(0.0)
    wait_until(lambda: told)
    assert len(list(box.batches[0].events)) == 2
    box.forget()  # the faults, too: the server recovers
    ((receipt, events),) = told
    assert [event.customer_id for event in events] == ["old"]
    assert receipt.outcome is Outcome.UNSENT
    assert tracker.flush(LONGEST)
    assert tracker.stats == TrackerStats(tracked=2, accepted=1, dropped=1)
    assert [customer for customer, _, _ in box.events] == ["young"]


_SIGNAL = """
import signal, sys, threading
from gameball import Gameball
tracker = Gameball("key", "secret", base_url=sys.argv[1]).events.tracker(linger=0.0)
signal.signal(signal.SIGUSR1, lambda *_: tracker.track("handler", "song_liked"))
start = threading.Thread.start
def interrupted(thread):
    threading.Thread.start = start
    signal.raise_signal(signal.SIGUSR1)
    start(thread)
threading.Thread.start = interrupted
tracker.track("main", "song_liked")
sys.exit(0 if tracker.flush(30.0) and tracker.stats.accepted == 2 else 1)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs signals")
def test_a_signal_handler_may_track_during_the_first_track_of_a_process(box: Sandbox) -> None:
    done = subprocess.run([sys.executable, "-c", _SIGNAL, box.url], check=False, timeout=LONGEST)
    assert done.returncode == 0
    assert sum(box.events.values()) == 2


class _Strange(str):
    """A string whose own methods raise."""

    __slots__ = ()

    def __hash__(self) -> int:
        raise ZeroDivisionError

    def strip(self, _: str | None = None, /) -> str:
        raise ZeroDivisionError


def test_the_methods_of_a_subclass_of_str_are_not_called(box: Sandbox, quick: Gameball) -> None:
    tracker = quick.events.tracker(linger=0.0)
    assert tracker.track(_Strange("cust-1"), "song_liked")
    assert tracker.flush(LONGEST)
    assert tracker.stats == TrackerStats(tracked=1, accepted=1)
    assert [customer for customer, _, _ in box.events] == ["cust-1"]
