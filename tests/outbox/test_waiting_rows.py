"""What reading waiting rows costs, however many there are and whatever the planner believes."""

from functools import partial
from typing import Any

import pytest
from outbox_processes import add, new_database
from sqlalchemy import Connection, event, text

from gameball import Event
from gameball.outbox import Outbox
from gameball.outbox.failed_rows import failed_rows
from gameball.outbox.waiting_rows import (
    _PAGE_QUERIES,
    _PARTITIONS_QUERIES,
    WaitingRow,
    mark,
    partitions_with_rows,
    read_partition,
)
from gameball.receipts import Outcome

FILL = (
    "INSERT INTO gameball_outbox (customer_id, events, partition) SELECT 'cust-' || n, "
    "'{\"x\"\\:{}}', n % 8 FROM generate_series(1, :count) AS n"
)


def read(outbox: Outbox, count: int, max_bytes: int) -> list[WaitingRow]:
    return outbox._database.read(lambda connection: read_partition(connection, 3, count, max_bytes))


def test_a_page_is_limited_in_rows_and_in_bytes(outbox: Outbox) -> None:
    add(outbox, *(Event("cust-1", "x", {"text": "ü" * 50_000}) for _ in range(20)))
    with outbox.engine.begin() as connection:
        connection.execute(text("UPDATE gameball_outbox SET partition = 3"))
    assert [row.id for row in read(outbox, 1000, 450_000)] == [1, 2, 3, 4, 5]
    assert [row.id for row in read(outbox, 2, 450_000)] == [1, 2]
    assert [row.id for row in read(outbox, 1000, 1)] == [1]
    assert len(read(outbox, 1000, 10_000_000)) == 20
    assert all(row.size == len('cust-1{"x":{"text":""}}') + 100_000 for row in read(outbox, 1000, 10_000_000))


@pytest.fixture
def misjudged(postgres: Any) -> Outbox:
    """An outbox with 20,000 kept rows, which the planner takes for waiting ones, and a few waiting rows."""
    outbox = Outbox(new_database(postgres))
    outbox.create()
    with outbox.engine.begin() as connection:
        connection.execute(text("ALTER TABLE gameball_outbox SET (autovacuum_enabled = off)"))
        connection.execute(text(FILL), {"count": 20_000})
        connection.execute(text("ANALYZE gameball_outbox"))
        connection.execute(text("UPDATE gameball_outbox SET outcome = 'rejected', reason = 'HTTP 400'"))
    add(outbox, *(Event(f"cust-{n}", "x", {}) for n in range(100)))
    return outbox


def plan(connection: Connection, query: str, values: dict[str, object]) -> str:
    return "\n".join(connection.execute(text(f"EXPLAIN {query}"), values).scalars())


def test_kept_rows_are_not_walked_over(misjudged: Outbox) -> None:
    values: dict[str, object] = {"partition": 3, "count": 1000, "max_bytes": 2_000_000}
    for query in (_PAGE_QUERIES["postgresql"], _PARTITIONS_QUERIES["postgresql"]):
        found = misjudged._database.read(partial(plan, query=str(query), values=values))
        assert "gameball_outbox_waiting" in found
        assert not any(words in found for words in ("pkey", "Sort", "Seq Scan", "gameball_outbox_failed"))
    assert misjudged._database.read(partitions_with_rows) == set(range(8))
    misjudged.close()


def test_kept_rows_are_read_by_their_own_index(misjudged: Outbox) -> None:
    with misjudged.engine.begin() as connection:
        connection.execute(text("UPDATE gameball_outbox SET outcome = 'unknown'"))
        connection.execute(text("ANALYZE gameball_outbox"))
        # The planner still takes all of them for unknown, which would be next to each other.
        connection.execute(text("UPDATE gameball_outbox SET outcome = 'rejected' WHERE id % 1000 <> 0"))
    statements: list[tuple[str, Any]] = []

    @event.listens_for(misjudged._database._reader, "before_cursor_execute")
    def note(*arguments: Any) -> None:
        statements.append((arguments[2], arguments[3]))

    def read_failed(connection: Connection) -> tuple[list[int], str]:
        found = [row.id for row in failed_rows(connection, Outcome.UNKNOWN, 5000, 3)]
        statement, values = statements[-1]
        return found, "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars())

    found, explained = misjudged._database.read(read_failed)
    assert found == [6000, 7000, 8000]
    assert "gameball_outbox_failed" in explained
    assert not any(words in explained for words in ("pkey", "Sort", "Seq Scan"))
    misjudged.close()


def fill(outbox: Outbox, *, kept: int, known: int, new: int) -> None:
    """Add rows that are kept, waiting rows, and more of them that the planner does not know of yet."""
    with outbox.engine.begin() as connection:
        connection.execute(text("ALTER TABLE gameball_outbox SET (autovacuum_enabled = off)"))
        connection.execute(text(FILL), {"count": kept})
        connection.execute(text("UPDATE gameball_outbox SET outcome = 'rejected', reason = 'HTTP 400'"))
        connection.execute(text(FILL), {"count": known})
    with outbox.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("VACUUM (ANALYZE) gameball_outbox"))
    with outbox.engine.begin() as connection:
        connection.execute(text(FILL), {"count": new})


def test_rows_that_the_planner_does_not_know_of_are_not_sorted(postgres: Any) -> None:
    with Outbox(new_database(postgres)) as outbox:
        outbox.create()
        fill(outbox, kept=20_000, known=800, new=100_000)
        values: dict[str, object] = {"partition": 3, "count": 1000, "max_bytes": 2_000_000}
        query = str(_PAGE_QUERIES["postgresql"])
        assert "Sort" not in outbox._database.read(partial(plan, query=query, values=values))
        with outbox.engine.begin() as connection:
            # What is forbidden would happen.
            assert "Sort" in plan(connection, query, values)


def test_rows_are_marked_by_their_primary_key(postgres: Any) -> None:
    statements: list[tuple[str, Any]] = []
    with Outbox(new_database(postgres)) as outbox:
        outbox.create()
        # The plan of a prepared statement stays when there are more.
        fill(outbox, kept=20_000, known=0, new=100)

        @event.listens_for(outbox.engine, "before_cursor_execute")
        def note(*arguments: Any) -> None:
            statements.append((arguments[2], arguments[3]))

        with outbox.engine.begin() as connection:
            assert mark(connection, list(range(20_001, 20_051)), Outcome.REJECTED, "HTTP 400") == 50
            statement, values = statements[-1]
            found = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars())
    assert "gameball_outbox_pkey" in found
    assert "gameball_outbox_waiting" not in found
