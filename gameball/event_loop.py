"""Checks that the asynchronous client is used only in one event loop of asyncio."""

import asyncio

from gameball.errors import EventLoopError


class EventLoopGuard:
    """Remembers the event loop in which it was first checked, and refuses any other."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def check(self) -> None:
        """Check the running event loop.

        Raises:
            EventLoopError: It is another one than before, or no asyncio event loop is running.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if loop is None:
            raise EventLoopError(
                "AsyncGameball needs asyncio, but no asyncio event loop is running; under trio, use "
                "Gameball in a thread: await trio.to_thread.run_sync(gb.events.send, events)"
            )
        self._loop = self._loop or loop
        if self._loop is not loop:
            raise EventLoopError(
                "this AsyncGameball was used in another event loop before; create one client per event loop, "
                "inside the function that is passed to asyncio.run"
            )
