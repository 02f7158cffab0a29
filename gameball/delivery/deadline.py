"""The deadline of a call: when it must have ended, whatever it is waiting for."""

import time
from typing import Final, Self

from attrs import frozen

# Python's locks and timers fail with far longer times.
_LONGEST: Final = 1_000_000_000


def check_seconds(name: str, seconds: object) -> None:
    """Check a number of seconds to wait.

    Args:
        name: The name of the argument.
        seconds: Its value.

    Raises:
        ValueError: It is not a number, or it is negative or too large.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _LONGEST:
        raise ValueError(f"{name} is {seconds!r} but must be a number of seconds from 0 to {_LONGEST:,}")


@frozen
class Deadline:
    """When a call must have ended.

    Attributes:
        seconds: The time from the call to the deadline, in seconds, as it was given.
        at: The deadline, as a time of ``time.monotonic``.
    """

    seconds: float
    at: float

    @classmethod
    def after(cls, seconds: float | None) -> Self | None:
        """Return the deadline some seconds from now, or None without one.

        Raises:
            ValueError: It is not a number of seconds; see ``check_seconds``.
        """
        if seconds is None:
            return None
        check_seconds("deadline", seconds)
        return cls(seconds, time.monotonic() + seconds)

    def left(self) -> float:
        """Return the seconds until the deadline, or 0 if it has passed."""
        return max(0.0, self.at - time.monotonic())

    def __str__(self) -> str:
        return f"the deadline of {self.seconds:g} s passed"
