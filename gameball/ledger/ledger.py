"""The durable record that makes a send resumable: an SQLite file, written before and after every request."""

import os
import sqlite3
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from gameball.chunking.chunk import Chunk
from gameball.errors import LedgerError, LedgerLockedError, LedgerMismatchError
from gameball.fork_safety import renew_after_fork
from gameball.ledger.file import LedgerFile
from gameball.ledger.known_chunks import KnownChunks
from gameball.ledger.records import LedgerChunk, LedgerRun, checksum, describe, digest, read_chunk
from gameball.receipts import Outcome, Receipt

_COLUMNS: Final = "first, last, number, run, objects, events, digest, outcome, job_id, attempts, error"
_INSERT: Final = f"INSERT INTO chunks ({_COLUMNS}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_SELECT: Final = f"SELECT {_COLUMNS}, checksum FROM chunks"  # noqa: S608 - constant columns


class Ledger:
    """A durable record of what became of each chunk of one source.

    Before a chunk's first byte is sent its intent is on disk: its number, its source range and the SHA-256 of
    its bytes; after the answer, its outcome and its job. It holds no payload and no key, only a salted
    fingerprint of the API key. One process can have it open at a time, and a forked child cannot use the one
    that its parent has opened. It can be opened by itself, to see what became of a source.

    A file whose record is not complete is refused, and never taken for an empty one: keep the ``-journal``
    that a killed process leaves beside it, and move the two together.

    Args:
        path: The file; it is created, for its owner only, when it is not there. A ``-journal`` and a
            ``-reserve`` may stand beside it while it is open.

    Raises:
        LedgerLockedError: Another process has it open.
        LedgerError: It cannot be opened, is not a ledger, or its record is not complete.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = LedgerFile(path)
        self._path = self._file.path
        self._beginning = threading.Lock()
        self._run = 0
        self._running = False
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Leave a send under way to the parent."""
        self._beginning = threading.Lock()

    def close(self) -> None:
        """Close the file, and let others open it."""
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
        return f"Ledger({str(self._path)!r})"

    def runs(self) -> list[LedgerRun]:
        """Return the sends that used the ledger, in order.

        Raises:
            LedgerError: It cannot be read.
        """
        rows = self._file.rows("SELECT number, started_at, ended_at FROM runs ORDER BY number")
        return [
            LedgerRun(number, datetime.fromisoformat(begun), ended and datetime.fromisoformat(ended))
            for number, begun, ended in rows
        ]

    def chunks(self, outcome: Outcome | None = None) -> list[LedgerChunk]:
        """Return what is known of each chunk, in the order of the source.

        Args:
            outcome: Only chunks that ended so; None for all.

        Raises:
            LedgerError: It cannot be read.
        """
        where, values = ("", ()) if outcome is None else _where(outcome)
        return [read_chunk(row) for row in self._file.rows(f"{_SELECT}{where} ORDER BY first", values)]

    def ranges(self, outcome: Outcome) -> list[range]:
        """Return the positions of the source items whose chunks ended in an outcome.

        ``ledger.ranges(Outcome.UNKNOWN)`` is what may or may not have been accepted, and with UNSENT what
        certainly was not. What no send has come to yet is in neither.

        Args:
            outcome: The outcome.

        Raises:
            LedgerError: It cannot be read.
        """
        return [range(chunk.first, chunk.last + 1) for chunk in self.chunks(outcome)]

    def note(self, notes: Mapping[str, str]) -> None:
        """Keep something about the source, for whoever looks at the ledger; the latest value counts.

        Args:
            notes: What to keep, by name. No payload and no key belongs there.

        Raises:
            LedgerError: It cannot be written.
        """
        with self._file.transaction() as database:
            database.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", notes.items())

    def notes(self) -> dict[str, str]:
        """Return what was kept with ``note``, by name.

        Raises:
            LedgerError: It cannot be read.
        """
        return dict(self._file.rows("SELECT name, value FROM notes"))

    def settings(self) -> dict[str, str]:
        """Return what must be the same for every run, by name; empty before the first.

        Raises:
            LedgerError: It cannot be read.
        """
        return dict(self._file.rows("SELECT name, value FROM settings"))

    def begin_run(
        self, settings: dict[str, str], account: Callable[[str], str] = lambda _: ""
    ) -> KnownChunks:
        """Begin a send.

        Args:
            settings: What must not change from one run to the next, by name: what the division into chunks
                depends on, and where they are sent.
            account: Tells, for a salt, the account that they are sent to from others.

        Returns:
            What is known of the chunks of earlier runs.

        Raises:
            LedgerMismatchError: The ledger was begun with other settings.
            LedgerLockedError: Another send of this process is using it.
            LedgerError: It cannot be written.
        """
        with self._beginning:
            if self._running:
                raise LedgerLockedError(f"another send of this process is using the ledger {self._path}")
            self._running = True
        try:
            return self._begin_run(settings, account)
        except BaseException:
            self._running = False
            raise

    def _begin_run(self, given: dict[str, str], account: Callable[[str], str]) -> KnownChunks:
        # Until something was accepted, or may have been, nothing is bound to an account or a division.
        bound = self._file.rows(
            "SELECT EXISTS (SELECT 1 FROM chunks WHERE outcome IS NULL OR outcome IN ('accepted', 'unknown'))"
        )[0][0]
        known = self.settings() if bound else {}
        salt = known.get("salt") or os.urandom(16).hex()
        settings = {**given, "salt": salt, "account": account(salt)}
        if known.get("account", settings["account"]) != settings["account"]:
            raise LedgerMismatchError(
                f"the ledger {self._path} was begun with another API key: what one account has accepted, "
                "another has not; use the same key, or another ledger"
            )
        for name, value in settings.items():
            if known.get(name, value) != value:
                raise LedgerMismatchError(
                    f"the ledger {self._path} was begun with {name}={known[name]}, and this send has "
                    f"{name}={value}; use the same, or another ledger"
                )
        self._file.ensure_reserve()
        with self._file.transaction() as database:
            if not bound:
                for row in database.execute(_SELECT).fetchall():
                    read_chunk(row)  # of a damaged row nobody knows that it may go
                database.execute("DELETE FROM chunks")
                database.execute("DELETE FROM settings")
            database.executemany("INSERT OR IGNORE INTO settings VALUES (?, ?)", settings.items())
            begun = database.execute("INSERT INTO runs (started_at) VALUES (?)", (_now(),))
            self._run = begun.lastrowid or 0
        ((end,),) = self._file.rows("SELECT coalesce(max(last), -1) + 1 FROM chunks")
        return KnownChunks(self._chunks_from, end)

    def _chunks_from(self, position: int, count: int) -> list[LedgerChunk]:
        query = f"{_SELECT} WHERE first >= ? ORDER BY first LIMIT ?"
        return [read_chunk(row) for row in self._file.rows(query, (position, count))]

    def end_run(self) -> None:
        """Note that the send has ended in an orderly way."""
        self._running = False
        self._finish(
            lambda database: database.execute(
                "UPDATE runs SET ended_at = ? WHERE number = ?", (_now(), self._run)
            )
        )

    def intend(self, number: int, chunk: Chunk) -> None:
        """Note that a chunk is about to be sent; on return that is on disk.

        Raises:
            LedgerError: It could not be noted, so the chunk must not be sent.
        """
        self._file.ensure_reserve()
        with self._file.transaction() as database:
            self._insert(database, number, chunk)

    def divide(self, number: int, parts: tuple[Chunk, Chunk]) -> None:
        """Note that a chunk, which the server refused as too large, goes on as two.

        Raises:
            LedgerError: It could not be noted, so the parts must not be sent.
        """
        self._file.ensure_reserve()
        with self._file.transaction() as database:
            for part in parts:
                self._insert(database, number, part)

    def conclude(self, receipt: Receipt) -> None:
        """Note what became of a chunk; on return that is on disk."""
        error = None if receipt.error is None else describe(receipt.error)
        outcome = (receipt.outcome.value, receipt.job_id, receipt.attempts, error)

        def write(database: sqlite3.Connection) -> None:
            row = database.execute(f"{_SELECT} WHERE first = ?", (receipt.first,)).fetchone()
            if row is not None:
                check = checksum((*row[:7], *outcome))
                database.execute(
                    "UPDATE chunks SET outcome = ?, job_id = ?, attempts = ?, error = ?, checksum = ? "
                    "WHERE first = ?",
                    (*outcome, check, receipt.first),
                )

        self._finish(write)

    def _insert(self, database: sqlite3.Connection, number: int, chunk: Chunk) -> None:
        row = (chunk.first, chunk.last, number, self._run, chunk.objects, chunk.events, digest(chunk))
        row_in_flight = (*row, None, None, 0, None)
        # Deleted by name: the counts would not notice that a row is replaced.
        database.execute("DELETE FROM chunks WHERE first = ?", (chunk.first,))
        database.execute(_INSERT, (*row_in_flight, checksum(row_in_flight)))

    def _finish(self, write: Callable[[sqlite3.Connection], object]) -> None:
        """Write what must be written after the fact: on a full disk, into the room that was kept free."""
        try:
            with self._file.transaction() as database:
                write(database)
        except LedgerError:
            self._file.use_reserve()
            with self._file.transaction() as database:
                write(database)


def _where(outcome: Outcome) -> tuple[str, tuple[str, ...]]:
    # What was in flight when its process died has no outcome, and is UNKNOWN.
    if outcome is Outcome.UNKNOWN:
        return " WHERE outcome IS NULL OR outcome = 'unknown'", ()
    return " WHERE outcome = ?", (outcome.value,)


def _now() -> str:
    return datetime.now(UTC).isoformat()
