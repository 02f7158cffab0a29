"""What is reported of items that an earlier run may have sent, if a send ends before it reaches them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from deadlines import stay_silent
from either_client import KEYS, EitherClient
from raw_server import RawServer
from sending import events

from gameball import (
    AsyncGameball,
    DeliveryReport,
    Event,
    InvalidEventError,
    LedgerError,
    LedgerMismatchError,
    Outcome,
    events_client,
)
from gameball.ledger.store import LedgerStore
from gameball.sandbox import Fault, Sandbox


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.ledger"


def counts(report: DeliveryReport) -> tuple[int, int, int, int]:
    return report.accepted, report.rejected, report.unknown, report.unsent


def items(report: DeliveryReport, *outcomes: Outcome) -> list[int]:
    return sorted(place for outcome in outcomes for places in report.ranges(outcome) for place in places)


def fail(either: EitherClient, source: Any, error: type[BaseException], path: Path, **options: Any) -> Any:
    """Send a source with a ledger, and return the report of the error that ends the send."""
    with pytest.raises(error) as caught:
        either.send(source, ledger=path, **options)
    return vars(caught.value)["report"]


# The changed lines were once UNSENT, and so were written as such to the rejects of the command. Whoever sent
# those sent most of them twice.
def test_items_that_differ_from_accepted_ones_are_unknown(either: EitherClient, path: Path) -> None:
    either.send(events(10), max_objects=5, ledger=path)
    changed = [*events(7), Event("another", "x"), *events(10)[8:]]
    report = fail(either, changed, LedgerMismatchError, path, max_objects=5)
    assert counts(report) == (5, 0, 5, 0)
    assert report.ranges(Outcome.UNKNOWN) == [range(5, 10)]
    assert "source items 5 to 9 differ" in str(report.receipts[-1].error)


def test_after_an_inserted_item_everything_may_have_been_sent(either: EitherClient, path: Path) -> None:
    either.send(events(10), max_objects=5, ledger=path)
    report = fail(either, [Event("new", "x"), *events(10)], LedgerMismatchError, path, max_objects=5)
    assert counts(report) == (0, 0, 11, 0)


def test_items_that_differ_from_rejected_ones_are_unsent(
    either: EitherClient, box: Sandbox, path: Path
) -> None:
    box.fail_next(Fault(), Fault(status=400))
    either.send(events(10), max_objects=5, concurrency=1, ledger=path, check=False)
    changed = [*events(7), Event("another", "x"), *events(10)[8:]]
    report = fail(either, changed, LedgerMismatchError, path, max_objects=5)
    assert counts(report) == (5, 0, 0, 5)


def test_a_send_that_stops_reports_what_earlier_runs_did_with_items_it_did_not_read(
    either: EitherClient, box: Sandbox, path: Path
) -> None:
    options: dict[str, Any] = {"max_objects": 1, "concurrency": 1, "ledger": path, "check": False}
    box.fail_next(Fault(status=400), *[Fault()] * 5, Fault(status=400), Fault(status=500), Fault())
    either.send(events(9), stop_on_error=False, **options)
    box.fail_next(Fault(status=401))
    report = either.send(events(12), **options)
    # How many it compared depends on when the response of the first request arrived.
    assert items(report, Outcome.ACCEPTED, Outcome.UNKNOWN) == [1, 2, 3, 4, 5, 7, 8]
    assert items(report, Outcome.UNSENT) == [6, 9, 10, 11]
    assert items(report, Outcome.REJECTED) == [0]


def interrupted(end: BaseException, after: int) -> Iterator[Event]:
    yield from events(after)
    raise end


@pytest.mark.parametrize("end", [OSError("the disk is gone"), KeyboardInterrupt()])
def test_a_source_that_fails_among_items_of_an_earlier_run_raises_its_own_error(
    end: BaseException, path: Path, box: Sandbox
) -> None:
    either = EitherClient("sync", box.url)
    either.send(events(10), max_objects=5, ledger=path)
    report = fail(either, interrupted(end, 7), type(end), path, max_objects=5)
    assert counts(report) == (5, 0, 2, 0)


async def interrupted_async(end: BaseException, after: int) -> AsyncIterator[Event]:
    for event in events(after):
        yield event
    raise end


@pytest.mark.parametrize("kind", ["sync", "async", "async source"])
def test_a_source_that_fails_right_after_items_of_an_earlier_run_has_their_outcome(
    kind: str, path: Path, box: Sandbox
) -> None:
    either = EitherClient(kind.split(" ", maxsplit=1)[0], box.url)
    either.send(events(5), max_objects=5, ledger=path)
    failing = interrupted_async if kind == "async source" else interrupted
    source = failing(OSError("the disk is gone"), 5)
    assert counts(fail(either, source, OSError, path, max_objects=5)) == (5, 0, 0, 0)


def test_an_invalid_event_among_items_of_an_earlier_run_is_named(either: EitherClient, path: Path) -> None:
    either.send(events(10), max_objects=5, ledger=path)
    changed = [*events(7), Event("", "x"), *events(10)[8:]]
    assert counts(fail(either, changed, InvalidEventError, path, max_objects=5)) == (5, 0, 5, 0)


def test_items_before_an_invalid_event_are_sent_if_no_earlier_run_has_read_them(
    either: EitherClient, box: Sandbox, path: Path
) -> None:
    either.send(events(5), max_objects=5, ledger=path)
    changed = [*events(7), Event("", "x")]
    assert counts(fail(either, changed, InvalidEventError, path, max_objects=5)) == (7, 0, 0, 1)
    assert len(box.events) == 7


def test_if_the_ledger_cannot_be_read_at_the_end_what_it_may_record_is_unknown(
    either: EitherClient, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    either.send(events(10), max_objects=5, ledger=path)
    read = LedgerStore._chunks_from

    def break_later(store: LedgerStore, position: int, _: int) -> Any:
        if position > 0:
            raise LedgerError("the disk is gone")
        return read(store, position, 1)

    monkeypatch.setattr(LedgerStore, "_chunks_from", break_later)
    report = fail(either, events(12), LedgerError, path, max_objects=5)
    assert report.ranges(Outcome.UNKNOWN)[-1].stop == 10
    assert report.ranges(Outcome.UNSENT) == [range(10, 12)]


@pytest.mark.parametrize(("ledger", "expected"), [(False, (0, 0, 0, 3)), (True, (0, 0, 3, 0))])
def test_an_interrupt_before_the_send_begins_reports_every_event(
    ledger: bool, expected: tuple[int, ...], box: Sandbox, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(events_client, "open_ledger", interrupt)
    given = path if ledger else None
    with pytest.raises(KeyboardInterrupt) as caught:
        EitherClient("sync", box.url).send(events(3), ledger=given)
    assert counts(vars(caught.value)["report"]) == expected


# A worker that was cancelled while it was recording was forgotten, and so was its chunk.
@pytest.mark.parametrize("steps", range(1, 30, 2))
def test_two_cancellations_leave_no_event_without_a_receipt(steps: int, path: Path) -> None:
    async def cancel_twice(url: str) -> DeliveryReport:
        async with AsyncGameball(*KEYS, base_url=url, close_timeout=0.05) as gb:
            sending = asyncio.create_task(
                gb.events.send(events(40), max_objects=10, concurrency=2, ledger=path)
            )
            for _ in range(2):
                for _ in range(steps):
                    await asyncio.sleep(0)
                sending.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await sending
            report: DeliveryReport = vars(caught.value)["report"]
            return report

    with RawServer(stay_silent) as server:
        report = asyncio.run(cancel_twice(server.url))
    assert sum(counts(report)) == 40
    assert items(report, *Outcome) == list(range(40))
