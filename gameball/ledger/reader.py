"""Reads what a ledger holds: its chunks, runs, settings, notes and files."""

import os
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gameball.errors import LedgerError
from gameball.ledger.file import LedgerFile
from gameball.ledger.known_chunks import KnownChunks
from gameball.ledger.recorded_files import HAS_FILES, SELECT_FILES, RecordedFile
from gameball.ledger.records import LedgerChunk, LedgerRun, read_chunk
from gameball.receipts import Outcome

#: SQLite's name for a database that is not a file.
IN_MEMORY: Final = ":memory:"
NOT_IN_MEMORY: Final = (
    "a ledger must be a file, because one in memory could not continue a send that was interrupted; pass a "
    "path such as 'events.ledger', or no ledger"
)
COLUMNS: Final = "first, last, number, run, objects, events, digest, outcome, job_id, attempts, error"
SELECT: Final = f"SELECT {COLUMNS}, checksum FROM chunks"  # noqa: S608 - constant columns


class LedgerReader:
    """Reads a ledger, which no other process can open meanwhile.

    Args:
        path: The file. If it does not exist it is created, accessible only to its owner. While the ledger is
            open, ``<path>-journal`` and ``<path>-reserve`` may exist too.

    Attributes:
        path: The path of the file, as it was given.
        file: The file.

    Raises:
        LedgerLockedError: Another process has the ledger open.
        LedgerError: The file cannot be opened, is not a ledger, or is incomplete.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if path == IN_MEMORY:
            raise LedgerError(NOT_IN_MEMORY)
        self.path = Path(path)
        self.file = LedgerFile(path)

    def close(self) -> None:
        """Close the ledger, so that other processes can open it."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    def runs(self) -> list[LedgerRun]:
        """Return the sends that used the ledger, in order.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        rows = self.file.rows("SELECT number, started_at, ended_at FROM runs ORDER BY number")
        return [
            LedgerRun(number, datetime.fromisoformat(begun), ended and datetime.fromisoformat(ended))
            for number, begun, ended in rows
        ]

    def chunks(self, outcome: Outcome | None = None) -> list[LedgerChunk]:
        """Return the recorded chunks, in the order of the source.

        Args:
            outcome: Return only chunks with this outcome. None returns all chunks.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        where, values = ("", ()) if outcome is None else _where(outcome)
        return [read_chunk(row) for row in self.file.rows(f"{SELECT}{where} ORDER BY first", values)]

    def is_empty(self) -> bool:
        """Return whether no chunk is recorded.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return not self.file.rows("SELECT EXISTS (SELECT 1 FROM chunks)")[0][0]

    def count_events(self) -> dict[Outcome, int]:
        """Return the number of events with each outcome, without reading every chunk into memory.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        query = "SELECT coalesce(outcome, 'unknown'), sum(events) FROM chunks GROUP BY 1"
        return {
            **dict.fromkeys(Outcome, 0),
            **{Outcome(name): count for name, count in self.file.rows(query)},
        }

    def chunks_between(self, first: int, last: int) -> list[LedgerChunk]:
        """Return the chunks that have a position of a range, whose last position is included."""
        query = f"{SELECT} WHERE last >= ? AND first <= ? ORDER BY first"
        return [read_chunk(row) for row in self.file.rows(query, (first, last))]

    def notes(self) -> dict[str, str]:
        """Return the notes stored with ``note``, by name.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return dict(self.file.rows("SELECT name, value FROM notes"))

    def settings(self) -> dict[str, str]:
        """Return the settings that must be the same for every run, by name. Empty before the first run.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return dict(self.file.rows("SELECT name, value FROM settings"))

    def files(self) -> list[RecordedFile]:
        """Return the files that sends of several files have begun, in the order in which they are read.

        It is empty if the ledger is of a single source, and as long as nothing may have been accepted.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        if not self.is_bound() or not self.file.rows(HAS_FILES):
            return []
        return [RecordedFile(*row) for row in self.file.rows(SELECT_FILES)]

    def is_bound(self) -> bool:
        """Return whether a chunk was accepted, or may have been.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        query = (
            "SELECT EXISTS (SELECT 1 FROM chunks WHERE outcome IS NULL OR outcome IN ('accepted', 'unknown'))"
        )
        return bool(self.file.rows(query)[0][0])

    def known_chunks(self) -> KnownChunks:
        """Return the recorded chunks, which are read as they are needed. The ledger must stay open.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        ((end,),) = self.file.rows("SELECT coalesce(max(last), -1) + 1 FROM chunks")
        return KnownChunks(self._chunks_from, end)

    def _chunks_from(self, position: int, count: int) -> list[LedgerChunk]:
        query = f"{SELECT} WHERE first >= ? ORDER BY first LIMIT ?"
        return [read_chunk(row) for row in self.file.rows(query, (position, count))]


def _where(outcome: Outcome) -> tuple[str, tuple[str, ...]]:
    # A chunk that was in flight when its process died has no outcome in the file, and is UNKNOWN.
    if outcome is Outcome.UNKNOWN:
        return " WHERE outcome IS NULL OR outcome = 'unknown'", ()
    return " WHERE outcome = ?", (outcome.value,)
