"""What is tried again, how often, how soon; as a table, and then for real."""

import pytest
from either_client import EitherClient

from gameball import (
    APIError,
    AuthenticationError,
    ConnectionFailedError,
    Event,
    GameballError,
    InvalidRequestError,
    NotFoundError,
    Outcome,
    PermissionDeniedError,
    RateLimitError,
    ResponseLostError,
    ServerError,
)
from gameball.delivery.outcomes import outcome_of, stops_everything
from gameball.delivery.retries import Finish, Retry, RetryPolicy, Split, decide
from gameball.sandbox import Ending, Fault, Sandbox

REPORT = RetryPolicy(max_attempts=3)
RESEND = RetryPolicy(max_attempts=3, on_unknown="resend")

# error, outcome, tried again?, tried again with on_unknown="resend"?
TABLE: list[tuple[GameballError, Outcome, bool, bool]] = [
    (ConnectionFailedError("x"), Outcome.UNSENT, True, True),
    (RateLimitError("x", status=429), Outcome.UNSENT, True, True),
    (ServerError("x", status=503), Outcome.UNSENT, True, True),
    (InvalidRequestError("x", status=422, code=2001), Outcome.UNSENT, True, True),
    (InvalidRequestError("x", status=422, code=3003), Outcome.REJECTED, False, False),
    (InvalidRequestError("x", status=400), Outcome.REJECTED, False, False),
    (AuthenticationError("x", status=401), Outcome.REJECTED, False, False),
    (PermissionDeniedError("x", status=403), Outcome.REJECTED, False, False),
    (NotFoundError("x", status=404), Outcome.REJECTED, False, False),
    (APIError("x", status=302), Outcome.REJECTED, False, False),
    (ServerError("x", status=500), Outcome.UNKNOWN, False, True),
    (ServerError("x", status=502), Outcome.UNKNOWN, False, True),
    (ServerError("x", status=520), Outcome.UNKNOWN, False, True),
    (ResponseLostError("x"), Outcome.UNKNOWN, False, True),
]


@pytest.mark.parametrize(("error", "outcome", "again", "again_with_resend"), TABLE)
def test_the_outcome_table(
    error: GameballError, outcome: Outcome, again: bool, again_with_resend: bool
) -> None:
    assert outcome_of(error) is outcome
    for policy, expected in ((REPORT, again), (RESEND, again_with_resend)):
        decision = decide(error, 1, policy, can_split=True, jitter=0.5)
        assert isinstance(decision, Retry if expected else Finish)
        assert decide(error, 3, policy, can_split=True, jitter=0.5) == Finish()


def test_an_accepted_chunk_is_settled() -> None:
    assert decide(0, 1, RESEND, can_split=True, jitter=0.5) == Finish()


def test_what_is_too_large_is_split_as_long_as_it_can_be() -> None:
    error = InvalidRequestError("x", status=413)
    assert decide(error, 1, REPORT, can_split=True, jitter=0.5) == Split()
    assert decide(error, 9, REPORT, can_split=True, jitter=0.5) == Split()
    assert decide(error, 1, REPORT, can_split=False, jitter=0.5) == Finish()


def test_only_wrong_keys_stop_everything() -> None:
    stopping = [error for error, *_ in TABLE if stops_everything(error)]
    assert [type(error) for error in stopping] == [AuthenticationError, PermissionDeniedError]
    assert not stops_everything(None)


def test_pauses_double_up_to_their_cap_and_are_spread_from_zero() -> None:
    policy = RetryPolicy(first_delay=1.0, longest_delay=10.0)
    assert [policy.back_off(attempts, 1.0) for attempts in (1, 2, 3, 4, 5, 5000)] == [1, 2, 4, 8, 10, 10]
    assert policy.back_off(3, 0.0) == 0.0
    assert policy.back_off(3, 0.25) == 1.0


@pytest.mark.parametrize(
    ("asked", "seconds", "everyone"), [(None, 1.0, True), (7.0, 7.25, True), (86400.0, 60.25, True)]
)
def test_after_a_429_everyone_pauses_as_long_as_asked_up_to_a_cap(
    asked: float | None, seconds: float, everyone: bool
) -> None:
    error = RateLimitError("x", status=429)
    error.retry_after = asked
    assert decide(error, 1, REPORT, can_split=False, jitter=0.5) == Retry(seconds, everyone)


def test_a_503_that_asks_to_wait_is_believed_for_its_chunk() -> None:
    error = ServerError("x", status=503)
    error.retry_after = 3.0
    assert decide(error, 1, REPORT, can_split=False, jitter=0.0) == Retry(3.0, everyone=False)


@pytest.mark.parametrize("arguments", [{"max_attempts": 0}, {"on_unknown": "guess"}])
def test_a_policy_out_of_its_range_is_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        RetryPolicy(**arguments)  # type: ignore[arg-type]


def events(count: int) -> list[Event]:
    return [Event(f"cust-{number}", "song_liked") for number in range(count)]


RETRYING = {"max_attempts": 4}


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(status=429), Fault(status=422, code=2001)])
def test_what_was_turned_away_is_sent_again_until_it_is_taken(
    either: EitherClient, box: Sandbox, fault: Fault
) -> None:
    box.fail_next(fault, fault)
    (receipt,) = either.send(events(3), options=RETRYING).receipts
    assert (receipt.outcome, receipt.attempts) == (Outcome.ACCEPTED, 3)
    assert receipt.elapsed > 0
    assert set(box.events.values()) == {1}


def test_attempts_run_out(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(*[Fault(status=503)] * 10)
    report = either.send(events(3), options=RETRYING, check=False)
    assert (report.unsent, report.receipts[0].attempts) == (3, 4)
    assert len(box.batches) == 4


def test_what_may_have_been_accepted_is_not_sent_again_unless_told_to(
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
def test_after_a_doubtful_attempt_no_failure_makes_a_chunk_certain_again(
    either: EitherClient, box: Sandbox, later: Fault
) -> None:
    box.fail_next(Fault(status=500, accepts=True), *[later] * 9)
    report = either.send(events(3), options=RETRYING, on_unknown="resend", check=False)
    assert report.unknown == 3
    assert isinstance(report.receipts[0].error, ServerError)
    assert set(box.events.values()) == {1}


def test_what_is_too_large_for_the_server_is_sent_in_parts(either: EitherClient) -> None:
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
