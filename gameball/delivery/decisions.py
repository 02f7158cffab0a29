"""The decision after an attempt: finish, retry or split. No I/O."""

from http import HTTPStatus
from typing import Final, Literal

from attrs import Attribute, field, frozen

from gameball.argument_checks import check_whole, validate_seconds
from gameball.delivery.failure_outcomes import outcome_of
from gameball.errors import APIError, GameballError, RateLimitError
from gameball.receipts import Outcome

#: What to do with a chunk that may or may not have been accepted.
OnUnknown = Literal["report", "resend"]

DEFAULT_MAX_ATTEMPTS: Final = 5
#: How long a chunk is retried after its first 429, in seconds: ten times Gameball's longer window.
DEFAULT_RATE_LIMIT_TIMEOUT: Final = 300.0
# The maximum wait that is accepted from a server, in seconds.
_LONGEST_RETRY_AFTER: Final = 60.0
#: How long all workers pause after a 429, in seconds: the shorter of Gameball's windows. A send makes it
#: up to half longer or shorter.
RATE_LIMIT_PAUSE: Final = 1.0


def check_on_unknown(_: object, attribute: "Attribute[OnUnknown]", value: object) -> None:
    """Check the argument ``on_unknown``, as an attrs validator.

    Raises:
        ValueError: It is not one of its two values.
    """
    # The type first: a value that is not a string may not be comparable.
    if not isinstance(value, str) or value not in {"report", "resend"}:
        raise ValueError(
            f"{attribute.name} must be 'report' or 'resend', got {value!r}; 'report' returns what may have "
            "been accepted as UNKNOWN, and 'resend' sends it again, so that some events may count twice"
        )


def _check_attempts(_: object, attribute: "Attribute[int]", value: object) -> None:
    check_whole(attribute.name, value)


@frozen
class RetryPolicy:
    """How often and how soon to retry.

    Args:
        max_attempts: The maximum number of requests for one chunk, at least 1. A 429 does not count.
        rate_limit_timeout: How long a chunk is retried after its first 429, in seconds.
        retry_for: How long a chunk that was certainly not accepted is retried after its first failure, in
            seconds, even if that takes more than ``max_attempts``.
        on_unknown: What to do with a chunk that may have been accepted. ``report`` returns it as UNKNOWN.
            ``resend`` sends it again: no event is lost, but some may be counted twice.
        first_delay: The maximum pause after the first attempt, in seconds. It doubles with each attempt.
        longest_delay: The maximum pause after any attempt, in seconds.
        rate_limit_pause: The average pause of all workers after a 429, in seconds.
    """

    max_attempts: int = field(default=DEFAULT_MAX_ATTEMPTS, validator=_check_attempts)
    rate_limit_timeout: float = field(default=DEFAULT_RATE_LIMIT_TIMEOUT, validator=validate_seconds)
    retry_for: float = field(default=0.0, validator=validate_seconds)
    on_unknown: OnUnknown = field(default="report", validator=check_on_unknown)
    first_delay: float = 0.5
    longest_delay: float = 30.0
    rate_limit_pause: float = RATE_LIMIT_PAUSE

    def back_off(self, attempts: int, jitter: float) -> float:
        """Return the pause before the next attempt: exponential back-off, capped, with full jitter.

        Args:
            attempts: The number of attempts made, at least 1.
            jitter: A random number from 0 to 1. Without it, all workers that failed together would retry
                together.
        """
        # Limited to 60 doublings, because the number would overflow a float; the cap applies long before.
        return float(jitter * min(self.longest_delay, self.first_delay * 2 ** min(attempts - 1, 60)))


@frozen
class Finish:
    """The chunk is finished."""


@frozen
class Retry:
    """The chunk is sent again after a pause.

    Attributes:
        seconds: The length of the pause, in seconds.
        everyone: Whether all workers pause, because the account has reached its rate limit.
    """

    seconds: float
    everyone: bool


@frozen
class Split:
    """The chunk is too large for the server, and is sent as two parts."""


def requested_wait(error: GameballError) -> float:
    """Return how long a server asks to wait, in seconds, at most 60."""
    asked = error.retry_after if isinstance(error, APIError) else None
    return 0.0 if asked is None else min(asked, _LONGEST_RETRY_AFTER)


def decide(
    result: int | GameballError,
    attempts: int,
    policy: RetryPolicy,
    *,
    can_split: bool,
    jitter: float,
    limited_for: float = 0.0,
    failing_for: float = 0.0,
) -> Finish | Retry | Split:
    """Decide what to do after an attempt.

    Args:
        result: The id of the job that was started, or an error.
        attempts: The number of attempts made, including this one. Those that ended in a 429 do not count.
        policy: The retry policy.
        can_split: Whether the chunk holds more than one source item.
        jitter: A random number from 0 to 1.
        limited_for: How long ago the first 429 for the chunk was, in seconds; 0 for the first.
        failing_for: How long ago the first failure of the chunk was, in seconds; 0 for the first.

    Returns:
        The decision.
    """
    if not isinstance(result, GameballError):
        return Finish()
    if isinstance(result, APIError) and result.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and can_split:
        return Split()
    if isinstance(result, RateLimitError):
        # A 429 means that nothing was accepted, and it ends with the window: other processes may be
        # using the account. The pause does not grow, or the account's limit would go unused.
        pause = policy.rate_limit_pause * (0.5 + jitter) + requested_wait(result)
        again = limited_for < policy.rate_limit_timeout or failing_for < policy.retry_for
        return Retry(pause, everyone=True) if again else Finish()
    outcome = outcome_of(result)
    again = outcome is Outcome.UNSENT or (outcome is Outcome.UNKNOWN and policy.on_unknown == "resend")
    # An attempt that may have been accepted is sent again only as often as the user allowed.
    patient = outcome is Outcome.UNSENT and failing_for < policy.retry_for
    if not again or (attempts >= policy.max_attempts and not patient):
        return Finish()
    return Retry(policy.back_off(attempts, jitter) + requested_wait(result), everyone=False)
