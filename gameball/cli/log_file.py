"""``--log-file``: what the library logs, with its time."""

import logging
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


class _Handler(logging.FileHandler):
    """Writes records to the file, as long as that is possible."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name in logging
        """Ignore an error such as a full disk: it must not disturb the send."""


@contextmanager
def logging_to(path: Path | None) -> Iterator[None]:
    """Append everything that the library logs to a file while the context is open.

    Args:
        path: The file; None logs nothing.

    Raises:
        ValueError: The file cannot be opened.
    """
    if path is None:
        yield
        return
    try:
        handler = _Handler(path, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"--log-file {path} cannot be written: {error.strerror}") from None
    handler.setFormatter(_OneLine(_FORMAT, _TIME))
    logger = logging.getLogger("gameball")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        with suppress(OSError):
            handler.close()
