"""Reading a source: invalid events, errors of the source, and items that were not read."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from either_client import EitherClient
from sending import events

from gameball import CustomerEvents, DeliveryReport, Event, InvalidEventError, Ledger, Outcome
from gameball.sandbox import Fault, Sandbox


def test_an_invalid_event_is_raised_after_all_events_before_it_were_sent(
    either: EitherClient, box: Sandbox
) -> None:
    handed_over = [*events(7), Event("", "song_liked"), *events(2)]
    with pytest.raises(InvalidEventError, match="event 7") as caught:
        either.send(handed_over, max_objects=5)
    report = caught.value.report
    assert report is not None
    assert (report.accepted, report.unsent) == (7, 3)
    assert sum(box.events.values()) == 7
    assert "7 accepted" in "".join(caught.value.__notes__)


def test_with_on_invalid_each_invalid_event_is_reported_and_skipped(
    either: EitherClient, box: Sandbox
) -> None:
    told: list[InvalidEventError] = []
    handed_over = [Event("", "a"), *events(6), Event("c", ""), Event("c", "b", {"n": math.nan}), *events(2)]
    report = either.send(handed_over, max_objects=5, on_invalid=told.append, coalesce=False)
    assert (report.accepted, sum(box.events.values())) == (8, 8)
    assert [(error.index, error.field) for error in told] == [
        (0, "customer_id"),
        (7, "name"),
        (8, "metadata.n"),
    ]


def test_skipped_events_do_not_count_as_unsent(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(status=500))
    several = CustomerEvents("several", {"one": {}, "two": {}})
    handed_over = [Event("", "a"), *events(4), Event("", "b"), several, *events(20), several]
    report = either.send(
        handed_over, max_objects=3, on_invalid=lambda _: None, check=False, concurrency=1, coalesce=False
    )
    assert (report.unknown, report.unsent) == (3, 25)
    assert report.receipts[-1].last == len(handed_over) - 1


def invalid_among(count: int) -> list[Event]:
    """Return events of which every third cannot be sent."""
    return [Event(f"cust-{n}", "" if n % 3 == 0 else "song_liked", {"n": n}) for n in range(count)]


def taken(handed_over: list[Event], first: int, last: int) -> dict[tuple[str, str, str], int]:
    """Return what a sandbox records of a slice."""
    kept = [event for event in handed_over[first : last + 1] if event.name]
    return {(e.customer_id, e.name, f'{{"n":{e.metadata["n"]}}}'): 1 for e in kept}


# Positions once counted only what was left, so the slice was another one.
def test_positions_are_those_of_what_was_handed_over_even_if_items_were_skipped(
    either: EitherClient, box: Sandbox
) -> None:
    box.fail_next(Fault(), Fault(status=400), Fault(status=413))
    handed_over = invalid_among(31)
    options: dict[str, Any] = {"on_invalid": lambda _: None, "stop_on_error": False, "check": False}
    report = either.send(iter(handed_over), max_objects=5, concurrency=1, **options)
    assert (report.accepted, report.rejected) == (15, 5)
    accepted: dict[tuple[str, str, str], int] = {}
    for receipt in report.receipts:
        there = taken(handed_over, receipt.first, receipt.last)
        assert len(there) == receipt.events
        assert handed_over[receipt.first].name
        assert handed_over[receipt.last].name
        if receipt.job_id is not None:
            accepted |= there
    assert box.events == accepted


@pytest.mark.parametrize("as_sequence", [True, False])
def test_positions_of_unsent_items_count_skipped_ones(
    as_sequence: bool, either: EitherClient, box: Sandbox
) -> None:
    box.fail_next(Fault(status=500))
    handed_over = invalid_among(16)
    source = handed_over if as_sequence else iter(handed_over)
    report = either.send(source, max_objects=3, concurrency=1, on_invalid=lambda _: None, check=False)
    first, *rest = report.receipts
    assert (first.first, first.last, report.unknown) == (1, 4, 3)
    assert rest[0].first == 5
    if as_sequence:
        # Items that were not read were not checked either, so all of them count.
        assert rest[-1].last == 15
    else:
        for receipt in rest:
            assert len(taken(handed_over, receipt.first, receipt.last)) == receipt.events


def test_a_resumed_send_skips_the_same_items_at_the_same_positions(
    either: EitherClient, box: Sandbox, tmp_path: Path
) -> None:
    box.fail_next(Fault(), Fault(status=503), Fault(status=413), Fault(), Fault(status=503))
    handed_over = [Event("cust", ""), *invalid_among(31), Event("cust", "")]
    options: dict[str, Any] = {
        "on_invalid": lambda _: None,
        "max_objects": 5,
        "concurrency": 1,
        "ledger": tmp_path / "likes.ledger",
    }
    first = either.send(handed_over, stop_on_error=False, check=False, **options)
    assert (first.accepted, first.unsent) == (12, 8)
    with Ledger(tmp_path / "likes.ledger") as ledger:
        assert ledger.ranges(Outcome.UNSENT) == first.ranges(Outcome.UNSENT)
    again = either.send(handed_over, **options)
    assert again.accepted == 20
    assert [(r.first, r.last) for r in again.receipts] == [(r.first, r.last) for r in first.receipts]
    assert box.events == taken(handed_over, 0, len(handed_over))


@pytest.mark.parametrize("unreadable", [CustomerEvents("c", None), CustomerEvents("c", 3)])  # type: ignore[arg-type]
def test_an_item_that_was_not_sent_is_counted_even_when_it_is_invalid(
    unreadable: CustomerEvents, either: EitherClient, box: Sandbox
) -> None:
    # Its number of events was requested, and the resulting TypeError hid the real error.
    box.fail_next(Fault(status=401))
    report = either.send([*events(30), unreadable], max_objects=1, concurrency=1, check=False)
    assert (report.rejected, report.unsent) == (1, 30)


def test_an_exception_from_on_invalid_ends_the_send(either: EitherClient) -> None:
    def refuse(error: InvalidEventError) -> None:
        raise RuntimeError(f"too many like {error.index}")

    with pytest.raises(RuntimeError, match="too many like 2") as caught:
        either.send([*events(2), Event("", "x"), *events(2)], on_invalid=refuse)
    report: DeliveryReport = caught.value.report  # type: ignore[attr-defined]
    assert (report.accepted, report.unsent) == (2, 3)


def test_an_exception_from_the_source_is_raised_with_the_report(either: EitherClient, box: Sandbox) -> None:
    def failing() -> Iterator[Event]:
        yield from events(7)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as caught:
        either.send(failing(), max_objects=5)
    report: DeliveryReport = caught.value.report  # type: ignore[attr-defined]
    assert report.accepted == 7
    assert sum(box.events.values()) == 7


def test_an_asynchronous_source_is_sent_like_any_other(box: Sandbox) -> None:
    async def source() -> AsyncIterator[Event]:
        for event in events(12):
            await asyncio.sleep(0)
            yield event

    report = EitherClient("async", box.url).send(source(), max_objects=5)
    assert (report.accepted, len(report.receipts)) == (12, 3)


def test_an_asynchronous_source_that_fails_or_has_an_invalid_event_is_reported(box: Sandbox) -> None:
    async def failing() -> AsyncIterator[Event]:
        for event in events(7):
            yield event
        raise OSError("the disk is gone")

    async def invalid() -> AsyncIterator[Event]:
        for event in events(3):
            yield event
        yield Event("", "x")
        yield Event("last", "x")

    asynchronous = EitherClient("async", box.url)
    with pytest.raises(OSError, match="the disk is gone") as caught:
        asynchronous.send(failing(), max_objects=5)
    assert caught.value.report.accepted == 7  # type: ignore[attr-defined]
    with pytest.raises(InvalidEventError, match="event 3") as refused:
        asynchronous.send(invalid())
    assert refused.value.report is not None
    assert refused.value.report.accepted == 3
    told: list[InvalidEventError] = []
    assert asynchronous.send(invalid(), on_invalid=told.append).accepted == 4
    assert [error.index for error in told] == [3]


KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


@KINDS
def test_a_slow_source_does_not_delay_the_receipts(kind: str, box: Sandbox) -> None:
    """A send may read twice as many chunks as it has workers, and chunks with a receipt do not count."""
    seen: list[object] = []

    def slow() -> Iterator[Event]:
        for number in range(90):
            if seen:
                return
            time.sleep(0.1)
            yield Event(f"cust-{number}", "song_liked")
        pytest.fail("no receipt was given while the source was read")

    async def slow_async() -> AsyncIterator[Event]:
        for number in range(90):
            if seen:
                return
            await asyncio.sleep(0.1)
            yield Event(f"cust-{number}", "song_liked")
        pytest.fail("no receipt was given while the source was read")

    source = slow() if kind == "sync" else slow_async()
    EitherClient(kind, box.url).send(source, max_objects=1, concurrency=50, on_receipt=seen.append)
    assert len(seen) >= 2
