"""The outbox: events that exist if, and only if, the transaction of the caller commits."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from gameball.client import Gameball
from gameball.events import EventLike
from gameball.events_client import Events
from gameball.outbox.adding import Transaction, encode_row, insert_row
from gameball.outbox.creation import create_missing
from gameball.outbox.database import Database
from gameball.outbox.deliverer import Deliverer
from gameball.outbox.failed_rows import FailedRow, failed_rows, resolve
from gameball.outbox.outbox_report import OutboxReport
from gameball.outbox.schema import ddl
from gameball.outbox.status import OutboxStatus, read_status
from gameball.receipts import Outcome

_PAGE = 1000


class Outbox:
    """Events in a table of your database, written in your own transactions and delivered afterwards.

    ::

        outbox = Outbox("sqlite:///shop.db")
        with outbox.engine.begin() as connection:
            connection.execute(...)
            outbox.add(connection, Event("cust-1", "order_placed", {"total": 80}))

    ``gameball outbox run`` delivers what was committed. An event that may have been accepted is never sent
    again automatically.

    Args:
        url_or_engine: The database: ``sqlite:///shop.db``, ``postgresql+psycopg://…``, or an engine of
            SQLAlchemy for one of these. Nothing is opened yet.

    Raises:
        ValueError: It is neither SQLite in a file nor PostgreSQL, or the URL is not valid.
        TypeError: It is neither a URL nor an engine.
    """

    def __init__(self, url_or_engine: str | URL | Engine) -> None:
        given = url_or_engine
        del url_or_engine
        try:
            self._database = Database(given)
        finally:
            del given  # it may hold a password, which a traceback with locals would show
        self._when_added: list[Callable[[], bool]] = []

    def __repr__(self) -> str:
        return f"Outbox({self._database.shown!r})"

    def close(self) -> None:
        """Close the connections that the outbox keeps open. It opens new ones if it is used again."""
        self._database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def engine(self) -> Engine:
        """The engine of the outbox.

        For SQLite its transactions begin with ``BEGIN IMMEDIATE`` and wait up to 30 seconds for others, so
        that several processes can write without "database is locked". Use it for your own transactions too,
        or set up your engine in the same way.
        """
        return self._database.engine

    def create(self) -> None:
        """Create the tables that do not exist yet. It may be called every time a program starts.

        If nothing is missing, it only reads, so the program's role need not own the tables.

        Raises:
            OutboxError: The database refused it, or a table was created by another version.
        """
        create_missing(self._database)

    def schema(self) -> list[str]:
        """Return the statements that create the tables, for your migrations."""
        return ddl(self._database.dialect)

    def add(self, transaction: Transaction, event: EventLike) -> None:
        """Write an event in the caller's transaction. It is sent if, and only if, that commits.

        The event is checked and encoded immediately, so changing its metadata later changes nothing. This
        commits nothing and opens no connection.

        Args:
            transaction: A ``Connection``, ``Session`` or ``scoped_session`` of SQLAlchemy, or a DB-API
                connection or cursor, such as one of sqlite3 or psycopg, or Django's ``connection.cursor()``.
                It must use the database of the outbox.
            event: The event: an ``Event``, ``CustomerEvents`` or ``(customer_id, name, metadata)``.

        Raises:
            InvalidEventError: The event cannot be sent, or its customer id contains a NUL character.
            TypeError: The first argument is of another type.
            Exception: Whatever the driver raises, for example because the table does not exist.
        """
        insert_row(transaction, encode_row(event), self._database.engine.dialect.paramstyle)
        for function in self._when_added.copy():
            if not function():
                with suppress(ValueError):  # another thread has removed it
                    self._when_added.remove(function)

    def deliver(
        self, client: Gameball, *, stop: threading.Event | None = None, until_empty: bool = False
    ) -> OutboxReport:
        """Deliver committed events until ``stop`` is set.

        One process delivers an outbox at a time. The others stand by in this call, and one of them takes over
        within 10 seconds if it dies. While the database is unavailable, this waits for it.

        Args:
            client: The client to send with. Its rate limits and ``max_attempts`` apply.
            stop: Set it, from another thread or a signal handler, to end the delivery: requests in flight
                have the client's ``close_timeout`` to finish.
            until_empty: Whether to return when nothing is waiting, instead of waiting for more.

        Returns:
            What was delivered by this call.

        Raises:
            AuthenticationError: The keys are wrong. The events stay waiting.
            PermissionDeniedError: The keys lack a permission. The events stay waiting.
            OutboxError: The database refused a statement, for example because the tables do not exist.
            ClientClosedError: The client is closed.
        """
        return Deliverer(self._database, client.events, stop or threading.Event(), until_empty).run()

    def deliver_with(self, events: Events, stop: threading.Event) -> OutboxReport:
        """Deliver as ``deliver`` does, but with ``Gameball.events``, which is all that a tracker has.

        Args:
            events: What to send with.
            stop: Set it to end the delivery.

        Raises:
            GameballError: See ``deliver``.
        """
        return Deliverer(self._database, events, stop, until_empty=False).run()

    def call_when_added(self, function: Callable[[], bool]) -> None:
        """Call a function after each ``add`` in this process, until it returns False.

        A tracker starts its delivery with it.
        """
        self._when_added.append(function)

    def status(self) -> OutboxStatus:
        """Count the events, in one snapshot. This reads the whole table; it works on a read replica.

        Raises:
            OutboxError: The database cannot be read.
        """
        return self._database.read(read_status)

    def failed(self, outcome: Outcome = Outcome.UNKNOWN) -> Iterator[FailedRow]:
        """Yield the unknown or rejected events, a row for each ``add``, in the order of their ids.

        Args:
            outcome: UNKNOWN, the default, or REJECTED.

        Raises:
            ValueError: ``outcome`` is another one.
            OutboxError: The database cannot be read.
        """
        _check_failed(outcome)
        return self._failed(outcome)

    def _failed(self, outcome: Outcome) -> Iterator[FailedRow]:
        last = 0
        while rows := self._database.read(partial(failed_rows, outcome=outcome, after=last, count=_PAGE)):
            yield from rows
            last = rows[-1].id

    def resolve(
        self,
        ids: Iterable[int] | None,
        outcome: Outcome,
        *,
        found: Outcome = Outcome.UNKNOWN,
    ) -> int:
        """Resolve events, once you know whether they were accepted.

        If a deliverer hangs, end it before you mark events as UNSENT: it might still send them.

        Args:
            ids: The ids of their rows, as ``failed`` yields them. None resolves all that have the outcome
                ``found``.
            outcome: ACCEPTED deletes and counts them. UNSENT makes them wait again, to be sent.
            found: The outcome that they have: UNKNOWN, the default, or REJECTED.

        Returns:
            The number of events that were resolved.

        Raises:
            ValueError: ``outcome`` or ``found`` is another outcome.
            OutboxError: Not all of them have the outcome ``found``, or the database cannot be written.
                Nothing was changed.
        """
        _check_failed(found)
        if outcome not in {Outcome.ACCEPTED, Outcome.UNSENT}:
            raise ValueError(f"outcome must be Outcome.ACCEPTED or Outcome.UNSENT, got {outcome!r}")
        chosen = None if ids is None else list(ids)
        return self._database.write(lambda connection: resolve(connection, chosen, found, outcome))


def _check_failed(outcome: Outcome) -> None:
    if outcome not in {Outcome.UNKNOWN, Outcome.REJECTED}:
        raise ValueError(f"the outcome must be Outcome.UNKNOWN or Outcome.REJECTED, got {outcome!r}")
