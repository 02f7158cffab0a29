"""Finds the ledger of another file with the same content, such as a file that was copied or renamed."""

import sqlite3
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import Final
from urllib.parse import quote

from attrs import field, frozen

#: The note in a ledger that identifies the content of its source.
CONTENT: Final = "content"
#: The note in a ledger that identifies the query whose rows were sent.
QUERY_HASH: Final = "query_hash"
_SAMPLE: Final = 1 << 16


def identify(path: Path) -> str | None:
    """Return the size of a file and a hash of its start and end; None if it is empty or not a file."""
    if not path.is_file() or not (size := path.stat().st_size):
        return None
    with path.open("rb") as file:
        start = file.read(_SAMPLE)
        file.seek(max(size - _SAMPLE, 0))
        return f"{size}-{blake2b(start + file.read(_SAMPLE), digest_size=16).hexdigest()}"


@frozen
class LedgerContents:
    """The notes in ledgers that identify the content of their sources. Each ledger is read once.

    Otherwise a command that sends a thousand files would read all ledgers again for each file.
    """

    _known: dict[Path, str | None] = field(factory=dict, init=False)

    def find(self, source: Path, ledger: Path) -> Path | None:
        """Return a ledger in the folder of a source that was made for a file with the same content.

        Args:
            source: The source.
            ledger: The ledger that the source is going to have.
        """
        content = identify(source)
        if content is None:
            return None
        others = (path for path in sorted(ledger.parent.glob("*.ledger")) if path != ledger)
        return next((path for path in others if self._content_of(path) == content), None)

    def _content_of(self, ledger: Path) -> str | None:
        if ledger not in self._known:
            self._known[ledger] = _read_content(ledger)
        return self._known[ledger]


def _read_content(ledger: Path) -> str | None:
    """Read the note without a lock, because a send may be using the ledger."""
    address = f"file:{quote(str(ledger))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            row = database.execute("SELECT value FROM notes WHERE name = ?", (CONTENT,)).fetchone()
    except sqlite3.Error:  # not a ledger, or in the middle of a write
        return None
    return None if row is None else str(row[0])


def hash_query(query: str | None) -> str:
    """Return a hash of a query, because the query itself may contain passwords and payload.

    Args:
        query: The SQL, or None, which has an empty hash.
    """
    return "" if query is None else blake2b(query.encode()).hexdigest()
