"""The rate limits of the sandbox: exact sliding windows over arrivals."""

from collections import deque
from collections.abc import Sequence

from gameball.rate_limit import RateLimit, check_limits


class SlidingWindows:
    """Admits requests within rate limits.

    Args:
        limits: The rate limits, each with its requests and its window in seconds.
    """

    def __init__(self, limits: Sequence[RateLimit]) -> None:
        self._limits = [(limit.requests, limit.seconds) for limit in check_limits(limits)]
        self._arrivals: deque[float] = deque(
            maxlen=max((requests for requests, _ in self._limits), default=0)
        )

    def admit(self, now: float) -> bool:
        """Return whether a request that arrives now is within every limit. If it is, it is counted."""
        for requests, seconds in self._limits:
            if len(self._arrivals) >= requests and now - self._arrivals[-requests] < seconds:
                return False
        self._arrivals.append(now)
        return True
