"""Rate limits: sliding windows of requests, and limiters that wait for a free slot."""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import Enum
from typing import Final

from attrs import Attribute, field, frozen

from gameball.event_loop import EventLoopGuard
from gameball.fork_safety import renew_after_fork

#: More would take too much memory: the limiter remembers as many times.
_MAX_REQUESTS: Final = 1_000_000
#: One year. Timers fail with much longer times.
_MAX_SECONDS: Final = 31_536_000
#: How long after the client gave a request up it may still arrive, in seconds. This is an assumption: the
#: usual proxies and load balancers drop a request that their server has not taken for 60 seconds.
LATEST_ARRIVAL: Final = 60.0


def _check_requests(_: object, attribute: "Attribute[int]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_REQUESTS:
        raise ValueError(
            f"{attribute.name} must be an integer from 1 to {_MAX_REQUESTS:,}, got {value!r}; for one "
            "request in 2 seconds write RateLimit(1, 2), and for no limits rate_limits=None"
        )


def _check_seconds(_: object, attribute: "Attribute[float]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _MAX_SECONDS:
        raise ValueError(
            f"{attribute.name} must be an int or a float greater than 0 and at most {_MAX_SECONDS:,}, got "
            f"{value!r}; write for example RateLimit(30, 1.0), and for no limits rate_limits=None"
        )


@frozen
class RateLimit:
    """A maximum number of requests within any time window of a given length.

    Args:
        requests: The maximum number of requests, from 1 to 1,000,000.
        seconds: The length of the window in seconds, greater than 0 and at most 31,536,000 (a year).

    Raises:
        ValueError: An argument is out of range or of the wrong type.
    """

    requests: int = field(validator=_check_requests)
    seconds: float = field(validator=_check_seconds)


#: The limits that Gameball documents for all requests except those of single events.
DOCUMENTED_LIMITS: Final = (RateLimit(30, 1.0), RateLimit(360, 30.0))


def check_limits(limits: Iterable[RateLimit] | None) -> tuple[RateLimit, ...]:
    """Check the type of each rate limit, and return an empty tuple for None.

    Raises:
        ValueError: ``limits`` is not an iterable of ``RateLimit``.
    """
    if limits is None:
        return ()
    # A generator can be read only once.
    given = tuple(limits) if isinstance(limits, Iterable) else (limits,)
    if not isinstance(limits, Iterable) or not all(isinstance(limit, RateLimit) for limit in given):
        raise ValueError(
            f"rate_limits must hold RateLimit(requests, seconds), got {limits!r}; write for example "
            "rate_limits=[RateLimit(30, 1.0)], or rate_limits=None for no limits"
        )
    return given


class RequestEnd(Enum):
    """How a request ended, which decides how long it occupies its slot.

    Attributes:
        NOT_SENT: No byte of it was sent, so it never arrives.
        REFUSED: The server refused it with a 429. It is assumed not to count in the server's windows.
        ENDED_BY_SERVER: The server responded or closed the connection, so it does not arrive later than that.
        GIVEN_UP: The client stopped waiting for the response: a timeout, an abort or a cancellation. It may
            still arrive.
    """

    NOT_SENT = "not sent"
    REFUSED = "refused"
    ENDED_BY_SERVER = "ended by the server"
    GIVEN_UP = "given up"


class Windows:
    """Decides when the next request may be sent. It reads no clock: its methods receive the current time.

    A request occupies a slot in each window from the moment it is sent until one window length after its
    response was received. It arrives at the server between these two moments. So while the server counts the
    request in its window, the request still occupies a slot here: the limits cannot be exceeded at the
    server, whatever the latency.

    A request that the client gave up may arrive later: it waits in the socket of a server that hangs, which
    may later read all such requests at once. It is assumed to arrive at most ``LATEST_ARRIVAL`` seconds after
    it was given up, and occupies its slot until one window length after that.

    A 429 means that others use the account too. From then on requests are sent one at a time, until one is
    not refused. Those that are refused occupy no slot. Otherwise a process that asked for a whole window
    would use up its own slots, and leave most of the next window unused.

    Args:
        limits: The limits, which all apply at the same time.
    """

    def __init__(self, limits: Sequence[RateLimit]) -> None:
        self._limits = tuple(limits)
        self._in_flight = 0
        self._is_refused = False
        self._held_until = -math.inf
        self._answers: deque[float] = deque(maxlen=max((limit.requests for limit in self._limits), default=1))
        # The latest times at which requests that were given up may arrive, in order.
        self._given_up: deque[float] = deque()

    def delay(self, now: float) -> float:
        """Return the seconds until a request may be sent, or infinity if a response must arrive first."""
        self._count_answered(now)
        if self._is_refused and self._in_flight:
            return math.inf
        latest = self._held_until
        for limit in self._limits:
            free = limit.requests - self._in_flight
            if free <= 0:
                return math.inf
            # The request that must leave the window first is the one with this place, counted from the last.
            if free <= len(self._given_up):
                latest = max(latest, self._given_up[-free] + limit.seconds)
            elif (place := free - len(self._given_up)) <= len(self._answers):
                latest = max(latest, self._answers[-place] + limit.seconds)
        return max(0.0, latest - now)

    def used(self, now: float) -> float:
        """Return the usage of the fullest window, from 0 to 1."""
        self._count_answered(now)
        waiting = self._in_flight + len(self._given_up)
        shares = (
            (waiting + sum(now - answer < limit.seconds for answer in self._answers)) / limit.requests
            for limit in self._limits
        )
        return max(shares, default=0.0)

    def take(self) -> None:
        """Occupy a slot for a request that is about to be sent."""
        self._in_flight += 1

    def give_back(self, now: float, end: RequestEnd) -> None:
        """Record that a request has ended.

        Args:
            now: The current time, in seconds. It must not be less than in an earlier call.
            end: How it ended.
        """
        self._in_flight -= 1
        self._count_answered(now)
        if end is RequestEnd.ENDED_BY_SERVER:
            self._is_refused = False
            self._answers.append(now)
        elif end is RequestEnd.REFUSED:
            self._is_refused = True
        elif end is RequestEnd.GIVEN_UP and self._limits:
            self._given_up.append(now + LATEST_ARRIVAL)

    def answer_all(self, now: float) -> None:
        """Count every request in flight as answered now: a forked child never learns when they end."""
        for _ in range(self._in_flight):
            self._answers.append(now)
        self._in_flight = 0

    def hold(self, until: float) -> None:
        """Allow no request before the given time."""
        self._held_until = max(self._held_until, until)

    def _count_answered(self, now: float) -> None:
        """Count the requests that were given up, and can no longer arrive, as answered."""
        while self._given_up and self._given_up[0] <= now:
            self._answers.append(self._given_up.popleft())


class _Condition:
    """A condition, and its lock, which is entered directly.

    ``with condition`` acquires the lock in Python code. A Ctrl-C there could leave it held for ever, and
    every later request of the client would hang.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)


class Limiter:
    """Makes threads wait until the rate limits allow a request.

    Args:
        limits: The limits, or None for no limits.
        clock: Returns the current time, in seconds.
    """

    def __init__(
        self, limits: Sequence[RateLimit] | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._windows = Windows(check_limits(limits))
        self._clock = clock
        self._conditions: dict[str, _Condition] = {}
        renew_after_fork(self)

    @property
    def _shared(self) -> "_Condition":
        # Created on first use: gunicorn's gevent workers replace the locks of threading after the fork, and
        # a greenlet that waits for one of the original locks stops all others.
        found = self._conditions.get("changed")
        return self._conditions.setdefault("changed", _Condition()) if found is None else found

    def after_fork_in_child(self) -> None:
        """Keep the windows: the child uses the same account, and the parent's requests count against it."""
        self._conditions = {}
        self._windows.answer_all(self._clock())

    def acquire(self, stopped: Callable[[], bool] = lambda: False, *, until: float = math.inf) -> bool:
        """Wait for a free slot and occupy it.

        Args:
            stopped: Returns whether to stop waiting. ``wake`` makes every waiting thread call it again.
            until: The time at which to stop waiting, on the limiter's clock.

        Returns:
            Whether a slot was occupied: False if waiting was stopped.
        """
        shared = self._shared
        with shared.lock:
            while not stopped() and (now := self._clock()) < until:
                delay = self._windows.delay(now)
                if delay <= 0:
                    self._windows.take()
                    return True
                seconds = min(delay, until - now)
                shared.changed.wait(None if math.isinf(seconds) else seconds)
        return False

    def used(self) -> float:
        """Return the usage of the fullest window, from 0 to 1."""
        with self._shared.lock:
            return self._windows.used(self._clock())

    def release(self, end: RequestEnd) -> None:
        """Release the slot of a request that has ended, now or later, depending on how it ended."""
        shared = self._shared
        with shared.lock:
            self._windows.give_back(self._clock(), end)
            shared.changed.notify_all()

    def hold(self, seconds: float) -> None:
        """Allow no request for some seconds, as after a 429."""
        with self._shared.lock:
            self._windows.hold(self._clock() + seconds)

    def wake(self) -> None:
        """Make every waiter check again whether to stop waiting."""
        shared = self._shared
        with shared.lock:
            shared.changed.notify_all()


class AsyncLimiter:
    """Makes the tasks of one event loop wait until the rate limits allow a request; see ``Limiter``.

    Args:
        limits: The limits, or None for no limits.
        clock: Returns the current time, in seconds.
    """

    def __init__(
        self, limits: Sequence[RateLimit] | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = check_limits(limits)
        self._windows = Windows(self._limits)
        self._clock = clock
        self._changed = asyncio.Event()
        self._guard = EventLoopGuard()
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Keep the windows, and let the child use its own event loop."""
        self._changed = asyncio.Event()
        self._guard = EventLoopGuard()
        self._windows.answer_all(self._clock())

    def for_threads(self) -> Limiter:
        """Return a new limiter for threads, with the same limits. It does not count the requests of tasks."""
        return Limiter(self._limits, self._clock)

    def check_loop(self) -> None:
        """Check that the limiter is used only in the event loop in which it was first used.

        Raises:
            EventLoopError: It was first used in another event loop, or no asyncio event loop is running.
        """
        self._guard.check()

    async def acquire(self, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Wait for a free slot and occupy it; return False if waiting was stopped."""
        while not stopped():
            delay = self._windows.delay(self._clock())
            if delay <= 0:
                self._windows.take()
                return True
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), None if math.isinf(delay) else delay)
        return False

    def used(self) -> float:
        """Return the usage of the fullest window, from 0 to 1."""
        return self._windows.used(self._clock())

    def release(self, end: RequestEnd) -> None:
        """Release the slot of a request that has ended, now or later, depending on how it ended."""
        self._windows.give_back(self._clock(), end)
        self.wake()

    def hold(self, seconds: float) -> None:
        """Allow no request for some seconds, as after a 429."""
        self._windows.hold(self._clock() + seconds)

    def wake(self) -> None:
        """Make every waiter check again whether to stop waiting."""
        self._changed.set()
        self._changed = asyncio.Event()
