"""Receipts and reports."""

import pickle

import pytest
from either_client import EitherClient
from sending import events

from gameball import DeliveryError, DeliveryReport, Event, NotFoundError, Outcome
from gameball.sandbox import Fault, Sandbox


def test_events_that_were_not_accepted_raise_by_default_from_the_first_cause(
    either: EitherClient, box: Sandbox
) -> None:
    box.fail_next(Fault(), Fault(status=404), Fault(status=500))
    with pytest.raises(DeliveryError, match=r"10 accepted.*source items 5 to 9 rejected") as caught:
        either.send(events(20), max_objects=5, stop_on_error=False, concurrency=1)
    assert isinstance(caught.value.__cause__, NotFoundError)
    assert (caught.value.report.accepted, caught.value.report.rejected) == (10, 5)


def test_sending_no_events_gives_an_empty_report(either: EitherClient, box: Sandbox) -> None:
    assert either.send([]) == DeliveryReport(())
    assert str(DeliveryReport(())) == "no events"
    assert box.received == []


EVENT = Event("cust-1", "song_liked", {"song_id": "231402"})


def test_a_report_and_its_error_can_be_pickled(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(status=404))
    with pytest.raises(DeliveryError) as caught:
        either.send([EVENT])
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert copy.report.rejected == 1
    assert isinstance(copy.report.receipts[0].error, NotFoundError)


def test_the_ranges_of_a_report_are_the_positions_with_an_outcome(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(), Fault(status=503), Fault(), Fault(status=503), Fault(status=500))
    handed_over = events(25)
    report = either.send(handed_over, max_objects=5, stop_on_error=False, concurrency=1, check=False)
    assert report.ranges(Outcome.UNSENT) == [range(5, 10), range(15, 20)]
    assert report.ranges(Outcome.UNKNOWN) == [range(20, 25)]
    assert report.ranges(Outcome.REJECTED) == []
    for positions in report.ranges(Outcome.UNSENT):
        either.send(handed_over[positions.start : positions.stop])
    assert {customer for customer, _, _ in box.events} == {e.customer_id for e in handed_over[:20]}


@pytest.mark.parametrize(
    ("statuses", "retryable"), [((503,), True), ((503, 500), False), ((503, 400), False), ((500,), False)]
)
def test_an_error_is_retryable_if_nothing_was_or_may_have_been_accepted(
    statuses: tuple[int, ...], retryable: bool, either: EitherClient, box: Sandbox
) -> None:
    box.fail_next(Fault(), *(Fault(status=status) for status in statuses))
    with pytest.raises(DeliveryError) as caught:
        either.send(events(20), max_objects=5, stop_on_error=False, concurrency=1)
    assert caught.value.retryable is retryable
