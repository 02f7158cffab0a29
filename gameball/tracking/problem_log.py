"""Logs unexpected exceptions in the threads of a tracker."""

import time
from typing import Final

from gameball.log import LOGGER

#: At most one message about unexpected exceptions in this time, in seconds.
LOG_PERIOD: Final = 60.0


class ProblemLog:
    """Logs unexpected exceptions as errors, at most one per minute."""

    def __init__(self) -> None:
        self._next = 0.0
        self._unlogged = 0

    def log(self, level: int, message: str, problem: BaseException) -> None:
        """Log an exception, or only count it if there was another one in the last minute.

        Args:
            level: The level of the message.
            message: What could not be done.
            problem: The exception.
        """
        now = time.monotonic()
        if now < self._next:
            self._unlogged += 1
            return
        self._next = now + LOG_PERIOD
        unlogged, self._unlogged = self._unlogged, 0
        LOGGER.log(
            level,
            "%s: %s; problems since the last message: %d",
            message,
            type(problem).__name__,
            unlogged + 1,
            exception=problem,
        )
