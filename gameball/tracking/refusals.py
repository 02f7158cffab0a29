"""The events that a tracker refused because it was full or closed, and the warnings about them."""

import math
import threading
import time
from typing import Final

from attrs import define

#: At most one warning in this time, in seconds.
WARNING_PERIOD: Final = 60.0


@define(eq=False)
class Refusals:
    """Counts refused events, and decides when to warn. It has no lock.

    Attributes:
        count: The number of refused events.
    """

    count: int = 0
    _warned: int = 0
    _warn_at: float = -math.inf

    def note(self) -> int:
        """Count an event.

        Returns:
            How many were refused since the last warning if it is time for one, otherwise 0.
        """
        self.count += 1
        now = time.monotonic()
        # At the end of the program there may be no later warning.
        if now < self._warn_at and threading.main_thread().is_alive():
            return 0
        self._warn_at = now + WARNING_PERIOD
        refused = self.count - self._warned
        self._warned = self.count
        return refused
