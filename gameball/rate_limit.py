"""Rate limits that hold at the server: the two sliding windows, and waiting for a place in them."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from attrs import field, frozen, validators

from gameball.fork_safety import renew_after_fork


@frozen
class RateLimit:
    """At most so many requests within any window of so many seconds.

    Args:
        requests: How many requests, at least 1.
        seconds: How long the window is, in seconds; more than 0.

    Raises:
        ValueError: One of them is out of its range.
    """

    requests: int = field(validator=validators.ge(1))
    seconds: float = field(validator=validators.gt(0))


#: Gameball documents 30 requests per second and 360 per 30 seconds for all but single events.
DOCUMENTED_LIMITS: Final = (RateLimit(30, 1.0), RateLimit(360, 30.0))


def check_limits(limits: Sequence[RateLimit] | None) -> Sequence[RateLimit]:
    """Return rate limits, of which there may be none, if that is what they are.

    Raises:
        ValueError: One of them is no ``RateLimit``.
    """
    for limit in limits or ():
        if not isinstance(limit, RateLimit):
            raise ValueError(f"rate_limits holds {limit!r}, and takes RateLimit(requests, seconds)")  # noqa: TRY004
    return limits or ()


class Windows:
    """Decides when the next request may be sent. Pure: told the time, it never asks for it.

    A request holds its place in each window from when it is sent until one window after its answer came. The
    server counts arrivals, which lie between the two. So whenever the server counts a request within its
    window, the request still holds its place here: no window can be exceeded there, whatever the latency.

    Args:
        limits: The limits that hold together.
    """

    def __init__(self, limits: Sequence[RateLimit]) -> None:
        self._limits = tuple(limits)
        self._in_flight = 0
        self._held_until = -math.inf
        self._answers: deque[float] = deque(maxlen=max((limit.requests for limit in self._limits), default=1))

    def delay(self, now: float) -> float:
        """Return the seconds until a request may be sent: 0 at once, infinite until an answer comes."""
        latest = self._held_until
        for limit in self._limits:
            free = limit.requests - self._in_flight
            if free <= 0:
                return math.inf
            if len(self._answers) >= free:
                latest = max(latest, self._answers[-free] + limit.seconds)
        return max(0.0, latest - now)

    def used(self, now: float) -> float:
        """Return how much of the fullest window is taken, from 0 to 1."""
        shares = (
            (self._in_flight + sum(now - answer < limit.seconds for answer in self._answers)) / limit.requests
            for limit in self._limits
        )
        return max(shares, default=0.0)

    def take(self) -> None:
        """Note that a request is about to be sent."""
        self._in_flight += 1

    def give_back(self, now: float, *, sent: bool) -> None:
        """Note that a request has ended.

        Args:
            now: The time, in seconds.
            sent: Whether anything of it may have reached the server.
        """
        self._in_flight -= 1
        if sent:
            self._answers.append(now)

    def answer_all(self, now: float) -> None:
        """Take every request in flight as answered now: in a forked child nobody else will tell of them."""
        for _ in range(self._in_flight):
            self._answers.append(now)
        self._in_flight = 0

    def hold(self, until: float) -> None:
        """Let no request be sent before a time."""
        self._held_until = max(self._held_until, until)


class Limiter:
    """Lets threads wait for their place.

    Args:
        limits: The limits, or None for none.
        clock: Tells the time, in seconds.
    """

    def __init__(
        self, limits: Sequence[RateLimit] | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._windows = Windows(check_limits(limits))
        self._clock = clock
        self._changed = threading.Condition()
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Go on with what is known of the windows: the account is the same, and its requests were made."""
        self._changed = threading.Condition()
        self._windows.answer_all(self._clock())

    def acquire(self, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Wait for a place, and take it.

        Args:
            stopped: Tells whether to give up; ``wake`` makes all who wait ask again.

        Returns:
            Whether a place was taken: False when waiting was stopped.
        """
        with self._changed:
            while not stopped():
                delay = self._windows.delay(self._clock())
                if delay <= 0:
                    self._windows.take()
                    return True
                self._changed.wait(None if math.isinf(delay) else delay)
        return False

    def used(self) -> float:
        """Return how much of the fullest window is taken, from 0 to 1."""
        with self._changed:
            return self._windows.used(self._clock())

    def release(self, *, sent: bool) -> None:
        """Give a place back, after its request has ended."""
        with self._changed:
            self._windows.give_back(self._clock(), sent=sent)
            self._changed.notify_all()

    def hold(self, seconds: float) -> None:
        """Let nobody send for some seconds, as after a 429."""
        with self._changed:
            self._windows.hold(self._clock() + seconds)

    def wake(self) -> None:
        """Make all who wait ask again whether to go on."""
        with self._changed:
            self._changed.notify_all()


class AsyncLimiter:
    """Lets the tasks of one event loop wait for their place: the twin of ``Limiter``.

    Args:
        limits: The limits, or None for none.
        clock: Tells the time, in seconds.
    """

    def __init__(
        self, limits: Sequence[RateLimit] | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._windows = Windows(check_limits(limits))
        self._clock = clock
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Go on with what is known of the windows, in an event loop of the child's."""
        self._changed = asyncio.Event()
        self._loop = None
        self._windows.answer_all(self._clock())

    def check_loop(self) -> None:
        """Check that it is used in one event loop only, the first in which it was.

        Raises:
            RuntimeError: It was used in another one.
        """
        loop = asyncio.get_running_loop()
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise RuntimeError("the client belongs to another event loop; create one in each")

    async def acquire(self, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Wait for a place, and take it; False when waiting was stopped."""
        while not stopped():
            delay = self._windows.delay(self._clock())
            if delay <= 0:
                self._windows.take()
                return True
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), None if math.isinf(delay) else delay)
        return False

    def used(self) -> float:
        """Return how much of the fullest window is taken, from 0 to 1."""
        return self._windows.used(self._clock())

    def release(self, *, sent: bool) -> None:
        """Give a place back, after its request has ended."""
        self._windows.give_back(self._clock(), sent=sent)
        self.wake()

    def hold(self, seconds: float) -> None:
        """Let nobody send for some seconds, as after a 429."""
        self._windows.hold(self._clock() + seconds)

    def wake(self) -> None:
        """Make all who wait ask again whether to go on."""
        self._changed.set()
        self._changed = asyncio.Event()
