"""The queue of a tracker, by itself."""

from collections import deque

import pytest

from gameball import Gameball
from gameball.sandbox import Sandbox


class _Interrupted(deque[object]):
    """Stands for a signal handler that raises directly after an event was put into the queue."""

    def append(self, entry: object, /) -> None:
        super().append(entry)
        raise KeyboardInterrupt


def test_an_event_that_was_queued_when_a_signal_handler_raised_is_counted_and_sent(box: Sandbox) -> None:
    with Gameball("key", "secret", base_url=box.url) as client:
        tracker = client.events.tracker(linger=60.0)
        tracker.track("cust-1", "song_liked")
        waiting = tracker._backgrounds["current"].queue._waiting
        entries = waiting._entries
        waiting._entries = _Interrupted(entries)  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt):
            tracker.track("cust-2", "song_liked")
        waiting._entries = deque(waiting._entries)
        stats = tracker.stats
        assert (stats.tracked, stats.queued) == (2, 2)
        assert tracker.flush(10.0)
        assert tracker.stats.accepted == 2
    assert sum(box.events.values()) == 2
