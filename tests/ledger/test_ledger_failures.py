"""A ledger that fails unexpectedly: the outcomes of the events are reported nevertheless."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from either_client import EitherClient
from waiting import LONGEST

from gameball import Event, LedgerError, LedgerLockedError, Outcome
from gameball.delivery.async_closing import AsyncSendClosing
from gameball.delivery.closing import SendClosing
from gameball.ledger.disk_reserve import DiskReserve
from gameball.ledger.store import LedgerStore
from gameball.sandbox import Fault, Received, Sandbox


def events(count: int) -> list[Event]:
    return [Event(f"cust-{number}", "song_liked") for number in range(count)]


def fail_at(monkeypatch: pytest.MonkeyPatch, method: str, call: int, error: Exception) -> None:
    """Make a method of the ledger raise an error at a given call."""
    calls = iter(range(1_000))
    real = getattr(LedgerStore, method)

    def failing(ledger: LedgerStore, *arguments: Any, **named: Any) -> Any:
        if next(calls) == call:
            raise error
        return real(ledger, *arguments, **named)

    monkeypatch.setattr(LedgerStore, method, failing)


# An accepted chunk was missing from the report if writing its outcome raised another error than LedgerError,
# and a chunk that was never started was reported as unknown.
@pytest.mark.parametrize("method", ["intend", "conclude"])
@pytest.mark.parametrize("error", [OSError("the disk is gone"), LedgerError("no room"), ZeroDivisionError()])
def test_whatever_the_ledger_raises_every_event_is_accounted_for(
    method: str, error: Exception, either: EitherClient, box: Sandbox, tmp_path: Path, monkeypatch: Any
) -> None:
    fail_at(monkeypatch, method, 2, error)
    with pytest.raises(type(error)) as caught:
        either.send(events(30), max_objects=1, concurrency=2, ledger=tmp_path / "a.ledger")
    report = vars(caught.value)["report"]
    assert report.accepted == sum(box.events.values()) > 0
    assert (report.accepted + report.unsent, report.unknown) == (30, 0)
    if method == "conclude":
        # According to the ledger, that chunk is in flight.
        with LedgerStore(tmp_path / "a.ledger") as ledger:
            assert len(ledger.chunks(Outcome.UNKNOWN)) == 1


def test_a_split_that_cannot_be_recorded_is_not_sent(
    either: EitherClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(received: Received) -> Fault | None:
        return Fault(status=413) if len(received.objects) > 1 else None

    fail_at(monkeypatch, "divide", 0, OSError("the disk is gone"))
    with Sandbox(plan=too_large) as box, pytest.raises(OSError, match="gone") as caught:
        EitherClient(either.kind, box.url).send(events(4), ledger=tmp_path / "a.ledger")
    report = caught.value.report  # type: ignore[attr-defined]
    assert (report.unsent, sum(box.events.values())) == (4, 0)


def test_an_interrupt_while_an_outcome_is_written_does_not_lose_it(
    either: EitherClient, box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, aborted = threading.Event(), threading.Event()
    real = LedgerStore.conclude

    def slow(ledger: LedgerStore, receipt: Any) -> None:
        begun.set()
        assert aborted.wait(LONGEST)
        time.sleep(0.2)  # longer than the sender waits after it has aborted the connections
        real(ledger, receipt)

    for closing in (SendClosing, AsyncSendClosing):
        abort = closing.abort_connections

        def note_abort(self: Any, abort: Callable[[Any], None] = abort) -> None:
            abort(self)
            aborted.set()

        monkeypatch.setattr(closing, "abort_connections", note_abort)

    def source() -> Iterator[Event]:
        yield from events(2)  # the second one shows that the chunk of the first is full
        begun.wait(LONGEST)
        raise KeyboardInterrupt

    async def asynchronous_source() -> AsyncIterator[Event]:
        for event in events(2):
            yield event
        await asyncio.to_thread(begun.wait, LONGEST)
        raise asyncio.CancelledError

    monkeypatch.setattr(LedgerStore, "conclude", slow)
    for module in ("closing", "async_closing", "sender", "async_sender"):
        monkeypatch.setattr(f"gameball.delivery.{module}.ABORT_TIMEOUT", 0.01)
    given = source() if either.kind == "sync" else asynchronous_source()
    with pytest.raises((KeyboardInterrupt, asyncio.CancelledError)) as caught:
        ledger = tmp_path / "a.ledger"
        either.send(given, max_objects=1, concurrency=2, ledger=ledger, options={"close_timeout": 0.01})
    report = caught.value.report  # type: ignore[attr-defined]
    assert report.accepted == sum(box.events.values()) > 0
    assert report.unknown == 0


def test_a_job_id_that_is_too_large_for_the_file_is_a_typed_error_and_the_outcome_is_reported(
    either: EitherClient, box: Sandbox, tmp_path: Path
) -> None:
    box.fail_next(Fault(status=200, body=b'{"jobId": 9223372036854775808}'))
    with pytest.raises(LedgerError, match="64 bits") as caught:
        either.send(events(1), ledger=tmp_path / "a.ledger")
    assert caught.value.report is not None
    assert caught.value.report.job_ids == [2**63]


def test_a_file_system_that_became_read_only_is_a_typed_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, os.strerror(30))

    with LedgerStore(tmp_path / "a.ledger") as ledger:
        monkeypatch.setattr(Path, "open", refuse)
        monkeypatch.setattr(Path, "unlink", refuse)
        with pytest.raises(LedgerError, match="Read-only"):
            ledger.begin_run({})
        monkeypatch.undo()
        ledger.begin_run({})


def test_only_one_of_two_threads_can_start_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = DiskReserve.ensure

    def slow(file: DiskReserve) -> None:
        time.sleep(0.2)
        real(file)

    monkeypatch.setattr(DiskReserve, "ensure", slow)
    outcomes: list[str] = []

    def begin(ledger: LedgerStore) -> None:
        try:
            ledger.begin_run({})
            outcomes.append("begun")
        except LedgerLockedError:
            outcomes.append("refused")

    with LedgerStore(tmp_path / "a.ledger") as ledger:
        threads = [threading.Thread(target=begin, args=(ledger,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(outcomes) == ["begun", "refused"]
