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
    "'{\"x\":{}}', n % 8 FROM generate_series(1, 20000) AS n"
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
        connection.execute(text(FILL))
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
        connection.execute(text("UPDATE gameball_outbox SET outcome = 'unknown' WHERE id % 1000 = 0"))
    found = misjudged._database.read(
        lambda connection: [row.id for row in failed_rows(connection, Outcome.UNKNOWN, 5000, 3)]
    )
    assert found == [6000, 7000, 8000]
    misjudged.close()


def test_rows_are_marked_by_their_primary_key(misjudged: Outbox) -> None:
    statements: list[tuple[str, Any]] = []
    ids = list(range(20_001, 20_051))

    @event.listens_for(misjudged.engine, "before_cursor_execute")
    def note(*arguments: Any) -> None:
        statements.append((arguments[2], arguments[3]))

    with misjudged.engine.begin() as connection:
        assert mark(connection, ids, Outcome.REJECTED, "HTTP 400") == 50
        statement, values = statements[-1]
        found = connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars().all()
    assert "gameball_outbox_pkey" in "\n".join(found)
    assert "gameball_outbox_waiting" not in "\n".join(found)
    misjudged.close()
