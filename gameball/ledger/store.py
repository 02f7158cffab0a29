"""What a ledger holds, and how a send records its chunks in it."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gameball.chunking.chunk import Chunk
from gameball.errors import LedgerError, LedgerLockedError, describe
from gameball.fork_safety import renew_after_fork
from gameball.ledger.binding import settings_for_run
from gameball.ledger.file import LedgerFile
from gameball.ledger.known_chunks import KnownChunks
from gameball.ledger.recorded_files import (
    HAS_FILES,
    SELECT_FILES,
    RecordedFile,
    forget_files,
    record_files,
)
from gameball.ledger.records import (
    LedgerChunk,
    LedgerRun,
    check_resolvable,
    checksum,
    digest,
    read_chunk,
)
from gameball.receipts import Outcome, Receipt

#: SQLite's name for a database that is not a file.
IN_MEMORY: Final = ":memory:"
NOT_IN_MEMORY: Final = (
    "a ledger must be a file, because one in memory could not continue a send that was interrupted; pass a "
    "path such as 'events.ledger', or no ledger"
)
_COLUMNS: Final = "first, last, number, run, objects, events, digest, outcome, job_id, attempts, error"
_INSERT: Final = f"INSERT INTO chunks ({_COLUMNS}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_SELECT: Final = f"SELECT {_COLUMNS}, checksum FROM chunks"  # noqa: S608 - constant columns


class LedgerStore:
    """Reads and writes a ledger: its chunks, runs, settings and notes.

    Args:
        path: The file. If it does not exist it is created, accessible only to its owner. While the ledger is
            open, ``<path>-journal`` and ``<path>-reserve`` may exist too.

    Raises:
        LedgerLockedError: Another process has the ledger open.
        LedgerError: The file cannot be opened, is not a ledger, or is incomplete.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if path == IN_MEMORY:
            raise LedgerError(NOT_IN_MEMORY)
        #: The path of the file, as it was given.
        self.path = Path(path)
        self._beginning = threading.Lock()
        self._run = 0
        self._running = False
        self._begun: Sequence[RecordedFile] = ()
        renew_after_fork(self)
        # Last: an interrupt of a later step would leave the file locked.
        self._file = LedgerFile(path)

    def after_fork_in_child(self) -> None:
        """Replace the lock. A running send belongs to the parent process."""
        self._beginning = threading.Lock()

    def close(self) -> None:
        """Close the ledger, so that other processes can open it."""
        self._file.close()

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
        return f"LedgerStore({str(self.path)!r})"

    def runs(self) -> list[LedgerRun]:
        """Return the sends that used the ledger, in order.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        rows = self._file.rows("SELECT number, started_at, ended_at FROM runs ORDER BY number")
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
        return [read_chunk(row) for row in self._file.rows(f"{_SELECT}{where} ORDER BY first", values)]

    def is_empty(self) -> bool:
        """Return whether no chunk is recorded.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return not self._file.rows("SELECT EXISTS (SELECT 1 FROM chunks)")[0][0]

    def count_events(self) -> dict[Outcome, int]:
        """Return the number of events with each outcome, without reading every chunk into memory.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        query = "SELECT coalesce(outcome, 'unknown'), sum(events) FROM chunks GROUP BY 1"
        return {
            **dict.fromkeys(Outcome, 0),
            **{Outcome(name): count for name, count in self._file.rows(query)},
        }

    def resolve(self, positions: range, outcome: Outcome) -> None:
        """Settle what is UNKNOWN; see ``Ledger.resolve``.

        Raises:
            ValueError: Not everything in the range is UNKNOWN, the range splits a chunk, or the outcome is
                neither ACCEPTED nor UNSENT. Nothing was changed.
            LedgerLockedError: A send in this process is using the ledger.
            LedgerError: The ledger cannot be read or written.
        """
        if outcome not in {Outcome.ACCEPTED, Outcome.UNSENT}:
            raise ValueError(f"outcome must be Outcome.ACCEPTED or Outcome.UNSENT, got {outcome!r}")
        with self._in_use():
            touched = self._chunks_between(positions.start, positions.stop - 1)
            check_resolvable(touched, positions)
            error = None if outcome is Outcome.ACCEPTED else "recorded as not accepted with Ledger.resolve"

            def settle(database: sqlite3.Connection) -> None:
                for chunk in touched:
                    _settle(database, chunk.first, (outcome.value, None, chunk.attempts, error))

            self._file.transaction(settle)

    def _chunks_between(self, first: int, last: int) -> list[LedgerChunk]:
        query = f"{_SELECT} WHERE last >= ? AND first <= ? ORDER BY first"
        return [read_chunk(row) for row in self._file.rows(query, (first, last))]

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Keep sends in this process from using the ledger."""
        self._claim()
        try:
            yield
        finally:
            self._running = False

    def _claim(self) -> None:
        with self._beginning:
            if self._running:
                raise LedgerLockedError(
                    f"another send in this process is using the ledger {self.path}; wait until it ends"
                )
            self._running = True

    def note(self, notes: Mapping[str, str]) -> None:
        """Store notes about the source. A note replaces an earlier one of the same name.

        Args:
            notes: The notes, by name. They must not contain payload or keys.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        self._file.transaction(
            lambda database: database.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", notes.items())
        )

    def notes(self) -> dict[str, str]:
        """Return the notes stored with ``note``, by name.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return dict(self._file.rows("SELECT name, value FROM notes"))

    def settings(self) -> dict[str, str]:
        """Return the settings that must be the same for every run, by name. Empty before the first run.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return dict(self._file.rows("SELECT name, value FROM settings"))

    def files(self) -> list[RecordedFile]:
        """Return the files that sends of several files have begun, in the order in which they are read.

        It is empty if the ledger is of a single source, and as long as nothing may have been accepted.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        if not self.is_bound() or not self._file.rows(HAS_FILES):
            return []
        return [RecordedFile(*row) for row in self._file.rows(SELECT_FILES)]

    def follow_files(self, begun: Sequence[RecordedFile]) -> None:
        """Record each file of a send of several files together with the first chunk that needs it.

        Args:
            begun: The files of earlier sends and those that this send has begun. It grows while it reads.
        """
        self._begun = begun

    def is_bound(self) -> bool:
        """Return whether a chunk was accepted, or may have been.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        query = (
            "SELECT EXISTS (SELECT 1 FROM chunks WHERE outcome IS NULL OR outcome IN ('accepted', 'unknown'))"
        )
        return bool(self._file.rows(query)[0][0])

    def rebind(self, account: Callable[[str], str]) -> None:
        """Bind the ledger to another API key of the same account, after the key was rotated.

        Args:
            account: Returns a hash that identifies the key, given a salt.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        salt = self.settings().get("salt")
        if salt is not None:
            values = (account(salt),)
            self._file.transaction(
                lambda database: database.execute(
                    "UPDATE settings SET value = ? WHERE name = 'account'", values
                )
            )

    def begin_run(
        self, settings: dict[str, str], account: Callable[[str], str] = lambda _: ""
    ) -> KnownChunks:
        """Start a run.

        Args:
            settings: The settings that must not change between runs, by name: those that determine the
                division into chunks, and the URL that they are sent to.
            account: Returns a hash that identifies the account, given a salt.

        Returns:
            The chunks of earlier runs.

        Raises:
            LedgerMismatchError: The ledger was started with other settings.
            LedgerLockedError: Another send in this process is using the ledger.
            LedgerError: The ledger cannot be written.
        """
        self._claim()
        try:
            return self._begin_run(settings, account)
        except BaseException:
            self._running = False
            raise

    def _begin_run(self, given: dict[str, str], account: Callable[[str], str]) -> KnownChunks:
        # The settings are fixed only once a chunk was accepted, or may have been.
        bound = self.is_bound()
        known = self.settings() if bound else {}
        settings = settings_for_run(self.path, known, given, account)
        self._file.reserve.ensure()

        def begin(database: sqlite3.Connection) -> int:
            if not bound:
                for row in database.execute(_SELECT):
                    read_chunk(row)  # raises for a damaged row, which must not be deleted
                database.execute("DELETE FROM chunks")
                database.execute("DELETE FROM settings")
                forget_files(database)
            database.executemany("INSERT OR IGNORE INTO settings VALUES (?, ?)", settings.items())
            begun = database.execute("INSERT INTO runs (started_at) VALUES (?)", (_now(),))
            return begun.lastrowid or 0

        self._run = self._file.transaction(begin)
        return self.known_chunks()

    def known_chunks(self) -> KnownChunks:
        """Return the recorded chunks, which are read as they are needed. The ledger must stay open.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        ((end,),) = self._file.rows("SELECT coalesce(max(last), -1) + 1 FROM chunks")
        return KnownChunks(self._chunks_from, end)

    def _chunks_from(self, position: int, count: int) -> list[LedgerChunk]:
        query = f"{_SELECT} WHERE first >= ? ORDER BY first LIMIT ?"
        return [read_chunk(row) for row in self._file.rows(query, (position, count))]

    def end_run(self) -> None:
        """Record that the run has ended normally."""
        self._running = False
        self._finish(
            lambda database: database.execute(
                "UPDATE runs SET ended_at = ? WHERE number = ?", (_now(), self._run)
            )
        )

    def intend(self, number: int, chunk: Chunk) -> None:
        """Record that a chunk is about to be sent. The record is on disk when this returns.

        Raises:
            LedgerError: The record could not be written, so the chunk must not be sent.
        """
        self._file.reserve.ensure()

        def insert(database: sqlite3.Connection) -> None:
            self._insert(database, number, chunk)
            record_files(database, self._begun, chunk.last)

        self._file.transaction(insert)

    def divide(self, number: int, parts: tuple[Chunk, Chunk]) -> None:
        """Record that a chunk that the server found too large is sent as two parts.

        Raises:
            LedgerError: The record could not be written, so the parts must not be sent.
        """
        self._file.reserve.ensure()

        def insert(database: sqlite3.Connection) -> None:
            for part in parts:
                self._insert(database, number, part)

        self._file.transaction(insert)

    def conclude(self, receipt: Receipt) -> None:
        """Record the outcome of a chunk. The record is on disk when this returns."""
        error = None if receipt.error is None else describe(receipt.error)
        outcome = (receipt.outcome.value, receipt.job_id, receipt.attempts, error)

        self._finish(lambda database: _settle(database, receipt.first, outcome))

    def _insert(self, database: sqlite3.Connection, number: int, chunk: Chunk) -> None:
        row = (chunk.first, chunk.last, number, self._run, chunk.objects, chunk.events, digest(chunk))
        row_in_flight = (*row, None, None, 0, None)
        # Deleted explicitly, because INSERT OR REPLACE would not run the trigger that updates the counts.
        database.execute("DELETE FROM chunks WHERE first = ?", (chunk.first,))
        database.execute(_INSERT, (*row_in_flight, checksum(row_in_flight)))

    def _finish(self, write: Callable[[sqlite3.Connection], object]) -> None:
        """Write the result of something that has already happened, using the reserved space if necessary."""
        try:
            self._file.transaction(write)
        except LedgerError:
            self._file.reserve.drop()
            self._file.transaction(write)


def _settle(
    database: sqlite3.Connection, first: int, outcome: tuple[str, int | None, int, str | None]
) -> None:
    """Write the outcome, job id, attempts and error of the chunk that starts at a position."""
    row = database.execute(f"{_SELECT} WHERE first = ?", (first,)).fetchone()
    if row is not None:
        database.execute(
            "UPDATE chunks SET outcome = ?, job_id = ?, attempts = ?, error = ?, checksum = ? "
            "WHERE first = ?",
            (*outcome, checksum((*row[:7], *outcome)), first),
        )


def _where(outcome: Outcome) -> tuple[str, tuple[str, ...]]:
    # A chunk that was in flight when its process died has no outcome in the file, and is UNKNOWN.
    if outcome is Outcome.UNKNOWN:
        return " WHERE outcome IS NULL OR outcome = 'unknown'", ()
    return " WHERE outcome = ?", (outcome.value,)


def _now() -> str:
    return datetime.now(UTC).isoformat()
