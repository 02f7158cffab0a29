"""Closes all trackers at the end of the program, at the same time."""

import atexit
import threading
from typing import Final
from weakref import WeakSet

from gameball.fork_safety import renew_after_fork
from gameball.log import LOGGER
from gameball.tracking.closing import Closable, close_trackers


class TrackersAtExit:
    """The trackers of a process.

    Functions that the program registers with ``atexit`` later run before ``close``, so they can track events.
    """

    def __init__(self) -> None:
        self._trackers: WeakSet[Closable] = WeakSet()
        # Those that have begun to work. The user may have kept no reference to them.
        self._working: set[Closable] = set()
        # False if this module was imported by an ``atexit`` function, and after the trackers were closed.
        self._will_close = threading.main_thread().is_alive()
        self.after_fork_in_child()
        renew_after_fork(self)
        atexit.register(self.close)

    def after_fork_in_child(self) -> None:
        """Use a new lock: a thread of the parent may hold the other one."""
        # Reentrant, because a signal handler may create a tracker.
        self._lock = threading.RLock()

    def add(self, tracker: Closable) -> None:
        """Close a tracker at the end of the program, unless it was collected before."""
        with self._lock:
            self._trackers.add(tracker)

    def note_working(self, tracker: Closable) -> None:
        """Keep a tracker that begins to work until it is closed."""
        self._working.add(tracker)
        if not self._will_close:
            LOGGER.warning("the program is ending, so tracked events are lost unless the tracker is closed")

    def note_closed(self, tracker: Closable) -> None:
        """Keep a tracker no longer: it is closed."""
        self._working.discard(tracker)

    def close(self) -> None:
        """Close all trackers."""
        self._will_close = False
        with self._lock:
            trackers = list(self._trackers)
        close_trackers(trackers)


# Global, because only one ``atexit`` function can close several trackers at the same time.
AT_EXIT: Final = TrackersAtExit()
