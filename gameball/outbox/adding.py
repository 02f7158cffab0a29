"""Adds an event in the transaction of the caller: checks and encodes it, and inserts the row."""

import inspect
import sqlite3
import zlib
from typing import Final, Protocol

import orjson
from attrs import asdict, astuple, field, frozen
from sqlalchemy import Connection, insert
from sqlalchemy.orm import Session, scoped_session

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.limits import DEFAULT_MAX_BYTES
from gameball.errors import InvalidEventError
from gameball.events import EventLike
from gameball.outbox.schema import EVENTS, PARTITIONS

_INSERT: Final = (
    "INSERT INTO gameball_outbox (customer_id, events, partition, event_count) VALUES ({0}, {0}, {0}, {0})"
)


class Cursor(Protocol):
    """A DB-API cursor, such as one of sqlite3, psycopg or Django."""

    def execute(self, statement: str, values: tuple[object, ...], /) -> object:
        """Execute a statement."""


class CursorMaker(Protocol):
    """A DB-API connection, such as one of sqlite3 or psycopg."""

    def cursor(self) -> Cursor:
        """Return a new cursor."""


#: What ``Outbox.add`` takes.
Transaction = Connection | Session | scoped_session[Session] | CursorMaker | Cursor


@frozen
class NewRow:
    """A row to be inserted: its columns, in the order of ``_INSERT``."""

    customer_id: str
    events: str = field(repr=False)
    partition: int
    event_count: int


def encode_row(event: EventLike) -> NewRow:
    """Check and encode an event.

    Raises:
        InvalidEventError: The event cannot be sent or stored.
    """
    builder = ChunkBuilder(max_objects=1, max_bytes=DEFAULT_MAX_BYTES, coalesce=False)
    builder.push(event)
    chunk = builder.finish()
    if chunk is None:
        raise ValueError("no event was given")
    ((customer, events),) = chunk.items()
    customer_id: str = orjson.loads(customer)
    if "\0" in customer_id:
        # The metadata may hold one, because it is stored as JSON.
        raise InvalidEventError(
            index=0,
            customer_id=customer_id,
            field="customer_id",
            reason="contains a NUL character, which PostgreSQL cannot store",
        )
    partition = zlib.crc32(customer_id.encode()) % PARTITIONS
    return NewRow(customer_id, f"{{{events.decode()}}}", partition, chunk.events)


def insert_row(transaction: Transaction, row: NewRow, paramstyle: str) -> None:
    """Insert a row in the caller's transaction.

    Args:
        transaction: The connection, session or cursor of the caller.
        row: The row.
        paramstyle: The DB-API's name for the placeholders of the outbox's driver.

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(transaction, scoped_session):
        transaction = transaction()  # the session of this thread
    if isinstance(transaction, Connection | Session):
        transaction.execute(insert(EVENTS), asdict(row))
        return
    if hasattr(transaction, "run_sync"):
        raise TypeError(
            "an asynchronous connection cannot be passed to add; write "
            "await connection.run_sync(outbox.add, event)"
        )
    # A cursor of Django passes every attribute on, so a connection is recognised by what it cannot do.
    cursor = transaction
    if not hasattr(transaction, "fetchone") and hasattr(transaction, "cursor"):
        cursor = transaction.cursor()
    if not hasattr(cursor, "execute") or not hasattr(cursor, "fetchone"):
        raise TypeError(
            "Outbox.add needs a Connection or Session of SQLAlchemy, or a DB-API connection or cursor, got "
            f"{type(transaction).__name__}"
        )
    if inspect.iscoroutinefunction(cursor.execute):
        # It would return without having executed anything.
        raise TypeError(
            "Outbox.add cannot use an asynchronous cursor; pass a synchronous one, or use an AsyncConnection "
            "of SQLAlchemy: await connection.run_sync(outbox.add, event)"
        )
    cursor.execute(_INSERT.format(_placeholder(cursor, paramstyle)), astuple(row))


def _placeholder(cursor: object, paramstyle: str) -> str:
    if type(cursor).__module__.startswith("django."):  # with SQLite, too
        return "%s"
    return "?" if isinstance(cursor, sqlite3.Cursor) or paramstyle == "qmark" else "%s"
