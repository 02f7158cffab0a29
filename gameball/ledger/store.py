"""Records in a ledger what a send does with its chunks."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from gameball.chunking.chunk import Chunk
from gameball.errors import LedgerError, LedgerLockedError, describe
from gameball.fork_safety import renew_after_fork
from gameball.ledger.binding import settings_for_run
from gameball.ledger.known_chunks import KnownChunks
from gameball.ledger.reader import COLUMNS, SELECT, LedgerReader
from gameball.ledger.recorded_files import RecordedFile, forget_files, record_files
from gameball.ledger.records import check_resolvable, checksum, digest, read_chunk
from gameball.receipts import Outcome, Receipt

_INSERT: Final = f"INSERT INTO chunks ({COLUMNS}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608


class LedgerStore(LedgerReader):
    """Reads and writes a ledger; see ``LedgerReader``."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._beginning = threading.Lock()
        self._run = 0
        self._running = False
        self._begun: Sequence[RecordedFile] = ()
        renew_after_fork(self)
        # Last: an interrupt of a later step would leave the file locked.
        super().__init__(path)

    def after_fork_in_child(self) -> None:
        """Replace the lock. A running send belongs to the parent process."""
        self._beginning = threading.Lock()

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
            touched = self.chunks_between(positions.start, positions.stop - 1)
            check_resolvable(touched, positions)
            error = None if outcome is Outcome.ACCEPTED else "recorded as not accepted with Ledger.resolve"

            def resolve_all(database: sqlite3.Connection) -> None:
                for chunk in touched:
                    _write_outcome(database, chunk.first, (outcome.value, None, chunk.attempts, error))

            self.file.transaction(resolve_all)

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
        self.file.transaction(
            lambda database: database.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", notes.items())
        )

    def follow_files(self, begun: Sequence[RecordedFile]) -> None:
        """Record each file of a send of several files together with the first chunk that needs it.

        Args:
            begun: The files of earlier sends and those that this send has begun. It grows while it reads.
        """
        self._begun = begun

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
            self.file.transaction(
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
        self.file.reserve.ensure()

        def begin(database: sqlite3.Connection) -> int:
            if not bound:
                for row in database.execute(SELECT):
                    read_chunk(row)  # raises for a damaged row, which must not be deleted
                database.execute("DELETE FROM chunks")
                database.execute("DELETE FROM settings")
                forget_files(database)
            database.executemany("INSERT OR IGNORE INTO settings VALUES (?, ?)", settings.items())
            begun = database.execute("INSERT INTO runs (started_at) VALUES (?)", (_now(),))
            return begun.lastrowid or 0

        self._run = self.file.transaction(begin)
        return self.known_chunks()

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
        self.file.reserve.ensure()

        def insert(database: sqlite3.Connection) -> None:
            self._insert(database, number, chunk)
            record_files(database, self._begun, chunk.last)

        self.file.transaction(insert)

    def divide(self, number: int, parts: tuple[Chunk, Chunk]) -> None:
        """Record that a chunk that the server found too large is sent as two parts.

        Raises:
            LedgerError: The record could not be written, so the parts must not be sent.
        """
        self.file.reserve.ensure()

        def insert(database: sqlite3.Connection) -> None:
            for part in parts:
                self._insert(database, number, part)

        self.file.transaction(insert)

    def conclude(self, receipt: Receipt) -> None:
        """Record the outcome of a chunk. The record is on disk when this returns."""
        error = None if receipt.error is None else describe(receipt.error)
        outcome = (receipt.outcome.value, receipt.job_id, receipt.attempts, error)

        self._finish(lambda database: _write_outcome(database, receipt.first, outcome))

    def _insert(self, database: sqlite3.Connection, number: int, chunk: Chunk) -> None:
        row = (chunk.first, chunk.last, number, self._run, chunk.objects, chunk.events, digest(chunk))
        row_in_flight = (*row, None, None, 0, None)
        # Deleted explicitly, because INSERT OR REPLACE would not run the trigger that updates the counts.
        database.execute("DELETE FROM chunks WHERE first = ?", (chunk.first,))
        database.execute(_INSERT, (*row_in_flight, checksum(row_in_flight)))

    def _finish(self, write: Callable[[sqlite3.Connection], object]) -> None:
        """Write the result of something that has already happened, using the reserved space if necessary."""
        try:
            self.file.transaction(write)
        except LedgerError:
            self.file.reserve.drop()
            self.file.transaction(write)


def _write_outcome(
    database: sqlite3.Connection, first: int, outcome: tuple[str, int | None, int, str | None]
) -> None:
    """Write the outcome, job id, attempts and error of the chunk that starts at a position."""
    row = database.execute(f"{SELECT} WHERE first = ?", (first,)).fetchone()
    if row is not None:
        database.execute(
            "UPDATE chunks SET outcome = ?, job_id = ?, attempts = ?, error = ?, checksum = ? "
            "WHERE first = ?",
            (*outcome, checksum((*row[:7], *outcome)), first),
        )


def _now() -> str:
    return datetime.now(UTC).isoformat()
