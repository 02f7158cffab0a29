"""The rate limits of the sandbox."""

from gameball import RateLimit
from gameball.sandbox.limits import SlidingWindows


def test_rate_limits_are_exact_sliding_windows() -> None:
    windows = SlidingWindows([RateLimit(3, 1.0), RateLimit(5, 10.0)])
    arrivals = [0.0, 0.5, 0.9, 0.99, 1.0, 1.49, 1.5, 1.9, 2.0, 10.0, 10.4, 10.5]
    assert [windows.admit(at) for at in arrivals] == [
        True, True, True, False, True, False, True, False, False, True, False, True,
    ]  # fmt: skip
