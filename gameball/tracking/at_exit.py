"""Closes all trackers at the end of the program, at the same time."""

import atexit
import threading
from typing import Final

from gameball.log import LOGGER
from gameball.tracking.closing import Closable
from gameball.tracking.tracker_set import TrackerSet


class TrackersAtExit:
    """The trackers of a process.

    Functions that the program registers with ``atexit`` later run before ``close``, so they can track events.
    """

    def __init__(self) -> None:
        self._trackers: TrackerSet[Closable] = TrackerSet()
        # Those that have begun to work. The user may have kept no reference to them.
        self._working: set[Closable] = set()
        # False if this module was imported by an ``atexit`` function, and after the trackers were closed.
        self._will_close = threading.main_thread().is_alive()
        atexit.register(self.close)

    def add(self, tracker: Closable) -> None:
        """Close a tracker at the end of the program, unless it is garbage-collected first."""
        self._trackers.add(tracker)

    def note_working(self, tracker: Closable) -> None:
        """Keep a tracker that begins to work until it is closed."""
        self._working.add(tracker)
        if not self._will_close:
            LOGGER.warning("the program is ending, so tracked events are lost unless the tracker is closed")

    def note_closed(self, tracker: Closable) -> None:
        """Drop the reference to a tracker that was closed."""
        self._working.discard(tracker)

    def close(self) -> None:
        """Close all trackers."""
        self._will_close = False
        self._trackers.close()


# Global, because only one ``atexit`` function can close several trackers at the same time.
AT_EXIT: Final = TrackersAtExit()
