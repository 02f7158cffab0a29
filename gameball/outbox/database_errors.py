"""What a database error means: whether it may be temporary, and the message for it. No I/O."""

import sqlite3
from typing import Final

from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gameball.errors import OutboxError
from gameball.outbox.database_url import hide_secrets

#: PostgreSQL's code for a statement that writes where nothing may be written, such as on a replica.
_READ_ONLY_TRANSACTION: Final = "25006"
#: The lowest byte of an error code of SQLite is its kind.
_KIND: Final = 0xFF
#: Errors that are not temporary: a statement that SQLite refuses, or a file that is not a database.
_PERMANENT: Final = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def may_pass(error: SQLAlchemyError) -> bool:
    """Return whether an error may pass without anybody's help.

    It does when the database restarts, another process holds its lock, or all connections of the pool are
    in use.
    """
    if isinstance(error, PoolTimeoutError):
        return True
    if is_read_only(error):
        return False
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.Error) and _kind(cause) in _PERMANENT:
        return False
    return isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


def is_read_only(error: SQLAlchemyError) -> bool:
    """Return whether the database cannot be written: a replica, or a file without permission to write."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(cause, sqlite3.Error):
        return _kind(cause) == sqlite3.SQLITE_READONLY
    return getattr(cause, "sqlstate", None) == _READ_ONLY_TRANSACTION


def _kind(error: sqlite3.Error) -> int:
    # An error of the module itself has no code.
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & _KIND


def describe(error: SQLAlchemyError, url: URL) -> str:
    """Return what an error of the database says, without the statement, its values and passwords."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    first = (str(cause).strip().splitlines() or [""])[0]
    return hide_secrets(f"{type(cause).__name__}: {first}", url)


def explain(error: SQLAlchemyError, url: URL) -> OutboxError:
    """Return the error for the caller. Raise it where the error of the driver is no longer handled.

    An exception is otherwise kept as its context, and frames of the driver hold the password.
    """
    said = describe(error, url)
    if "gameball_outbox" in said and ("no such table" in said or "does not exist" in said):
        return OutboxError(
            "the database has no outbox: call Outbox.create(), or execute the output of `gameball outbox "
            "schema`",
            retryable=False,
        )
    if is_read_only(error):
        return OutboxError(
            f"the outbox's database is read-only, so nothing can be written: {said}", retryable=False
        )
    return OutboxError(f"the outbox's database failed: {said}", retryable=may_pass(error))
