"""Which queries give their rows in the same order each time."""

from pathlib import Path

import duckdb
import pytest

from gameball.sources.tables.query_order import find_unrepeatable


def problem(query: str) -> str | None:
    with duckdb.connect() as connection:
        return find_unrepeatable(connection, query)


@pytest.fixture(autouse=True)
def _in_a_folder_with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one.parquet", "one.csv"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM '*.parquet' ORDER BY n",
        "SELECT * FROM a JOIN b USING (n) ORDER BY n, m LIMIT 10",
        "SELECT n FROM a UNION ALL SELECT n FROM b ORDER BY n",
        "WITH x AS (SELECT * FROM a) FROM x ORDER BY ALL",
        "SELECT * FROM 'one.parquet'",
        "FROM 'one.csv' WHERE n > 7 LIMIT 10",
        "SELECT n + 1 AS n FROM read_csv('one.csv', header = true)",
        "SELECT * FROM read_parquet('s3://bucket/one.parquet')",
    ],
)
def test_an_order_or_a_single_file_makes_a_query_repeatable(query: str) -> None:
    assert problem(query) is None


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM '*.parquet'",
        "SELECT * FROM read_parquet(['one.parquet', 'two.parquet'])",
        "SELECT * FROM read_csv('*.csv')",
        "SELECT * FROM orders",
        "SELECT * FROM postgres.public.orders",
        "SELECT * FROM 'one.parquet' JOIN 'one.csv' USING (n)",
        "SELECT n, count(*) FROM 'one.parquet' GROUP BY n",
        "SELECT DISTINCT n FROM 'one.parquet'",
        "SELECT *, row_number() OVER (PARTITION BY n) FROM 'one.parquet'",
        "SELECT * FROM 'one.parquet' USING SAMPLE 10",
        "SELECT * FROM (SELECT * FROM a ORDER BY n)",
        "SELECT * FROM 'one.parquet' UNION SELECT * FROM 'one.parquet'",
        "WITH x AS (SELECT * FROM 'one.parquet') SELECT * FROM x",
    ],
)
def test_any_other_query_is_not(query: str) -> None:
    assert str(problem(query)).startswith(
        "the query may return its rows in another order when it is executed again: end it with an ORDER BY"
    )


def test_a_statement_that_cannot_be_judged_is_not() -> None:
    said = str(problem("COPY (SELECT 1) TO 'x.csv'"))
    assert said.startswith("the order of the query's rows cannot be determined")
