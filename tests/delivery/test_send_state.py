"""What stops a send, and the outcomes of all its events."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from either_client import EitherClient
from sending import events

from gameball import CustomerEvents, Event, LedgerMismatchError, Outcome, ServerError
from gameball.sandbox import Fault, Sandbox


@pytest.mark.parametrize(("objects", "requests"), [(1, 1), (999, 1), (1000, 1), (1001, 2), (2500, 3)])
def test_objects_are_sent_in_as_few_requests_as_allowed(
    either: EitherClient, box: Sandbox, objects: int, requests: int
) -> None:
    report = either.send(events(objects))
    assert len(box.batches) == requests
    assert report.accepted == objects
    assert sum(box.events.values()) == objects
    sent = sorted(len(request.objects) for request in box.batches)
    assert sent == sorted(receipt.objects for receipt in report.receipts)


def test_a_report_adds_up_whatever_happens(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(), Fault(status=400), Fault(status=520), Fault(status=503), Fault())
    report = either.send(events(25), max_objects=5, check=False, stop_on_error=False)
    assert (report.accepted, report.rejected, report.unknown, report.unsent) == (10, 5, 5, 5)
    assert [(receipt.index, receipt.first, receipt.last) for receipt in report.receipts] == [
        (index, index * 5, index * 5 + 4) for index in range(5)
    ]
    assert len(report.job_ids) == 2
    assert str(report) == "10 accepted, 5 rejected, 5 unknown, 5 unsent"


def test_the_first_failure_stops_and_what_was_not_read_is_unsent(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(), Fault(status=500))
    handed_over = [*events(20), CustomerEvents("several", {"one": {}, "two": {}})]
    report = either.send(handed_over, max_objects=5, check=False, concurrency=1)
    assert len(box.batches) == 2
    assert (report.accepted, report.unknown, report.unsent) == (5, 5, 12)
    # One chunk may have been read ahead; the others were never built and have no objects.
    assert [(r.first, r.last, r.objects, r.attempts) for r in report.receipts[2:]] in (
        [(10, 14, 5, 0), (15, 20, 0, 0)],
        [(10, 20, 0, 0)],
    )
    assert all(isinstance(receipt.error, ServerError) for receipt in report.receipts[1:])


def test_a_generator_is_not_read_any_further_after_the_first_failure(
    either: EitherClient, box: Sandbox
) -> None:
    box.fail_next(Fault(status=500))
    source = (Event(f"cust-{n}", "x") for n in itertools.count())
    report = either.send(source, max_objects=5, check=False, concurrency=1)
    assert report.unknown == 5
    # One chunk may have been read ahead, and the event that ended the one before was read in any case.
    assert report.unsent in {1, 6}
    assert next(source).customer_id == f"cust-{5 + report.unsent}"


def test_wrong_keys_stop_the_send_even_without_stop_on_error(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(status=401))
    report = either.send(events(20), max_objects=5, check=False, stop_on_error=False, concurrency=1)
    assert len(box.batches) == 1
    assert (report.rejected, report.unsent) == (5, 15)


def test_a_send_stops_at_the_outcomes_named_in_stop_on_error(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(status=400), Fault(status=500))
    stop = {Outcome.UNKNOWN, Outcome.UNSENT}
    report = either.send(events(20), max_objects=5, check=False, stop_on_error=stop, concurrency=1)
    assert (report.rejected, report.unknown, report.unsent) == (5, 5, 10)


class Counted:
    """A source that counts how many events were read from it."""

    def __init__(self, end: BaseException | None = None, after: int = 9) -> None:
        self.taken = 0
        self._end = end
        self._after = after

    def __iter__(self) -> Iterator[Event | CustomerEvents]:
        for number in itertools.count():
            if self._end is not None and number == self._after:
                raise self._end
            several = number % 4 == 3
            self.taken += 2 if several else 1
            yield CustomerEvents(f"c{number}", {"a": {}, "b": {}}) if several else Event(f"c{number}", "x")


def count(report: Any) -> int:
    return int(report.accepted + report.rejected + report.unknown + report.unsent)


# Events that had been read from a generator but were in no request yet were in no receipt either, so a caller
# who continued with the same generator lost them.
@pytest.mark.parametrize("status", [400, 401, 500])
def test_after_a_failure_every_event_that_was_read_has_a_receipt(
    status: int, either: EitherClient, box: Sandbox
) -> None:
    source = Counted()
    box.fail_next(Fault(), Fault(status=status))
    report = either.send(iter(source), max_objects=3, concurrency=1, check=False)
    assert count(report) == source.taken
    assert report.receipts[-1].outcome is Outcome.UNSENT
    assert report.receipts[-1].objects == 0


def stop_it(_: object) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("on_receipt", [None, stop_it])
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("sync", ZeroDivisionError()),
        ("sync", KeyboardInterrupt()),
        ("async", ZeroDivisionError()),
        ("async", asyncio.CancelledError()),
    ],
)
def test_after_an_error_every_event_that_was_read_has_a_receipt(
    kind: str, error: BaseException, on_receipt: Callable[[object], None] | None, box: Sandbox
) -> None:
    source = Counted(error)
    with pytest.raises((type(error), ZeroDivisionError)) as caught:
        EitherClient(kind, box.url).send(iter(source), max_objects=3, concurrency=1, on_receipt=on_receipt)
    report: Any = vars(caught.value)["report"]
    assert count(report) == source.taken
    positions = [(receipt.first, receipt.last) for receipt in report.receipts]
    assert all(last + 1 == first for (_, last), (first, _) in itertools.pairwise(positions))


def test_every_event_that_was_read_of_a_source_that_differs_from_the_ledger_has_a_receipt(
    either: EitherClient, tmp_path: Any
) -> None:
    path = tmp_path / "a.ledger"
    either.send([Event(f"other-{n}", "x") for n in range(10)], max_objects=3, ledger=path)
    source = Counted()
    with pytest.raises(LedgerMismatchError) as caught:
        either.send(iter(source), max_objects=3, ledger=path)
    report: Any = vars(caught.value)["report"]
    assert report.unknown == count(report) == source.taken > 0
