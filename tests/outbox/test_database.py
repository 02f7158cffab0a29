"""The transactions of an outbox in PostgreSQL."""

from typing import Any

import pytest
from forking import in_child
from outbox_processes import add, likes, new_database
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from gameball.outbox import Outbox


def setting(connection: Connection) -> str:
    return str(connection.execute(text("SHOW synchronous_commit")).scalar_one())


@pytest.mark.parametrize(("configured", "used"), [("off", "on"), ("local", "local"), ("on", "on")])
def test_a_commit_is_durable_even_where_that_is_switched_off(
    postgres: Any, configured: str, used: str
) -> None:
    url = new_database(postgres)
    with Outbox(url) as outbox:
        with outbox.engine.begin() as connection:
            name = make_url(url).database
            connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = {configured}"))
        outbox.close()
        with outbox.engine.begin() as connection:
            assert setting(connection) == configured
        assert outbox._database.write(setting) == used


def test_a_forked_child_uses_no_connection_of_its_parent(postgres: Any) -> None:
    def session() -> int:
        with outbox.engine.begin() as connection:
            return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())

    def use() -> tuple[int, int]:
        add(outbox, *likes(1))
        return session(), outbox.status().waiting

    with Outbox(new_database(postgres)) as outbox:
        outbox.create()
        before = session()
        child, waiting = in_child(use)()
        assert waiting == 1
        assert child != before
        # The child has not closed it either.
        assert session() == before
