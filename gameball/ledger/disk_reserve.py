"""Reserves disk space next to a ledger, for the outcomes of chunks in flight on a disk that fills up."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from gameball.errors import LedgerError

# The bytes reserved beside the file, so that the outcomes of chunks in flight fit even on a full disk.
_RESERVE: Final = 1_048_576


class DiskReserve:
    """A file that takes up disk space until the space is needed.

    Args:
        path: The file.
        ledger: The ledger, for error messages.
    """

    def __init__(self, path: Path, ledger: Path) -> None:
        self._path = path
        self._ledger = ledger

    def ensure(self) -> None:
        """Reserve disk space for the outcomes of the chunks in flight.

        Raises:
            LedgerError: The disk space cannot be reserved.
        """
        with suppress(OSError):
            found = self._path.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_size == _RESERVE:
                return
        try:
            # An existing file may be a link, and its target must not be overwritten.
            self._path.unlink(missing_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as reserve:
                reserve.write(bytes(_RESERVE))
                reserve.flush()
                os.fsync(reserve.fileno())
        except OSError as error:
            self.drop()
            raise LedgerError(
                f"the ledger {self._ledger} cannot reserve disk space for outcomes: {error.strerror}"
            ) from None

    def drop(self) -> None:
        """Free the reserved space, for what must be written now or because nothing is in flight."""
        with suppress(OSError):  # for example if the file system has become read-only
            self._path.unlink(missing_ok=True)
