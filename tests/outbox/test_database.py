"""The transactions of an outbox in PostgreSQL."""

from typing import Any

import pytest
from outbox_processes import new_database
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
