"""Moves a ledger together with the file that it belongs to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gameball.ledger.file import LedgerFile


@contextmanager
def moved_ledger(path: Path, target: Path) -> Iterator[None]:
    """Move a ledger that no process has open, together with the file that the block moves.

    During the move the ledger exists under both names, so the file that the block moves always has its ledger
    next to it. A process that is killed here leaves both names.

    Raises:
        LedgerLockedError: The ledger is open. Nothing was moved.
        LedgerError: The ledger cannot be opened, or its record is incomplete. Nothing was moved.
        OSError: The ledger cannot be moved. Nothing was moved.
    """
    # Opening the ledger applies the journal that a killed process may have left next to it.
    file = LedgerFile(path)
    try:
        os.link(path, target)
        try:
            yield
        except BaseException:
            target.unlink()
            raise
        path.unlink()
    finally:
        file.close()
