"""The tracker of the asynchronous client."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from gameball.tracking.stats import TrackerStats
from gameball.tracking.tracker import DEFAULT_FLUSH_TIMEOUT, Tracker


class AsyncTracker:
    """Records events immediately and sends them in the background; see ``Tracker``.

    The background threads are those of ``Tracker``: they need no event loop, and do not delay one.

    Args:
        tracker: The tracker that does the work.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def track(self, customer_id: str, name: str, metadata: Mapping[str, object] | None = None) -> bool:
        """Record an event; see ``Tracker.track``. It blocks only if ``when_full`` is ``wait``."""
        return self._tracker.track(customer_id, name, metadata)

    def start(self) -> None:
        """Start the threads of this process now; see ``Tracker.start``."""
        self._tracker.start()

    @property
    def stats(self) -> TrackerStats:
        """The counts of this process's events by outcome, at one moment. They always add up."""
        return self._tracker.stats

    async def flush(self, timeout: float = DEFAULT_FLUSH_TIMEOUT) -> bool:
        """Send what is queued now, and wait for the outcomes; see ``Tracker.flush``."""
        return await asyncio.to_thread(self._tracker.flush, timeout)

    async def close(self, timeout: float | None = None) -> None:
        """Send what is queued until the timeout, and end the threads; see ``Tracker.close``."""
        await asyncio.to_thread(self._tracker.close, timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
