"""The trackers of one client, which are closed with it."""

from gameball.errors import ClientClosedError
from gameball.tracking.tracker import Tracker
from gameball.tracking.tracker_set import TrackerSet


class OpenTrackers:
    """The trackers of one client. The program keeps those that work; the others may be collected."""

    def __init__(self) -> None:
        self._trackers: TrackerSet[Tracker] = TrackerSet()
        self._closed = False

    def add(self, tracker: Tracker) -> Tracker:
        """Remember a tracker, and return it.

        Raises:
            ClientClosedError: The client is closed.
        """
        # Remembered first: another thread may close the client between the two steps.
        self._trackers.add(tracker)
        if self._closed:
            tracker.close()
            raise ClientClosedError
        return tracker

    def close_if_none(self) -> bool:
        """Allow no further trackers, and return whether there are none to close."""
        self._closed = True
        return not self._trackers

    def close(self) -> None:
        """Close all trackers at the same time. They send what they have queued until the timeout."""
        self._closed = True
        self._trackers.close()
