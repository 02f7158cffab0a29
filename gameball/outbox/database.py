"""The database of an outbox: its engines, short transactions, and retries while it is unavailable."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from gameball.fork_safety import renew_after_fork
from gameball.log import LOGGER
from gameball.outbox.database_errors import describe, explain, may_pass
from gameball.outbox.database_url import read_url, show_url

#: How long SQLite waits for another process that writes, in seconds.
_LOCK_TIMEOUT: Final = 30.0
#: What every transaction on PostgreSQL begins with. It is ended if the process does nothing in it for three
#: seconds: a process that is paused would keep its locks, and no other could take over. And its commit is
#: durable, even where a role or database has that off: a crash could forget that events were in flight.
_BEGIN_WRITING: Final = """
    SELECT set_config('idle_in_transaction_session_timeout', '3000', true),
    CASE current_setting('synchronous_commit')
    WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END
"""
#: Reading is by an index that has the order of the query. With statistics that are out of date, the planner
#: might believe that only few rows are waiting, and sort millions for every request.
_BEGIN_READING: Final = """
    SELECT set_config('idle_in_transaction_session_timeout', '3000', true),
    set_config('transaction_read_only', 'on', true), set_config('enable_sort', 'off', true)
"""
#: The name of the execution option that says that a transaction of SQLite only reads.
_READING: Final = "gameball_reading"
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
        given = url_or_engine
        del url_or_engine
        if not isinstance(given, str | URL | Engine):
            raise TypeError(f"an outbox needs a URL or an Engine of SQLAlchemy, got {type(given).__name__}")
        url, engine = (given.url, given) if isinstance(given, Engine) else (given, None)
        del given
        try:
            self._url = read_url(url)
        finally:
            del url
        self.dialect = self._url.get_backend_name()
        #: The URL, without any password.
        self.shown = show_url(self._url)
        problem = None
        try:
            # The transactions of a user's engine for SQLite must stay as they are, so it is never used.
            if self.dialect == "sqlite":
                engine = _sqlite_engine(self._url)
            elif engine is None:
                engine = create_engine(self._url, pool_size=12, pool_pre_ping=True)
        except ImportError as error:
            problem = f"{error.name} is not installed"
        except (SQLAlchemyError, TypeError, ValueError) as error:
            problem = type(error).__name__
        if problem is not None or engine is None:
            # The message might quote an option of the URL.
            raise ValueError(f"SQLAlchemy cannot use the URL of the outbox's database ({problem})")
        if self.dialect == "sqlite":
            self.engine = engine
            self._reader = engine.execution_options(**{_READING: True})
        else:
            # At a higher level, a statement that conflicts with another transaction would fail.
            self.engine = engine.execution_options(isolation_level="READ COMMITTED")
            # Several statements must read the same snapshot.
            self._reader = engine.execution_options(isolation_level="REPEATABLE READ")
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Open new connections in a forked child: those of the parent stay open, and in use by it."""
        self.engine.dispose(close=False)

    @contextmanager
    def _begin(self, *, reading: bool) -> Iterator[Connection]:
        with (self._reader if reading else self.engine).begin() as connection:
            if self.dialect == "postgresql":
                connection.exec_driver_sql(_BEGIN_READING if reading else _BEGIN_WRITING)
            yield connection

    def read(self, work: Callable[[Connection], ResultT]) -> ResultT:
        """Read in a separate transaction, which sees one snapshot and needs no permission to write.

        Raises:
            OutboxError: The database refused it, or is unavailable.
        """
        return self._run(work, reading=True)

    def write(self, work: Callable[[Connection], ResultT]) -> ResultT:
        """Write in a short, separate transaction.

        Raises:
            OutboxError: The database refused it, is read-only, or is unavailable.
        """
        return self._run(work, reading=False)

    def _run(self, work: Callable[[Connection], ResultT], *, reading: bool) -> ResultT:
        try:
            with self._begin(reading=reading) as connection:
                return work(connection)
        except SQLAlchemyError as error:
            problem = explain(error, self._url)
        raise problem

    def read_until_done(self, work: Callable[[Connection], ResultT], give_up: Callable[[], bool]) -> ResultT:
        """Read as ``read`` does, and retry while the database is unavailable.

        Args:
            work: What to do.
            give_up: Returns whether to stop trying.

        Raises:
            OutboxError: The database refused it, or ``give_up`` returned True.
        """
        return self._run_until_done(work, give_up, nullcontext(), reading=True)

    def write_until_done(
        self,
        work: Callable[[Connection], ResultT],
        give_up: Callable[[], bool],
        lock: AbstractContextManager[object],
    ) -> ResultT:
        """Write as ``write`` does, and retry while the database is unavailable.

        Args:
            work: What to do. It may have been done already, if the connection broke during the commit.
            give_up: Returns whether to stop trying.
            lock: Held during each transaction, but not between them.

        Raises:
            OutboxError: The database refused it, or ``give_up`` returned True.
        """
        return self._run_until_done(work, give_up, lock, reading=False)

    def _run_until_done(
        self,
        work: Callable[[Connection], ResultT],
        give_up: Callable[[], bool],
        lock: AbstractContextManager[object],
        *,
        reading: bool,
    ) -> ResultT:
        pause = _FIRST_PAUSE
        warned = False
        while True:
            problem = None
            try:
                with lock, self._begin(reading=reading) as connection:
                    return work(connection)
            except SQLAlchemyError as error:
                if not may_pass(error) or give_up():
                    problem = explain(error, self._url)
                elif not warned:
                    LOGGER.warning(
                        "the outbox's database is unavailable, trying again: %s", describe(error, self._url)
                    )
                    warned = True
            if problem is not None:
                raise problem
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _LOCK_TIMEOUT})

    @event.listens_for(engine, "connect")
    def connect(connection: object, _: object) -> None:
        # As the documentation of SQLAlchemy has it: pysqlite would begin transactions on its own.
        connection.isolation_level = None  # type: ignore[attr-defined]

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that begins by reading could not write once another process has written.
        reading = connection.get_execution_options().get(_READING, False)
        driver = connection.connection.driver_connection
        # It would refuse a whole query because of one row that is not UTF-8.
        driver.text_factory = _decode if reading else str  # type: ignore[union-attr]
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _decode(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
