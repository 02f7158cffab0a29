"""Cases of the benchmark with tables: Arrow streams and queries of DuckDB.

Only the cases that need pyarrow or DuckDB import them, so that the other cases do not use their memory.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from gameball import Gameball
from gameball.events import EventLike
from gameball.sources import read_arrow, read_sql

_BATCH: Final = 10_000
_WIDE: Final = 19


def flat_table(count: int) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return the columns that CSV and Parquet have in the benchmark of the command."""
    import pyarrow as pa  # noqa: PLC0415 - see the module's docstring

    batch = pa.record_batch(
        {
            "customer_id": [f"customer-{n % 1_000}" for n in range(_BATCH)],
            "name": ["song_liked"] * _BATCH,
            "song_id": [str(231402 + n % 1_000) for n in range(_BATCH)],
            "genre": ["Pop"] * _BATCH,
            "length": [213] * _BATCH,
        }
    )
    return pa.RecordBatchReader.from_batches(batch.schema, _repeat(batch, count))


def wide_table(count: int) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return rows of 19 columns: texts, integers and floats, some of them null."""
    import pyarrow as pa  # noqa: PLC0415 - see the module's docstring

    kinds: tuple[Callable[[int], object], ...] = (
        lambda n: n,
        lambda n: n / 3,
        lambda n: f"text-{n % 100}",
        lambda n: None if n % 4 == 0 else n % 60,
    )
    columns: dict[str, list[object]] = {
        "customer_id": [f"customer-{n % 1_000}" for n in range(_BATCH)],
        "name": ["song_liked"] * _BATCH,
    }
    for number in range(_WIDE - 2):
        columns[f"column_{number}"] = [kinds[number % len(kinds)](n) for n in range(_BATCH)]
    batch = pa.record_batch(columns)
    return pa.RecordBatchReader.from_batches(batch.schema, _repeat(batch, count))


def _repeat(batch: Any, count: int) -> Iterator[Any]:  # noqa: ANN401 - pyarrow has no types
    for start in range(0, count, _BATCH):
        yield batch.slice(0, min(_BATCH, count - start))


def query(count: int) -> str:
    """Return a query with the columns of ``flat_table``. Its rows are computed as they are fetched."""
    return f"""
        SELECT 'customer-' || (i % 1000) AS customer_id, 'song_liked' AS name,
            CAST(231402 + i % 1000 AS VARCHAR) AS song_id, 'Pop' AS genre, 213 AS length
        FROM range({count}) t(i)
    """  # noqa: S608 - a number of our own


def _to_pylist(table: Any) -> Iterator[EventLike]:  # noqa: ANN401 - pyarrow has no types
    """Read a table without ``read_arrow``."""
    for batch in table:
        for row in batch.to_pylist():
            yield row.pop("customer_id"), row.pop("name"), row


def _send(url: str, events: Iterator[EventLike]) -> int:
    with Gameball("key", "secret", base_url=url, rate_limits=None) as client:
        return sum(receipt.job_id is not None for receipt in client.events.stream(events))


def _fetch_query(count: int) -> int:
    import duckdb  # noqa: PLC0415 - see the module's docstring
    import pyarrow as pa  # noqa: PLC0415

    with duckdb.connect() as connection:
        reader = pa.RecordBatchReader.from_stream(connection.sql(query(count)))
        return sum(batch.num_rows for batch in reader)


CASES: Final[dict[str, Callable[[str, int], Callable[[], int]]]] = {
    "arrow, read_arrow": lambda url, count: lambda: _send(url, iter(read_arrow(flat_table(count)))),
    "sql, read_sql": lambda url, count: lambda: _send(url, iter(read_sql(query(count)))),
    "wide rows, read_arrow": lambda url, count: lambda: _send(url, iter(read_arrow(wide_table(count)))),
    "wide rows, to_pylist": lambda url, count: lambda: _send(url, _to_pylist(wide_table(count))),
    # The libraries alone, without gameball and without sending.
    "arrow, floor": lambda _, count: lambda: sum(batch.num_rows for batch in flat_table(count)),
    "sql, floor": lambda _, count: lambda: _fetch_query(count),
}
