"""The trackers of one client, which are closed with it."""

import threading
from weakref import WeakSet

from gameball.errors import ClientClosedError
from gameball.fork_safety import renew_after_fork
from gameball.tracking.closing import close_trackers
from gameball.tracking.tracker import Tracker


class OpenTrackers:
    """The trackers of one client. The program keeps those that work; the others may be collected."""

    def __init__(self) -> None:
        self._trackers: WeakSet[Tracker] = WeakSet()
        self._closed = False
        self.after_fork_in_child()
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Use a new lock: a thread of the parent may hold the other one."""
        # Reentrant, because a signal handler may create a tracker.
        self._lock = threading.RLock()

    def add(self, tracker: Tracker) -> Tracker:
        """Remember a tracker, and return it.

        Raises:
            ClientClosedError: The client is closed.
        """
        # Remembered first: another thread may close the client between the two steps.
        with self._lock:
            self._trackers.add(tracker)
        if self._closed:
            tracker.close()
            raise ClientClosedError
        return tracker

    def close_if_none(self) -> bool:
        """Allow no tracker any more, and return whether there is none to be closed."""
        self._closed = True
        return not self._trackers

    def close(self) -> None:
        """Close all trackers at the same time. They send what they have queued, as far as the time allows."""
        self._closed = True
        with self._lock:
            trackers = list(self._trackers)
        close_trackers(trackers)
