"""An event that threads wait for, which an interrupt cannot damage."""

import threading
from contextlib import suppress


class Latch:
    """Like ``threading.Event``, without ``clear``.

    ``Event.set`` acquires the lock of a condition in Python code. A Ctrl-C there could leave that lock held
    for ever, and every thread that waited for the event would hang. This class has one lock, which is held
    until it is set.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        """Wake all waiting threads, now and in future. It is safe to call this more than once."""
        with suppress(RuntimeError):  # it is released already
            self._lock.release()

    def wait(self, seconds: float) -> None:
        """Wait until it is set, at most for some seconds."""
        if self._lock.acquire(timeout=max(0.0, min(seconds, threading.TIMEOUT_MAX))):
            self.set()
