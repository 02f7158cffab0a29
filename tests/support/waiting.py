"""Waits for a condition instead of a fixed time, with a timeout that is long enough for a loaded machine."""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator

import pytest

#: The longest a test waits for anything, in seconds: far more than it takes, and less than it takes to hang.
LONGEST = 30.0
# A condition may be a query that slows down what it waits for, so a long wait looks less often: each pause is
# at most a tenth of the time so far.
_SHORTEST_PAUSE = 0.005
_LONGEST_PAUSE = 0.05


def _pauses() -> Iterator[float]:
    """Yield pauses until the time is over."""
    begun = time.monotonic()
    while (elapsed := time.monotonic() - begun) < LONGEST:
        yield max(_SHORTEST_PAUSE, min(_LONGEST_PAUSE, elapsed / 10))
    pytest.fail(f"the condition did not come to hold in time\n{stacks_of_threads()}")


def wait_until(condition: Callable[[], object]) -> None:
    """Return as soon as a condition holds, and fail if it does not hold in time."""
    pauses = _pauses()
    while not condition():
        time.sleep(next(pauses))


async def wait_until_async(condition: Callable[[], object]) -> None:
    """Do the same as the synchronous function, and let the event loop run meanwhile."""
    pauses = _pauses()
    while not condition():
        await asyncio.sleep(next(pauses))


def stacks_of_threads() -> str:
    """Return what each thread is doing, to tell why something did not come to hold."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"{names.get(ident)}:\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
    )
