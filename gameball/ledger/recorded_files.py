"""The files of a send that reads several as one source, as a ledger records them."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from attrs import frozen

# Created with the first file, so that the ledgers of a single source stay as they are.
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS files "
    "(number INTEGER PRIMARY KEY, name TEXT NOT NULL, first INTEGER NOT NULL, content TEXT)"
)
#: Selects a row if there is a table of files.
HAS_FILES: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'files'"
#: Selects the files, in the order in which they are read.
SELECT_FILES: Final = "SELECT name, first, content FROM files ORDER BY number"


@frozen
class RecordedFile:
    """A file that a send has begun to read.

    Attributes:
        name: Its path, from the folder of the ledger.
        first: The position of its first item among those of all files.
        content: Identifies its content, once it was read to its end and the next file was begun.
    """

    name: str
    first: int
    content: str | None = None


def record_files(database: sqlite3.Connection, begun: Sequence[RecordedFile], last: int) -> None:
    """Record the files that begin at a position or before, within a transaction.

    All of them, because a request that follows may be recorded before one that precedes it.

    Args:
        database: The database of the ledger.
        begun: All files that were begun, in order.
        last: The position.
    """
    if not begun:
        return
    database.execute(_TABLE)
    ((latest,),) = database.execute("SELECT coalesce(max(number), 0) FROM files")
    # The content of the latest one is known now, or is another one because it has grown.
    for number in range(latest, len(begun)):
        file = begun[number]
        if file.first > last:
            break
        database.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", (number, file.name, file.first, file.content)
        )


def forget_files(database: sqlite3.Connection) -> None:
    """Remove all files, within a transaction."""
    if database.execute(HAS_FILES).fetchone():
        database.execute("DELETE FROM files")
