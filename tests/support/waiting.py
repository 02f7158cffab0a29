"""Waits for a condition instead of a fixed time, with a timeout that is long enough for a loaded machine."""

import asyncio
import time
from collections.abc import Callable

#: The longest a test waits for anything, in seconds: far more than it takes, and less than it takes to hang.
LONGEST = 30.0


def wait_until(condition: Callable[[], object]) -> None:
    """Return as soon as a condition holds, and fail if it does not hold in time."""
    deadline = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come to hold in time"
        time.sleep(0.005)


async def wait_until_async(condition: Callable[[], object]) -> None:
    """Do the same as the synchronous function, and let the event loop run meanwhile."""
    deadline = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come to hold in time"
        await asyncio.sleep(0.005)
