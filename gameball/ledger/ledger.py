"""The durable record that makes a send resumable: an SQLite file, written before and after every request."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from gameball.chunking.chunk import Chunk
from gameball.errors import LedgerError, LedgerLockedError, LedgerMismatchError
from gameball.ledger.records import LedgerChunk, LedgerRun, digest, read_chunk
from gameball.receipts import Outcome, Receipt

_FORMAT: Final = 1
# Room that is kept free beside the file, so that the outcomes of what is in flight fit even on a full disk.
_RESERVE: Final = 1_048_576
_SCHEMA: Final = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE runs (number INTEGER PRIMARY KEY, started_at TEXT NOT NULL, ended_at TEXT);
CREATE TABLE chunks (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    number INTEGER NOT NULL,
    run INTEGER NOT NULL REFERENCES runs,
    objects INTEGER NOT NULL,
    events INTEGER NOT NULL,
    digest BLOB NOT NULL,
    outcome TEXT,
    job_id INTEGER,
    attempts INTEGER NOT NULL,
    error TEXT
);
"""
_COLUMNS: Final = "first, last, number, run, objects, events, digest, outcome, job_id, attempts, error"


class Ledger:
    """A durable record of what became of each chunk of one source.

    Before a chunk's first byte is sent its intent is on disk: its number, its source range and the SHA-256 of
    its bytes; after the answer, its outcome and its job. A power failure, unlike a killed process, may take
    the last outcomes with it, and leave their chunks UNKNOWN. It holds no payload and no key, only a salted
    fingerprint of the API key. One process can have it open at a time. It can be opened by itself, to see
    what became of a source.

    Args:
        path: The file; it is created when it is not there. Two files may stand beside it while it is open.

    Raises:
        LedgerLockedError: Another process has it open.
        LedgerError: It cannot be opened, or is no ledger.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._reserve = self._path.with_name(self._path.name + "-reserve")
        self._lock = threading.Lock()
        self._run = 0
        self._running = False
        if self._path.exists() and not self._path.is_file():
            raise LedgerError(f"the ledger {self._path} is no regular file")
        try:
            self._database = sqlite3.connect(
                self._path, timeout=0.0, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise LedgerError(f"the ledger {self._path} cannot be opened: {error}") from None
        try:
            with self._translated():
                self._open()
        except LedgerError:
            self._database.close()
            raise

    def _open(self) -> None:
        # Exclusive, so that two processes can never send by the same ledger; the system lets go of the lock
        # when a process is killed.
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("BEGIN IMMEDIATE")
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        tables = self._database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if version == 0 and tables == 0:
            for statement in _SCHEMA.split(";\n"):
                self._database.execute(statement)
            self._database.execute(f"PRAGMA user_version = {_FORMAT}")
        elif version != _FORMAT:
            self._database.execute("ROLLBACK")
            raise LedgerError(f"{self._path} is no ledger of this version of gameball-client")
        self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the file, and let others open it."""
        self._drop_reserve()
        # A worker that was given up on may be writing: closing under its hands would crash the interpreter.
        with self._lock:
            self._database.close()

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
        rows = self._rows("SELECT number, started_at, ended_at FROM runs ORDER BY number")
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
        rows = self._rows(f"SELECT {_COLUMNS} FROM chunks ORDER BY first")  # noqa: S608 - constant columns
        chunks = [read_chunk(row) for row in rows]
        return [chunk for chunk in chunks if outcome is None or chunk.outcome is outcome]

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
        with self._transaction():
            self._database.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", notes.items())

    def notes(self) -> dict[str, str]:
        """Return what was kept with ``note``, by name.

        Raises:
            LedgerError: It cannot be read.
        """
        return dict(self._rows("SELECT name, value FROM notes"))

    def settings(self) -> dict[str, str]:
        """Return what must be the same for every run, by name; empty before the first.

        Raises:
            LedgerError: It cannot be read.
        """
        return dict(self._rows("SELECT name, value FROM settings"))

    def begin_run(
        self, settings: dict[str, str], account: Callable[[str], str] = lambda _: ""
    ) -> dict[int, LedgerChunk]:
        """Begin a send.

        Args:
            settings: What must not change from one run to the next, by name: what the division into chunks
                depends on, and where they are sent.
            account: Tells, for a salt, the account that they are sent to from others.

        Returns:
            What is known of each chunk, by the position of its first source item.

        Raises:
            LedgerMismatchError: The ledger was begun with other settings.
            LedgerLockedError: Another send of this process is using it.
            LedgerError: It cannot be written.
        """
        with self._lock:
            if self._running:
                raise LedgerLockedError(f"another send of this process is using the ledger {self._path}")
            self._running = True
        try:
            return self._begin_run(settings, account)
        except BaseException:
            self._running = False
            raise

    def _begin_run(self, given: dict[str, str], account: Callable[[str], str]) -> dict[int, LedgerChunk]:
        known = self.settings()
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
        self._ensure_reserve()
        with self._transaction():
            self._database.executemany("INSERT OR IGNORE INTO settings VALUES (?, ?)", settings.items())
            begun = self._database.execute("INSERT INTO runs (started_at) VALUES (?)", (_now(),))
            self._run = begun.lastrowid or 0
        return {chunk.first: chunk for chunk in self.chunks()}

    def end_run(self) -> None:
        """Note that the send has ended in an orderly way."""
        self._running = False
        self._finish("UPDATE runs SET ended_at = ? WHERE number = ?", (_now(), self._run))

    def intend(self, number: int, chunk: Chunk) -> None:
        """Note that a chunk is about to be sent; on return that is on disk.

        Raises:
            LedgerError: It could not be noted, so the chunk must not be sent.
        """
        self._ensure_reserve()
        with self._transaction():
            self._insert(number, chunk, None)

    def divide(self, number: int, parts: tuple[Chunk, Chunk]) -> None:
        """Note that a chunk, which the server refused as too large, goes on as two.

        Raises:
            LedgerError: It could not be noted, so the parts must not be sent.
        """
        self._ensure_reserve()
        with self._transaction():
            for part in parts:
                self._insert(number, part, None)

    def conclude(self, receipt: Receipt) -> None:
        """Note what became of a chunk.

        It survives the process at once, and a power failure when the next chunk's intent is noted or the run
        ends: until then such a failure leaves the chunk UNKNOWN, which is safe.
        """
        error = None if receipt.error is None else str(receipt.error)
        self._finish(
            "UPDATE chunks SET outcome = ?, job_id = ?, attempts = ?, error = ? WHERE first = ?",
            (receipt.outcome.value, receipt.job_id, receipt.attempts, error, receipt.first),
            at_once=False,
        )

    def _insert(self, number: int, chunk: Chunk, outcome: str | None) -> None:
        row = (chunk.first, chunk.last, number, self._run, chunk.objects, chunk.events, digest(chunk))
        self._database.execute(
            f"INSERT OR REPLACE INTO chunks ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, 0, NULL)",  # noqa: S608
            (*row, outcome),
        )

    def _finish(self, statement: str, values: tuple[object, ...], *, at_once: bool = True) -> None:
        """Write what must be written after the fact: on a full disk, into the room that was kept free."""
        try:
            with self._transaction(at_once=at_once):
                self._database.execute(statement, values)
        except LedgerError:
            self._drop_reserve()
            with self._transaction():
                self._database.execute(statement, values)

    def _ensure_reserve(self) -> None:
        try:
            if self._reserve.exists() and self._reserve.stat().st_size == _RESERVE:
                return
            with self._reserve.open("wb") as reserve:
                reserve.write(bytes(_RESERVE))
                reserve.flush()
                os.fsync(reserve.fileno())
        except OSError as error:
            self._drop_reserve()
            raise LedgerError(f"the ledger {self._path} has no room to grow: {error.strerror}") from None

    def _drop_reserve(self) -> None:
        with suppress(OSError):  # a file system that has become read-only, for example
            self._reserve.unlink(missing_ok=True)

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._lock, self._translated():
            return self._database.execute(query).fetchall()

    @contextmanager
    def _transaction(self, *, at_once: bool = True) -> Iterator[None]:
        with self._lock, self._translated():
            self._database.execute(f"PRAGMA synchronous = {'FULL' if at_once else 'NORMAL'}")
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise LedgerLockedError(
                    f"the ledger {self._path} is in use by another process, or open in this one"
                ) from None
            raise LedgerError(f"the ledger {self._path} cannot be used: {error}") from None
        except OverflowError:
            raise LedgerError(f"the ledger {self._path} cannot hold a number beyond 64 bits") from None


def _now() -> str:
    return datetime.now(UTC).isoformat()
