"""Finds the ledger of another file with the same content, such as a file that was copied or renamed."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final
from urllib.parse import quote

from attrs import field, frozen

from gameball.ledger.recorded_files import HAS_FILES, SELECT_FILES

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
class SentFile:
    """A file that a ledger records.

    Attributes:
        source: The file.
        ledger: The ledger.
        one_of_several: Whether the ledger records several files as one source.
    """

    source: Path
    ledger: Path
    one_of_several: bool


@frozen
class LedgerContents:
    """The files that the ledgers in some folders record. Each folder is searched once.

    Otherwise a command that sends a thousand files would read all ledgers again for each file.
    """

    _known: dict[Path, dict[object, SentFile]] = field(factory=dict, init=False)

    def find(self, source: Path, content: str) -> SentFile | None:
        """Return what a ledger records of a file, or of one with the same content.

        Args:
            source: The path of the file, without symbolic links.
            content: What ``identify`` returns for it.

        Returns:
            A file in the same folder; or one of several in a ledger of that folder or of one above it, such
            as ``events.ledger`` beside ``events/``.
        """
        for folder in source.parents:
            known = self._in_folder(folder)
            found = known.get(source) or known.get(content)
            if found is not None and (found.one_of_several or folder == source.parent):
                return found
        return None

    def _in_folder(self, folder: Path) -> dict[object, SentFile]:
        """Return the files in the ledgers of a folder, by their paths and by their contents."""
        if folder not in self._known:
            known = self._known[folder] = {}
            for ledger in sorted(folder.glob("*.ledger")):
                for content, file in _read_files(ledger):
                    known.setdefault(content, file)
                    if file.one_of_several:
                        known.setdefault(file.source, file)
        return self._known[folder]


def _read_files(ledger: Path) -> Iterator[tuple[str | None, SentFile]]:
    """Read the files of a ledger without a lock, because a send may be using it."""
    address = f"file:{quote(str(ledger))}?mode=ro&immutable=1"
    # It may not be a ledger, or be in the middle of a write.
    with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as database:
        notes = dict(database.execute("SELECT name, value FROM notes"))
        if database.execute(HAS_FILES).fetchone():
            for name, _, content in database.execute(SELECT_FILES):
                yield content, SentFile(path_in_ledger(name, ledger), ledger, one_of_several=True)
        elif notes.get(CONTENT):
            source = Path(notes.get("source", "another file"))
            yield notes[CONTENT], SentFile(source, ledger, one_of_several=False)


def path_in_ledger(name: str, ledger: Path) -> Path:
    """Return the path of a file for its name in a ledger, which begins at the ledger's folder."""
    if name.startswith("..") or ledger.is_symlink():
        return Path(os.path.normpath(ledger.resolve().parent / name))
    return ledger.parent / name


def hash_query(query: str | None) -> str:
    """Return a hash of a query, because the query itself may contain passwords and payload.

    Args:
        query: The SQL, or None, which has an empty hash.
    """
    return "" if query is None else blake2b(query.encode()).hexdigest()
