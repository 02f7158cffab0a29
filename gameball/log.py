"""The logger of this package: ``logging.getLogger("gameball")``.

WARNING: a chunk that was not accepted, and a pause because of a 429. INFO: the end of a send and of a job.
DEBUG: each request, retry and wait for the rate limits. No record holds a key, or the metadata of an event.

A filter or a handler of the user may raise at any time, even between a response and the record of its
outcome. So the package logs only through ``LOGGER``, which suppresses such exceptions. The loggers of httpx
and httpcore are not protected: if a handler raises there, the response counts as lost.
"""

import logging
import threading
from typing import Final


class SafeLogger:
    """Logs messages, and raises nothing that a filter or a handler raised.

    Two exceptions of the main thread are let out, because a signal handler raises them there:
    ``KeyboardInterrupt`` and ``SystemExit``.

    Args:
        logger: The logger that is used.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, message: str, *arguments: object) -> None:
        """Log a message at the level DEBUG; see ``log``."""
        self._log(logging.DEBUG, message, arguments, None)

    def info(self, message: str, *arguments: object) -> None:
        """Log a message at the level INFO; see ``log``."""
        self._log(logging.INFO, message, arguments, None)

    def warning(self, message: str, *arguments: object) -> None:
        """Log a message at the level WARNING; see ``log``."""
        self._log(logging.WARNING, message, arguments, None)

    def log(
        self, level: int, message: str, *arguments: object, exception: BaseException | None = None
    ) -> None:
        """Log a message.

        Args:
            level: The level, for example ``logging.WARNING``.
            message: The message, with placeholders.
            arguments: The values of the placeholders.
            exception: The exception to log with it, if any.
        """
        self._log(level, message, arguments, exception)

    def _log(
        self, level: int, message: str, arguments: tuple[object, ...], exception: BaseException | None
    ) -> None:
        try:
            # A record names the place that called a method of this class.
            self._logger.log(level, message, *arguments, exc_info=exception, stacklevel=3)
        except Exception:  # noqa: BLE001, S110 - there is no other place to report it than the log itself
            pass
        except SystemExit:
            if threading.current_thread() is threading.main_thread():
                raise


LOGGER: Final = SafeLogger(logging.getLogger("gameball"))
# As the documentation of logging asks of libraries: without it, Python would print warnings to standard error
# in a program that has not configured logging. Level and propagation are left to the program.
logging.getLogger("gameball").addHandler(logging.NullHandler())
