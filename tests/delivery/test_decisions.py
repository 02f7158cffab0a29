"""The decision to retry, how often and how soon."""

import pytest
from failures import FAILURES

from gameball import (
    ConnectionFailedError,
    GameballError,
    InvalidRequestError,
    Outcome,
    RateLimitError,
    ResponseLostError,
    ServerError,
)
from gameball.delivery.decisions import Finish, Retry, RetryPolicy, Split, decide

REPORT = RetryPolicy(max_attempts=3)
RESEND = RetryPolicy(max_attempts=3, on_unknown="resend")


@pytest.mark.parametrize(("error", "_outcome", "again", "again_with_resend"), FAILURES)
def test_a_failure_is_retried_when_it_is_safe_or_asked_for_and_attempts_are_left(
    error: GameballError, _outcome: Outcome, again: bool, again_with_resend: bool
) -> None:
    for policy, expected in ((REPORT, again), (RESEND, again_with_resend)):
        decision = decide(error, 1, policy, can_split=True, jitter=0.5)
        assert isinstance(decision, Retry if expected else Finish)
        # A 429 uses up no attempts, but its own time.
        at_the_end = decide(error, 3, policy, can_split=True, jitter=0.5, limited_for=300.0)
        assert at_the_end == Finish()


def test_an_accepted_chunk_needs_no_further_attempt() -> None:
    assert decide(0, 1, RESEND, can_split=True, jitter=0.5) == Finish()


def test_after_a_413_a_chunk_is_split_as_long_as_it_can_be() -> None:
    error = InvalidRequestError("x", status=413)
    assert decide(error, 1, REPORT, can_split=True, jitter=0.5) == Split()
    assert decide(error, 9, REPORT, can_split=True, jitter=0.5) == Split()
    assert decide(error, 1, REPORT, can_split=False, jitter=0.5) == Finish()


def test_back_off_doubles_up_to_its_cap_and_jitter_spreads_it_from_zero() -> None:
    policy = RetryPolicy(first_delay=1.0, longest_delay=10.0)
    assert [policy.back_off(attempts, 1.0) for attempts in (1, 2, 3, 4, 5, 5000)] == [1, 2, 4, 8, 10, 10]
    assert policy.back_off(3, 0.0) == 0.0
    assert policy.back_off(3, 0.25) == 1.0


@pytest.mark.parametrize(
    ("asked", "seconds", "everyone"), [(None, 1.0, True), (7.0, 8.0, True), (86400.0, 61.0, True)]
)
def test_after_a_429_every_worker_pauses_as_long_as_asked_up_to_a_cap(
    asked: float | None, seconds: float, everyone: bool
) -> None:
    error = RateLimitError("x", status=429)
    error.retry_after = asked
    assert decide(error, 1, REPORT, can_split=False, jitter=0.5) == Retry(seconds, everyone)


def test_the_retry_after_of_a_503_delays_only_its_own_chunk() -> None:
    error = ServerError("x", status=503)
    error.retry_after = 3.0
    assert decide(error, 1, REPORT, can_split=False, jitter=0.0) == Retry(3.0, everyone=False)


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_attempts": 0},
        {"on_unknown": "guess"},
        {"rate_limit_timeout": -1.0},
        {"rate_limit_timeout": float("inf")},
        {"rate_limit_timeout": "5"},
    ],
)
def test_a_policy_with_invalid_values_is_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        RetryPolicy(**arguments)  # type: ignore[arg-type]


def test_a_429_is_retried_until_its_own_time_runs_out_however_many_attempts_that_takes() -> None:
    error = RateLimitError("x", status=429)
    policy = RetryPolicy(max_attempts=1, rate_limit_timeout=60.0)
    retry = decide(error, 0, policy, can_split=False, jitter=0.0, limited_for=59.9)
    assert retry == Retry(0.5, everyone=True)
    assert decide(error, 0, policy, can_split=False, jitter=0.0, limited_for=60.0) == Finish()


@pytest.mark.parametrize(
    "error",
    [ConnectionFailedError("no route"), ServerError("busy", status=503), RateLimitError("slow", status=429)],
)
def test_what_was_certainly_not_accepted_is_retried_for_as_long_as_asked(error: GameballError) -> None:
    policy = RetryPolicy(max_attempts=1, retry_for=600.0, rate_limit_timeout=60.0)

    def decision(failing_for: float) -> object:
        return decide(
            error, 99, policy, can_split=False, jitter=0.5, limited_for=failing_for, failing_for=failing_for
        )

    assert isinstance(decision(599.0), Retry)
    assert decision(600.0) == Finish()


def test_what_may_have_been_accepted_is_not_retried_any_longer() -> None:
    policy = RetryPolicy(max_attempts=2, retry_for=600.0, on_unknown="resend")
    lost = ResponseLostError("reset")
    assert isinstance(decide(lost, 1, policy, can_split=False, jitter=0.5), Retry)
    assert decide(lost, 2, policy, can_split=False, jitter=0.5) == Finish()
    assert decide(lost, 1, RetryPolicy(retry_for=600.0), can_split=False, jitter=0.5) == Finish()
