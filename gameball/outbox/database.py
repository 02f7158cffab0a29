"""The database of an outbox: engines, short transactions, and what to do when the database is away."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from gameball.errors import OutboxError
from gameball.fork_safety import renew_after_fork
from gameball.log import LOGGER
from gameball.outbox.schema import check_dialect

#: How long SQLite waits for another process that writes, in seconds.
_BUSY_TIMEOUT: Final = 30.0
#: What every transaction on PostgreSQL begins with. It is ended if the process does nothing in it for three
#: seconds: a process that is stopped would keep its locks, and nobody could take over. And its commit is
#: durable, even where a role or database has that off: a crash could forget that events were in flight.
_BEGIN: Final = """
    SELECT set_config('idle_in_transaction_session_timeout', '3000', true),
    CASE current_setting('synchronous_commit')
    WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END
"""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 1.0

ResultT = TypeVar("ResultT")


class Database:
    """The database of an outbox.

    Args:
        url_or_engine: Its URL, or an SQLAlchemy engine.

    Raises:
        ValueError: The URL is not valid, or it is neither SQLite in a file nor PostgreSQL.
        TypeError: It is something else, such as an asynchronous engine.
    """

    def __init__(self, url_or_engine: str | URL | Engine) -> None:
        if not isinstance(url_or_engine, str | URL | Engine):
            raise TypeError(
                f"an outbox needs a URL or an Engine of SQLAlchemy, got {type(url_or_engine).__name__}"
            )
        if isinstance(url_or_engine, Engine):
            url = url_or_engine.url
        else:
            try:
                url = make_url(url_or_engine)
            except ArgumentError:
                # Its message would quote the URL, which may hold a password.
                raise ValueError("the URL of the outbox's database is not valid") from None
        self.dialect = url.get_backend_name()
        check_dialect(self.dialect)
        #: The URL, without the password.
        self.shown = url.render_as_string(hide_password=True)
        if self.dialect == "sqlite":
            # The transactions of the user's engine must stay as they are, so this one is never used.
            self.engine = _sqlite_engine(url)
        else:
            engine = (
                url_or_engine
                if isinstance(url_or_engine, Engine)
                else create_engine(url, pool_size=12, pool_pre_ping=True)
            )
            # Another level would make a statement fail that met another transaction.
            self.engine = engine.execution_options(isolation_level="READ COMMITTED")
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Open new connections in a forked child: those of the parent stay open, and in use by it."""
        self.engine.dispose(close=False)

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with self.engine.begin() as connection:
            if self.dialect == "postgresql":
                connection.exec_driver_sql(_BEGIN)
            yield connection

    def run(self, work: Callable[[Connection], ResultT]) -> ResultT:
        """Do something in a short transaction of its own.

        Raises:
            OutboxError: The database refused it, or is away.
        """
        try:
            with self._begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise _explain(error) from None

    def persist(
        self,
        work: Callable[[Connection], ResultT],
        give_up: Callable[[], bool],
        turn: AbstractContextManager[object] | None = None,
    ) -> ResultT:
        """Do something in a transaction, again and again while the database is away.

        Args:
            work: What to do. It may have been done already, if the connection broke during the commit.
            give_up: Returns whether to stop trying.
            turn: Held during each transaction, but not between them.

        Raises:
            OutboxError: The database refused it, or ``give_up`` returned True.
        """
        pause = _FIRST_PAUSE
        warned = False
        while True:
            try:
                with turn or nullcontext(), self._begin() as connection:
                    return work(connection)
            except SQLAlchemyError as error:
                if not is_away(error) or give_up():
                    raise _explain(error) from None
                if not warned:
                    LOGGER.warning("the outbox's database is away, trying again: %s", describe(error))
                    warned = True
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def is_away(error: SQLAlchemyError) -> bool:
    """Return whether an error may pass: the database restarts, or another process holds its lock."""
    return isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )


def describe(error: SQLAlchemyError) -> str:
    """Return what an error of the database says, without the statement and its values."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    first = (str(cause).strip().splitlines() or [""])[0]
    return f"{type(cause).__name__}: {first}"


def _explain(error: SQLAlchemyError) -> OutboxError:
    said = describe(error)
    if "gameball_outbox" in said and ("no such table" in said or "does not exist" in said):
        return OutboxError("the database has no outbox: call Outbox.create()", retryable=False)
    return OutboxError(f"the outbox's database failed: {said}", retryable=is_away(error))


def _sqlite_engine(url: URL) -> Engine:
    if url.database in {None, "", ":memory:"}:
        raise ValueError("an outbox in SQLite needs a file, because it is shared with the deliverer")
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT})

    @event.listens_for(engine, "connect")
    def connect(connection: object, _: object) -> None:
        # As the documentation of SQLAlchemy has it: pysqlite would begin transactions on its own.
        connection.isolation_level = None  # type: ignore[attr-defined]

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that begins by reading could not write once another process has written.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
