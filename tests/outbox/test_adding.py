"""What an event can be added with, and what is refused."""

import asyncio
from typing import Any

import psycopg
import pytest
from outbox_processes import new_database
from sqlalchemy.engine import make_url
from sqlalchemy.orm import scoped_session, sessionmaker

from gameball import Event
from gameball.outbox import Outbox


def test_a_scoped_session_is_enough(outbox: Outbox) -> None:
    sessions = scoped_session(sessionmaker(outbox.engine))
    outbox.add(sessions, Event("cust-1", "x"))
    sessions.rollback()
    outbox.add(sessions, Event("cust-1", "x"))
    assert sessions().in_transaction()
    sessions.commit()
    sessions.remove()
    assert outbox.status().waiting == 1


def test_an_asynchronous_cursor_is_refused(postgres: Any) -> None:
    url = new_database(postgres)
    outbox = Outbox(url)
    outbox.create()

    async def add() -> None:
        found = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        async with await psycopg.AsyncConnection.connect(found) as connection:
            for transaction in (connection, connection.cursor()):
                with pytest.raises(TypeError, match="asynchronous"):
                    outbox.add(transaction, Event("cust-1", "x"))

    asyncio.run(add())
    assert outbox.status().waiting == 0
    outbox.close()
