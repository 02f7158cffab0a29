"""``gameball send --sql`` with extensions of DuckDB, for databases and Excel: ``make test-duckdb``."""

import random
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import duckdb
import orjson
import psycopg
import pytest
from command import begin, gameball, wait_for_requests
from repetitions import repetitions

from gameball.sandbox import Sandbox

EXTENSIONS: Final = [
    pytest.importorskip(f"duckdb_extension_{name}", reason="needs extensions of DuckDB: make test-duckdb")
    for name in ("postgres_scanner", "sqlite_scanner", "excel")
]

COUNT: Final = 20_000
#: A row of the table.
Order = tuple[int, int, str, int, Decimal, bool | None, str | None]
COLUMNS: Final = "id INT, user_id BIGINT, kind TEXT, n BIGINT, price NUMERIC(12, 3), express BOOL, note TEXT"


def orders() -> list[Order]:
    chance = random.Random(7)
    return [
        (
            number,
            2**53 + 1 + number,  # half of them are no floats
            chance.choice(["paid", "returned", "test"]),
            chance.randrange(-(2**63), 2**63),
            Decimal(chance.randrange(10**11)).scaleb(-3),
            chance.choice([True, False, None]),
            chance.choice(['é"\n', "", None]),
        )
        for number in range(COUNT)
    ]


def received(box: Sandbox) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the metadata of the events that arrived, by customer and name."""
    assert set(box.events.values()) <= {1}
    return {(customer, name): orjson.loads(metadata) for customer, name, metadata in box.events}


def expected(order: Order) -> tuple[tuple[str, str], dict[str, Any]]:
    _, user, kind, *values = order
    metadata = dict(zip(("n", "price", "express", "note"), values, strict=True))
    metadata["price"] = float(order[4])
    return (str(user), kind), {name: value for name, value in metadata.items() if value is not None}


@pytest.fixture
def home(tmp_path: Path) -> str:
    """Return a home directory in which the extensions are, as if DuckDB had downloaded them."""
    folder = tmp_path / "home"
    folder.mkdir()
    with duckdb.connect() as connection:
        connection.execute(f"SET home_directory = '{folder}'")
        for package in EXTENSIONS:
            (file,) = Path(package.__path__[0]).rglob("*.duckdb_extension")
            connection.execute(f"INSTALL '{file}'")
    return str(folder)


@pytest.mark.repeated
@pytest.mark.parametrize("seed", range(repetitions(2)))
def test_a_table_of_postgresql_is_sent_once_although_the_command_is_killed(
    seed: int, postgres: Any, home: str, tmp_path: Path
) -> None:
    table = f"orders_{uuid4().hex}"  # other workers use the server, too
    with psycopg.connect(postgres.get_uri()) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {table} ({COLUMNS})")
        with cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for order in orders():
                copy.write_row(order)
    query = (
        f"ATTACH '{postgres.get_uri()}' AS shop (TYPE postgres, READ_ONLY); "
        "SELECT user_id AS customer_id, kind AS name, n, price, express, note "
        f"FROM shop.{table} WHERE kind <> 'test' ORDER BY id"
    )
    options = ("--ledger", "orders.ledger", "--on-unknown", "report", "--keep-going", "--rate-limit", "none")
    words = ("send", "--sql", query, *options)
    with Sandbox(latency=(0.0, 0.05)) as box:
        process = begin(*words, url=box.url, cwd=tmp_path, HOME=home)
        requests = random.Random(seed).randint(1, 8)
        wait_for_requests(box, requests, lambda: process.poll() is not None)
        process.kill()
        process.communicate()
        done = gameball(*words, "--json", url=box.url, cwd=tmp_path, HOME=home)
        metadata = received(box)
    rows = dict(expected(order) for order in orders() if order[2] != "test")
    events = done.source["events"]
    assert events["accepted"] + events["unknown"] == len(rows)
    assert len(rows) - events["unknown"] <= len(metadata) <= len(rows)
    assert metadata.items() <= rows.items()


def test_a_table_of_sqlite_is_sent(box: Sandbox, home: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INT, kind TEXT, note TEXT)")
        rows = [(1, 10, "paid", "é"), (2, 11, "test", ""), (3, 12, "paid", None)]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    query = (
        "ATTACH 'shop.db' AS shop (TYPE sqlite, READ_ONLY); "
        "SELECT user_id AS customer_id, kind AS name, note FROM shop.orders WHERE kind <> 'test' ORDER BY id"
    )
    done = gameball("send", "--sql", query, "--ledger", "a.ledger", url=box.url, cwd=tmp_path, HOME=home)
    assert done.code == 0, done.err
    assert received(box) == {("10", "paid"): {"note": "é"}, ("12", "paid"): {}}


def test_a_sheet_of_excel_is_sent(box: Sandbox, home: str, tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"SET home_directory = '{home}'; LOAD excel")
        connection.execute(
            "COPY (SELECT 'u' || i AS customer_id, 'paid' AS name, i + 0.5 AS price FROM range(3) AS t(i)) "
            f"TO '{tmp_path}/paid.xlsx' (FORMAT xlsx, HEADER true)"
        )
    query = "LOAD excel; SELECT * FROM 'paid.xlsx' WHERE price > 1"
    done = gameball("send", "--sql", query, "--ledger", "a.ledger", url=box.url, cwd=tmp_path, HOME=home)
    assert done.code == 0, done.err
    assert received(box) == {("u1", "paid"): {"price": 1.5}, ("u2", "paid"): {"price": 2.5}}
