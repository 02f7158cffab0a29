"""Interrupts that strike the main thread at a chosen time, as Ctrl-C does."""

import faulthandler
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

#: Where no interrupt strikes. Python ignores what is raised in a finalizer, in the callback of a weak
#: reference (of WeakSet and WeakValueDictionary), or in a callback of the garbage collector, of which
#: hypothesis has one. An interrupt of ``Thread.start`` may leave a lock of Python held, so that the thread
#: never runs. An interrupt of ``logging`` may leave the lock of that module held: then the sandbox, which
#: runs in the same process, never accepts a connection again.
NOT_STRUCK = frozenset(
    ["_remove", "remove", "__del__", "gc_callback", "collect_unraisable", "start", "isEnabledFor", "handle"]
)


class AlarmInterrupt(BaseException):
    """What the signal handler raises."""


@contextmanager
def alarms(strike: Callable[[int, FrameType | None], None], longest: float) -> Iterator[None]:
    """Call a function at each alarm, which may raise ``AlarmInterrupt``.

    Args:
        strike: The function.
        longest: After how long the test run is ended with a traceback, in seconds: a lock that an interrupt
            left held would otherwise hang the run of all tests.
    """
    before = signal.signal(signal.SIGALRM, strike)
    faulthandler.dump_traceback_later(longest, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    disarm()
    signal.signal(signal.SIGALRM, before)


def arm(seconds: float) -> None:
    """Let the next alarm come after some seconds."""
    signal.setitimer(signal.ITIMER_REAL, max(1e-6, seconds))


def disarm() -> None:
    """Let no alarm come."""
    signal.setitimer(signal.ITIMER_REAL, 0)
