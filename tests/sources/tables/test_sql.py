"""Reading the rows of SQL queries, with DuckDB, ADBC and a real PostgreSQL."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import adbc_driver_sqlite.dbapi
import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from source_files import read_until_error

from gameball import Gameball, SourceError
from gameball.sandbox import Sandbox
from gameball.sources import Source, read_arrow, read_sql
from gameball.sources.arrow import ArrowOrigin
from gameball.sources.tables.sql import SqlOrigin, explain_order


def write_tables(folder: Path) -> None:
    for part in range(3):
        numbers = list(range(part * 10, part * 10 + 10))
        pq.write_table(
            pa.table({"user": [f"u{n}" for n in numbers], "n": numbers}), folder / f"{part}.parquet"
        )


def test_files_are_filtered_and_ordered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tables(tmp_path)
    monkeypatch.chdir(tmp_path)
    query = (
        "SELECT user AS customer_id, 'bought' AS name, n, n / 4 AS share, (n * 1.10)::DECIMAL(9, 2) AS price "
        "FROM '*.parquet' WHERE n % 2 = 0 ORDER BY n DESC"
    )
    reading = read_sql(query)
    first, *rest = reading
    assert first == ("u28", "bought", {"n": 28, "share": 7.0, "price": Decimal("30.80")})
    assert len(rest) == 14
    assert reading.line_of(14) == 15


def test_statements_before_the_last_one_are_executed_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with duckdb.connect("shop.duckdb") as connection:
        connection.execute("CREATE TABLE orders AS SELECT 'a' AS customer_id, 'bought' AS name, 7 AS n")
    query = "ATTACH 'shop.duckdb' AS shop (READ_ONLY); USE shop; SELECT * FROM orders; -- the end"
    assert list(read_sql(query)) == [("a", "bought", {"n": 7})]


def test_a_connection_may_be_given_and_stays_open() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TEMP TABLE t AS SELECT 'a' AS customer_id, 'x' AS name")
        for _ in range(2):
            assert list(read_sql("SELECT * FROM t", connection)) == [("a", "x", {})]


def test_a_connection_of_adbc_executes_the_query() -> None:
    with adbc_driver_sqlite.dbapi.connect() as connection:
        assert list(read_sql("SELECT 'a' AS customer_id, 'x' AS name, 7 AS n", connection)) == [
            ("a", "x", {"n": 7})
        ]
        with pytest.raises(SourceError) as caught:
            next(read_sql("SELECT secret", connection))
        assert str(caught.value) == "the query: cannot be read (ProgrammingError)"


NOWHERE = "cannot be executed (Catalog Error: Table with name nowhere does not exist!)"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "is empty"),
        ("CREATE TABLE t (n INT)", "must end with a SELECT, not with CREATE"),
        ("SELECT * FROM nowhere", NOWHERE),
        (
            "SELECT 1 AS customer_id",
            "has no name; map a field to it with --map name=FIELD; its columns are customer_id",
        ),
    ],
)  # fmt: skip
def test_a_query_that_cannot_be_executed_is_told(query: str, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        next(read_sql(query))
    assert str(caught.value) == f"the query: {reason}"


def test_an_error_in_the_middle_comes_after_the_rows_before_and_shows_no_cell() -> None:
    # With several threads, one may find the error before another has passed on its first rows.
    query = (
        "SET threads TO 1; "
        "SELECT 'c' || i AS customer_id, 'x' AS name, if(i < 200000, '1', 'secret')::INT AS n "
        "FROM range(210000) t(i)"
    )
    items, error = read_until_error(read_sql(query))
    assert error is not None
    assert "secret" not in str(error)
    assert "the query, row " in str(error)
    assert [item[0] for item in items] == [f"c{n}" for n in range(len(items))]
    assert 0 < len(items) < 200_000


# DuckDB 1 returned a million rows at once: 450 MiB with rows of 200 bytes.
def test_rows_are_fetched_in_batches_that_need_little_memory() -> None:
    query = "SELECT 'c' || i AS customer_id, 'x' AS name FROM range(300000) t(i)"
    with duckdb.connect() as connection:
        for origin in (SqlOrigin(query), ArrowOrigin(connection.sql(query), "the table")):
            with origin.open() as table:
                rows = [len(batch) for batch in table.batches]
            assert sum(rows) == 300_000
            assert max(rows) <= 10_000


def test_a_relation_is_read_from_its_beginning_each_time() -> None:
    with duckdb.connect() as connection:
        relation = connection.sql("SELECT 'c' || i AS customer_id, 'x' AS name FROM range(30000) t(i)")
        assert next(read_arrow(relation)) == ("c0", "x", {})
        assert len(list(read_arrow(relation))) == 30_000


def test_the_rows_of_a_query_can_be_read_again_for_rejects() -> None:
    query = "SELECT 'c' || i AS customer_id, if(i = 1, '', 'x') AS name FROM range(3) t(i) ORDER BY i"
    source = Source(path=None, format="sql", query=query)
    assert source.name == "the query"
    for _ in range(2):
        assert [row.problem for row in source.rows(max_bytes=1000)] == [None, "name must not be blank", None]


def test_a_query_and_a_file_are_told_apart() -> None:
    with pytest.raises(ValueError, match="the format sql needs a query and no path"):
        Source(path=None, format="sql")
    with pytest.raises(ValueError, match="the format sql needs a query and no path"):
        Source(path=Path("x.csv"), format="csv", query="SELECT 1")


def test_only_the_last_statement_decides_whether_the_order_is_repeatable() -> None:
    assert explain_order("CREATE TABLE t (n INT); SELECT * FROM t ORDER BY n;") is None
    assert "may return its rows in another order" in str(
        explain_order("SELECT 1 ORDER BY 1; SELECT * FROM t")
    )
    with pytest.raises(ValueError, match=r"the query cannot be parsed \(Parser Error: syntax error at"):
        explain_order("SELCT")
    with pytest.raises(ValueError, match="the query is empty"):
        explain_order("")


def test_a_query_of_postgresql_is_streamed_by_psycopg_and_resumed(postgres: Any, tmp_path: Path) -> None:
    schema = pa.schema(
        [
            ("customer_id", pa.string()),
            ("name", pa.string()),
            ("price", pa.decimal128(12, 3)),
            ("at", pa.timestamp("us", tz="UTC")),
            ("note", pa.string()),
        ]
    )
    select = (
        "SELECT 'c' || n AS customer_id, 'bought' AS name, n * 1.001 AS price, "
        "timestamptz '2026-01-31 12:00:00.000001+00' AS at, CASE WHEN n = 1 THEN NULL ELSE 'é' END AS note "
        "FROM generate_series(1, 3000) AS t(n) ORDER BY n"
    )
    with (
        Sandbox() as box,
        Gameball("key", "secret", base_url=box.url, rate_limits=None) as gb,
        psycopg.connect(postgres.get_uri()) as connection,
    ):
        for _ in range(2):
            with connection.cursor(name="events") as cursor:
                cursor.execute(select)

                def batches(cursor: psycopg.ServerCursor = cursor) -> Iterator[pa.RecordBatch]:
                    while rows := cursor.fetchmany(1_000):
                        columns = zip(*rows, strict=True)
                        arrays = [pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)]
                        yield pa.record_batch(arrays, schema)

                table = pa.RecordBatchReader.from_batches(schema, batches())
                assert gb.events.send(read_arrow(table), ledger=tmp_path / "orders.ledger").accepted == 3_000
        metadata = {(customer, text): count for (customer, _, text), count in box.events.items()}
    assert len(metadata) == 3_000
    at = '"at":"2026-01-31T12:00:00.000001+00:00"'
    assert metadata["c1", f'{{{at},"price":1.001}}'] == 1
    assert metadata["c3000", f'{{{at},"note":"é","price":3003.0}}'] == 1


def test_ctrl_c_that_duckdb_has_made_an_error_of_is_raised_as_such() -> None:
    class Interrupted:
        def cursor(self) -> None: ...

        def sql(self, _: str) -> None: ...

        def extract_statements(self, _: str) -> None:
            raise RuntimeError("Query interrupted")

    with pytest.raises(KeyboardInterrupt):
        list(read_sql("SELECT 1", Interrupted()))
    with Gameball("key", "secret") as client, pytest.raises(KeyboardInterrupt) as caught:
        client.events.send(read_sql("SELECT 1", Interrupted()))
    assert str(vars(caught.value)["report"]) == "no events"
