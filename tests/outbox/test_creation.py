"""Creating the tables: only what is missing, and by whoever may."""

import threading
from pathlib import Path
from typing import Any

import pytest
from outbox_processes import add, likes, new_database
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

from gameball.errors import OutboxError
from gameball.outbox import Outbox


def test_the_schema_creates_the_same_tables(outbox: Outbox, tmp_path: Path) -> None:
    engine, names = outbox.engine, {"schema": "other"}
    if engine.dialect.name == "sqlite":
        engine, names = create_engine(f"sqlite:///{tmp_path / 'other.db'}"), {}
    with engine.begin() as connection:
        if names:
            connection.execute(text("CREATE SCHEMA other; SET LOCAL search_path TO other"))
        for statement in outbox.schema():
            connection.execute(text(statement))
    made, found = inspect(outbox.engine), inspect(engine)
    for table in ("gameball_outbox", "gameball_outbox_chunk", "gameball_outbox_lease"):
        shown = [
            [(column["name"], str(column["type"])) for column in columns]
            for columns in (made.get_columns(table), found.get_columns(table, **names))
        ]
        assert shown[0] == shown[1]
        assert len(made.get_indexes(table)) == len(found.get_indexes(table, **names))
    engine.dispose()


def test_a_role_that_does_not_own_the_tables_may_call_create(postgres: Any) -> None:
    url = new_database(postgres)
    role = f"web_{make_url(url).database}"
    with Outbox(url) as owner:
        owner.create()
        with owner.engine.begin() as connection:
            connection.execute(text(f"CREATE ROLE {role} LOGIN"))
            connection.execute(
                text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
            )
    with Outbox(make_url(url).set(username=role)) as outbox:
        outbox.create()
        add(outbox, *likes(1))
        assert outbox.status().waiting == 1


def test_create_does_not_wait_for_a_vacuum(postgres: Any) -> None:
    url = new_database(postgres)
    with Outbox(url) as outbox:
        outbox.create()
        with outbox.engine.begin() as connection:
            connection.execute(text(f"ALTER DATABASE {make_url(url).database} SET lock_timeout = '500ms'"))
        with outbox.engine.begin() as vacuum:
            vacuum.execute(text("LOCK TABLE gameball_outbox IN SHARE UPDATE EXCLUSIVE MODE"))
            with Outbox(url) as other:
                other.create()


def test_what_is_missing_is_created(outbox: Outbox) -> None:
    add(outbox, *likes(3))
    with outbox.engine.begin() as connection:
        connection.execute(text("DROP INDEX gameball_outbox_waiting"))
        connection.execute(text("DROP TABLE gameball_outbox_chunk"))
        connection.execute(text("DELETE FROM gameball_outbox_lease"))
    with pytest.raises(OutboxError, match=r"call Outbox\.create"):
        outbox.status()
    outbox.create()
    assert outbox.status().waiting == 3
    names = {index["name"] for index in inspect(outbox.engine).get_indexes("gameball_outbox")}
    assert names == {"gameball_outbox_waiting", "gameball_outbox_failed"}


def test_a_table_of_another_version_is_named(outbox: Outbox) -> None:
    with outbox.engine.begin() as connection:
        connection.execute(text("ALTER TABLE gameball_outbox RENAME COLUMN partition TO lane"))
    with pytest.raises(OutboxError, match="another version of this package: it has no column partition"):
        outbox.create()


def test_several_processes_may_create_the_tables_at_once(database: str) -> None:
    problems: list[BaseException] = []

    def create() -> None:
        try:
            with Outbox(database) as outbox:
                outbox.create()
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            problems.append(error)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    with Outbox(database) as outbox:
        assert outbox.status().waiting == 0
