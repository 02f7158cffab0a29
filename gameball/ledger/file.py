"""The SQLite file of a ledger: opening, locking, checking and writing it, and reserving disk space.

It uses a rollback journal and no write-ahead log, so that the main file has every outcome even after a kill.
The file also stores counts of its rows: if rows are missing, because the file was copied without its journal
or damaged, the counts do not match when it is opened.
"""

import os
import sqlite3
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from gameball.errors import LedgerError, LedgerLockedError
from gameball.fork_safety import renew_after_fork
from gameball.ledger.disk_reserve import DiskReserve
from gameball.ledger.schema import APPLICATION, COUNTED, FORMAT, SCHEMA

try:
    import fcntl
except ImportError:  # Windows, where SQLite's own locks are used
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T")

_MAGIC: Final = b"SQLite format 3\0"
_HEADER: Final = 100
# The first bytes of SQLite's rollback journals.
_JOURNAL_MAGIC: Final = bytes.fromhex("d9d505f920a163d7")


def _is_hot(journal: Path) -> bool:
    """Return whether a journal holds an unfinished transaction of a killed process.

    Each commit clears the journal's header.
    """
    try:
        with journal.open("rb") as file:
            return file.read(len(_JOURNAL_MAGIC)) == _JOURNAL_MAGIC
    except FileNotFoundError:
        return False


class LedgerFile:
    """The open file of a ledger. Only one process can have it open at a time, with one object.

    Args:
        path: The file. If it does not exist it is created, accessible only to its owner. Symbolic links are
            followed.

    Raises:
        LedgerLockedError: Another process, or another object in this one, has the file open.
        LedgerError: The file cannot be opened, is not a ledger, or its record is incomplete. It was not
            changed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        # The journal and the reserve are next to the real file, not next to a symbolic link to it.
        self._real = Path(os.path.realpath(path))
        self._journal = self._real.with_name(self._real.name + "-journal")
        #: Disk space for the outcomes of chunks in flight.
        self.reserve = DiskReserve(self._real.with_name(self._real.name + "-reserve"), self.path)
        self._transacting = threading.Lock()
        self._process = os.getpid()
        self._descriptor = self._open_locked()
        try:
            with self.translated():
                self._database = self._open_database()
            renew_after_fork(self)
        except BaseException:
            self._unlock()
            raise

    def _open_locked(self) -> int:
        """Open the file and lock it, with a lock that lasts until it is released.

        SQLite uses POSIX locks, which a process loses as soon as any code in it closes the file. Copying the
        file or computing its checksum during a send once let a second process send the same events.
        """
        flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            if not os.path.lexists(self._real):
                self._create()
            descriptor = os.open(self._real, flags)
        except OSError as error:
            said = "is not a regular file" if self._real.is_dir() else f"cannot be opened: {error.strerror}"
            raise LedgerError(f"the ledger {self.path} {said}") from None
        try:
            self._check_kind(descriptor)
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._check_header(os.pread(descriptor, _HEADER, 0))
        except BlockingIOError:
            os.close(descriptor)
            raise self._locked() from None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _create(self) -> None:
        """Create the file under a temporary name, and give it its real name once it is complete.

        So an empty or incomplete file is always a damaged one, never a new one.
        """
        if _is_hot(self._journal):
            raise LedgerError(
                f"the ledger {self.path} does not exist, but its journal {self._journal.name} does: put the "
                "ledger back, or remove the journal to start a new one"
            )
        descriptor, name = tempfile.mkstemp(
            prefix=f"{self._real.name}.", suffix=".new", dir=self._real.parent
        )
        os.close(descriptor)
        try:
            with self.translated(), closing(sqlite3.connect(name, isolation_level=None)) as database:
                database.execute("PRAGMA synchronous = FULL")
                database.execute("BEGIN IMMEDIATE")
                for statement in SCHEMA:
                    database.execute(statement)
                database.execute("COMMIT")
            # Another process may have created the file meanwhile, and may be using it.
            with suppress(FileExistsError):
                os.link(name, self._real)
        finally:
            Path(name).unlink()

    def _check_kind(self, descriptor: int) -> None:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise LedgerError(f"the ledger {self.path} is not a regular file")

    def _check_header(self, header: bytes) -> None:
        """Check that the file is a ledger before anything can change it."""
        numbers = int.from_bytes(header[68:72], "big"), int.from_bytes(header[60:64], "big")
        if not header:
            raise LedgerError(
                f"the ledger {self.path} is empty: it was truncated. If nothing was sent with it, remove it "
                "to start a new one"
            )
        if not header.startswith(_MAGIC) or numbers != (APPLICATION, FORMAT):
            raise LedgerError(f"{self.path} is not a ledger of this version of gameball-client")

    def _open_database(self) -> sqlite3.Connection:
        # The file is already locked with flock. SQLite's own locks would conflict with that where both are of
        # the same kind, as on NFS.
        lock = "" if fcntl is None else "?nolock=1"
        database = sqlite3.connect(
            f"file:{quote(os.fsencode(self._real))}{lock}",
            timeout=0.0,
            isolation_level=None,
            check_same_thread=False,
            uri=True,
        )
        try:
            # PERSIST clears the journal at each commit. Creating and deleting it would take far longer.
            database.execute("PRAGMA journal_mode = PERSIST")
            database.execute("PRAGMA synchronous = FULL")
            self._check_content(database)
        except BaseException:
            database.close()
            raise
        return database

    def _check_content(self, database: sqlite3.Connection) -> None:
        said = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        counted = database.execute(COUNTED).fetchone()
        if said == "ok" and counted == database.execute("SELECT * FROM totals").fetchone():
            return
        raise LedgerError(
            f"the ledger {self.path} is incomplete: it was damaged, or copied or moved without its journal "
            f"{self._journal.name}. Put both files back as they were; without them it is not known which "
            "events were accepted"
        )

    def close(self) -> None:
        """Close the file, so that other processes can open it."""
        if self._process != os.getpid():
            return
        self.reserve.drop()
        # An abandoned worker may still be writing: closing the database then would crash the interpreter.
        with self._transacting:
            with suppress(sqlite3.Error):
                self._database.execute("PRAGMA journal_mode = DELETE")
            self._database.close()
            self._unlock()

    def __del__(self) -> None:
        # If an interrupt comes while the ledger is being opened, nothing else can close it.
        if getattr(self, "_descriptor", -1) >= 0 and self._process == os.getpid():
            self._unlock()

    def _unlock(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            # Unlocked explicitly, because a forked child may hold a copy of the descriptor, and so the lock.
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def before_fork(self) -> None:
        """Wait for the current transaction to end: otherwise the child would end it when it exits."""
        self._transacting.acquire()

    def after_fork_in_parent(self) -> None:
        """Allow transactions again."""
        self._transacting.release()

    def after_fork_in_child(self) -> None:
        """Close the child's descriptor without releasing the parent's lock. The child cannot use the file."""
        self._transacting.release()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def rows(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query.

        Raises:
            LedgerError: The file cannot be read.
        """
        self._check_process()
        with self._transacting, self.translated():
            return self._database.execute(query, values).fetchall()

    def transaction(self, write: Callable[[sqlite3.Connection], T]) -> T:
        """Run a transaction: it is on disk when this returns, or rolled back on an error.

        It takes a function and is not a context manager: an interrupt while the block was being entered left
        the lock held, and closing the ledger then waited for ever.

        Args:
            write: Called with the database. Its result is returned.

        Raises:
            LedgerError: The file cannot be written.
        """
        self._check_process()
        with self._transacting, self.translated():
            try:
                self._database.execute("BEGIN IMMEDIATE")
                result = write(self._database)
                self._database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise
            return result

    def _check_process(self) -> None:
        if self._process != os.getpid():
            raise LedgerError(
                f"the ledger {self.path} was opened before a fork and belongs to the parent process: open it "
                "in the child after the parent has closed it"
            )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Convert SQLite's exceptions to ``LedgerError``."""
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise self._locked() from None
            raise LedgerError(f"the ledger {self.path} cannot be used: {error}") from None
        except OverflowError:
            raise LedgerError(
                f"the ledger {self.path} cannot store an integer of more than 64 bits"
            ) from None

    def _locked(self) -> LedgerLockedError:
        return LedgerLockedError(
            f"the ledger {self.path} is in use by another process, or open elsewhere in this one; close it "
            "there first"
        )
