"""``--log-file``: what the library logs, with its time."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from gameball.cli.output import escape

_FORMAT: Final = "%(asctime)sZ %(levelname)s %(message)s"
_TIME: Final = "%Y-%m-%dT%H:%M:%S"


class _OneLine(logging.Formatter):
    """Writes each record in one line, with times in UTC and control characters escaped."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return escape(super().format(record)).replace("\n", "\\n")


class LogFile(logging.FileHandler):
    """Writes records to a file, as long as that is possible.

    Attributes:
        problem: Why the file is incomplete, or None if it is not.
    """

    problem: str | None = None

    def handleError(self, _: logging.LogRecord) -> None:  # noqa: N802 - the name in logging
        """Keep an error such as a full disk for the end: it must not disturb the send."""
        error = sys.exc_info()[1]
        self.problem = (isinstance(error, OSError) and error.strerror) or type(error).__name__


@contextmanager
def logging_to(path: Path | None) -> Iterator[LogFile | None]:
    """Append everything that the library logs to a file while the context is open.

    Args:
        path: The file; None logs nothing.

    Yields:
        What writes the file.

    Raises:
        ValueError: The file cannot be opened.
    """
    if path is None:
        yield None
        return
    try:
        handler = LogFile(path, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"--log-file {path} cannot be written: {error.strerror}") from None
    handler.setFormatter(_OneLine(_FORMAT, _TIME))
    logger = logging.getLogger("gameball")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        with suppress(OSError):
            handler.close()
