"""Decides what to do after an attempt: finish the chunk, retry it, or split it. Pure."""

import math
from http import HTTPStatus
from typing import Final, Literal

from attrs import Attribute, field, frozen, validators

from gameball.delivery.outcomes import outcome_of
from gameball.errors import APIError, GameballError, RateLimitError
from gameball.receipts import Outcome

#: What to do with a chunk that may or may not have been accepted.
OnUnknown = Literal["report", "resend"]

DEFAULT_MAX_ATTEMPTS: Final = 5
#: How long a chunk is retried after its first 429, in seconds: many times Gameball's longer window.
DEFAULT_RATE_LIMIT_TIMEOUT: Final = 300.0
# The longest that a server is believed when it asks to wait, in seconds.
_LONGEST_RETRY_AFTER: Final = 60.0
#: The shortest pause of all after a 429, in seconds: Gameball's shorter window.
SHORTEST_HOLD: Final = 1.0


def _check_seconds(_: object, attribute: "Attribute[float]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{attribute.name} is {value!r}, and must be a number of seconds, at least 0")


@frozen
class RetryPolicy:
    """How often and how soon to try again.

    Args:
        max_attempts: The most requests for one chunk, at least 1. A 429 does not count.
        rate_limit_timeout: How long a chunk is retried after its first 429, in seconds.
        on_unknown: ``report`` settles a chunk that may have been accepted; ``resend`` sends it again, so that
            nothing is lost and something may count twice.
        first_delay: The longest pause after the first attempt, in seconds; it doubles with each attempt.
        longest_delay: The longest pause of all, in seconds.
        shortest_hold: The shortest pause of all workers after a 429, in seconds.
    """

    max_attempts: int = field(default=DEFAULT_MAX_ATTEMPTS, validator=validators.ge(1))
    rate_limit_timeout: float = field(default=DEFAULT_RATE_LIMIT_TIMEOUT, validator=_check_seconds)
    on_unknown: OnUnknown = field(default="report", validator=validators.in_(("report", "resend")))
    first_delay: float = 0.5
    longest_delay: float = 30.0
    shortest_hold: float = SHORTEST_HOLD

    def back_off(self, attempts: int, jitter: float) -> float:
        """Return the pause before the next attempt: exponential, capped, with full jitter.

        Args:
            attempts: How many attempts were made, at least 1.
            jitter: A random number from 0 to 1. Without it, all who failed together would return together.
        """
        # Past some 60 doublings the number would no longer fit a float; the cap is reached long before.
        return float(jitter * min(self.longest_delay, self.first_delay * 2 ** min(attempts - 1, 60)))


@frozen
class Finish:
    """The chunk has come to its end."""


@frozen
class Retry:
    """The chunk is tried again after a pause.

    Attributes:
        seconds: How long the pause is.
        everyone: Whether all workers pause, because the server turned away the account and not the chunk.
    """

    seconds: float
    everyone: bool


@frozen
class Split:
    """The chunk is too large for the server, and is sent as two."""


def requested_wait(error: GameballError) -> float:
    """Return how long a server asks to wait, in seconds, as far as it is believed."""
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
) -> Finish | Retry | Split:
    """Decide what to do after an attempt.

    Args:
        result: The id of the job that was started, or why none was.
        attempts: How many attempts were made, this one included. Those that ended in a 429 do not count.
        policy: How often and how soon to try again.
        can_split: Whether the chunk holds more than one source item.
        jitter: A random number from 0 to 1.
        limited_for: How long ago the first 429 for the chunk was, in seconds; 0 for the first.

    Returns:
        The decision.
    """
    if not isinstance(result, GameballError):
        return Finish()
    if isinstance(result, APIError) and result.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and can_split:
        return Split()
    if isinstance(result, RateLimitError):
        # It says for certain that nothing was accepted, and passes as the window does: other processes may be
        # using the account. The pause does not grow, or the account's limit would go unused.
        pause = policy.shortest_hold * (0.5 + jitter) + requested_wait(result)
        return Retry(pause, everyone=True) if limited_for < policy.rate_limit_timeout else Finish()
    outcome = outcome_of(result)
    again = outcome is Outcome.UNSENT or (outcome is Outcome.UNKNOWN and policy.on_unknown == "resend")
    if not again or attempts >= policy.max_attempts:
        return Finish()
    return Retry(policy.back_off(attempts, jitter) + requested_wait(result), everyone=False)
