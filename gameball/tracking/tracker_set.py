"""Trackers that are closed together: those of a client, and those of a process."""

import threading
from typing import Generic, TypeVar
from weakref import WeakSet

from gameball.fork_safety import renew_after_fork
from gameball.tracking.closing import Closable, close_trackers

TrackerT = TypeVar("TrackerT", bound=Closable)


class TrackerSet(Generic[TrackerT]):
    """The open trackers, by weak references: a tracker that is not used elsewhere can be collected."""

    def __init__(self) -> None:
        self._trackers: WeakSet[TrackerT] = WeakSet()
        self.after_fork_in_child()
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Use a new lock: a thread of the parent may hold the other one."""
        # Reentrant, because a signal handler may create a tracker.
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._trackers)

    def add(self, tracker: TrackerT) -> None:
        """Remember a tracker, unless it is collected."""
        with self._lock:
            self._trackers.add(tracker)

    def close(self) -> None:
        """Close all trackers at the same time. They send what they have queued until the timeout."""
        with self._lock:
            trackers = list(self._trackers)
        close_trackers(trackers)
