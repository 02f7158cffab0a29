"""The attempts for one chunk, against a real server."""

import pytest
from either_client import EitherClient
from sending import events

from gameball import Outcome, ServerError
from gameball.sandbox import Ending, Fault, Sandbox

RETRYING = {"max_attempts": 4}


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(status=429), Fault(status=422, code=2001)])
def test_a_chunk_that_was_temporarily_refused_is_sent_again_until_it_is_accepted(
    either: EitherClient, box: Sandbox, fault: Fault
) -> None:
    box.fail_next(fault, fault)
    (receipt,) = either.send(events(3), options=RETRYING).receipts
    assert (receipt.outcome, receipt.attempts) == (Outcome.ACCEPTED, 3)
    assert receipt.elapsed > 0
    assert set(box.events.values()) == {1}


def test_a_chunk_is_unsent_when_its_attempts_run_out(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(*[Fault(status=503)] * 10)
    report = either.send(events(3), options=RETRYING, check=False)
    assert (report.unsent, report.receipts[0].attempts) == (3, 4)
    assert len(box.batches) == 4


def test_a_chunk_that_may_have_been_accepted_is_sent_again_only_with_on_unknown_resend(
    either: EitherClient, box: Sandbox
) -> None:
    lost = Fault(ending=Ending.RESET, accepts=True)
    box.fail_next(lost)
    report = either.send(events(3), options=RETRYING, check=False)
    assert (report.unknown, report.receipts[0].attempts) == (3, 1)
    box.forget()
    box.fail_next(lost)
    report = either.send(events(3), options=RETRYING, on_unknown="resend")
    assert (report.accepted, report.receipts[0].attempts) == (3, 2)
    assert set(box.events.values()) == {2}  # which is why one must be told to


@pytest.mark.parametrize("later", [Fault(status=503), Fault(status=400), Fault(status=401)])
def test_after_an_ambiguous_attempt_a_chunk_stays_unknown_whatever_fails_later(
    either: EitherClient, box: Sandbox, later: Fault
) -> None:
    box.fail_next(Fault(status=500, accepts=True), *[later] * 9)
    report = either.send(events(3), options=RETRYING, on_unknown="resend", check=False)
    assert report.unknown == 3
    assert isinstance(report.receipts[0].error, ServerError)
    assert set(box.events.values()) == {1}


def test_a_chunk_that_is_too_large_for_the_server_is_sent_in_parts(either: EitherClient) -> None:
    def refuse_more_than_300_bytes(received: object) -> Fault | None:
        return Fault(status=413) if len(received.content) > 300 else None  # type: ignore[attr-defined]

    with Sandbox(plan=refuse_more_than_300_bytes) as box:
        report = EitherClient(either.kind, box.url).send(events(20))
        assert report.accepted == 20
        assert len(report.receipts) > 2
        assert {receipt.index for receipt in report.receipts} == {0}
        position = 0
        for receipt in report.receipts:
            assert receipt.first == position
            position = receipt.last + 1
        assert position == 20
        assert set(box.events.values()) == {1}


def test_a_single_item_that_is_too_large_is_rejected(either: EitherClient) -> None:
    with Sandbox(plan=lambda _: Fault(status=413)) as box:
        report = EitherClient(either.kind, box.url).send(events(4), check=False, stop_on_error=False)
    assert (report.rejected, len(report.receipts)) == (4, 4)


def test_a_429_uses_up_no_attempts(either: EitherClient, box: Sandbox) -> None:
    # Two processes of one account once ended with thousands of events unsent, because attempts ran out.
    box.fail_next(*[Fault(status=429)] * 7, Fault(status=503))
    (receipt,) = either.send(events(3), options={"max_attempts": 2}).receipts
    assert (receipt.outcome, receipt.attempts) == (Outcome.ACCEPTED, 9)
    assert set(box.events.values()) == {1}
