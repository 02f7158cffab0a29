"""Reading a ledger while a send is using it, from a copy.

A copy is the ledger as it was at some moment. It may have the last write already, or not yet, while that is
being committed.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from gameball.errors import LedgerError, LedgerLockedError
from gameball.ledger.store import LedgerStore

#: How often a copy is made. One that was made in the middle of a write is inconsistent, which is detected.
_ATTEMPTS: Final = 5


@contextmanager
def reading(path: Path) -> Iterator[LedgerStore]:
    """Open a ledger to read it. If a send is using it, a copy is opened, which is removed at the end.

    Args:
        path: The ledger.

    Raises:
        LedgerError: The ledger cannot be read, or is incomplete.
    """
    try:
        ledger = LedgerStore(path)
    except LedgerLockedError:
        with reading_copy(path) as copy:
            yield copy
        return
    with ledger:
        yield ledger


@contextmanager
def reading_copy(path: Path) -> Iterator[LedgerStore]:
    """Open a copy of a ledger, which is removed at the end. A send can begin to use the ledger meanwhile.

    Args:
        path: The ledger.

    Raises:
        LedgerError: The ledger cannot be read, or is incomplete.
    """
    with tempfile.TemporaryDirectory(prefix="gameball-ledger-") as folder, _copied(path, folder) as copy:
        yield copy


def _copied(path: Path, folder: str) -> LedgerStore:
    """Copy a ledger and its journal, and open the copy."""
    for attempt in range(_ATTEMPTS):
        copy = Path(folder) / str(attempt) / path.name
        copy.parent.mkdir()
        # The journal undoes what the copy may hold of a transaction that has not been committed.
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path.resolve()}-journal", f"{copy}-journal")
        shutil.copyfile(path, copy)
        try:
            return LedgerStore(copy)
        except LedgerError:
            continue
    raise LedgerLockedError(f"a send is writing the ledger {path}: show it again in a moment")
