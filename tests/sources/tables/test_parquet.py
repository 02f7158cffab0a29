"""Reading Parquet files: values as pyarrow gives them, and those that Python cannot represent."""

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from source_files import customers, problems, read_until_error, write

from gameball import CustomerEvents, SourceError, chunk_events
from gameball.sources import Source, find_source, read_parquet

TIME = datetime(2026, 1, 31, 12, tzinfo=UTC)


def write_table(folder: Path, columns: dict[str, Any], *, group: int = 1_000_000) -> Path:
    path = folder / "events.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=group)
    return path


def test_columns_beside_customer_and_name_are_the_metadata(tmp_path: Path) -> None:
    columns = {"customer_id": ["a", "b"], "name": ["liked", "shared"], "n": [1, None], "x": [0.5, 1.5]}
    assert list(read_parquet(write_table(tmp_path, columns))) == [
        ("a", "liked", {"n": 1, "x": 0.5}),
        ("b", "shared", {"x": 1.5}),
    ]


def test_a_struct_or_a_map_may_be_the_metadata_and_a_null_is_none(tmp_path: Path) -> None:
    struct = [{"n": 1, "tags": ["Pop"]}, None]
    columns = {"customer_id": ["a", "b"], "name": ["x", "y"], "metadata": struct}
    expected = [("a", "x", {"n": 1, "tags": ["Pop"]}), ("b", "y", {})]
    assert list(read_parquet(write_table(tmp_path, columns))) == expected
    kind = pa.map_(pa.string(), pa.int64())
    columns["metadata"] = pa.array([[("n", 1), ("m", None)], None], kind)
    expected = [("a", "x", {"n": 1, "m": None}), ("b", "y", {})]
    assert list(read_parquet(write_table(tmp_path, columns))) == expected


def test_maps_within_lists_structs_and_maps_are_objects_too(tmp_path: Path) -> None:
    flat = pa.map_(pa.string(), pa.int64())
    columns = {
        "customer_id": ["a", "b"],
        "name": ["x", "y"],
        "in_list": pa.array([[[("n", 1)], None], None], pa.list_(flat)),
        "in_struct": pa.array([{"m": [("n", 2)], "k": 3}, None], pa.struct({"m": flat, "k": pa.int64()})),
        "in_map": pa.array([[("o", [("n", 4)])], []], pa.map_(pa.string(), flat)),
    }
    first, second = read_parquet(write_table(tmp_path, columns))
    assert first == (
        "a",
        "x",
        {"in_list": [{"n": 1}, None], "in_struct": {"m": {"n": 2}, "k": 3}, "in_map": {"o": {"n": 4}}},
    )
    assert second == ("b", "y", {"in_map": {}})


def test_a_map_with_the_same_key_twice_is_refused(tmp_path: Path) -> None:
    kind = pa.map_(pa.string(), pa.int64())
    maps = pa.array([[("n", 1)], [("n", 1), ("n", 2)]], kind)
    path = write_table(tmp_path, {"customer_id": ["a", "b"], "name": ["x", "y"], "metadata": maps})
    assert problems(find_source(str(path))) == [(2, "metadata holds a map with the same key twice")]


def test_values_of_a_table_can_be_sent(tmp_path: Path) -> None:
    columns = {
        "customer_id": pa.array(["a"]).dictionary_encode(),
        "name": ["bought"],
        "day": [date(2026, 1, 31)],
        "at": pa.array([TIME], pa.timestamp("us", tz="UTC")),
        "price": [Decimal("12.30")],
        "huge": pa.array([2**64 - 1], pa.uint64()),
    }
    (chunk,) = chunk_events(read_parquet(write_table(tmp_path, columns)))
    (sent,) = orjson.loads(chunk.content)["body"]
    assert sent["events"]["bought"] == {
        "day": "2026-01-31",
        "at": "2026-01-31T12:00:00+00:00",
        "price": 12.3,
        "huge": 2**64 - 1,
    }


def test_texts_are_converted_and_times_without_a_zone_only_as_utc(tmp_path: Path) -> None:
    naive = pa.array([TIME.replace(tzinfo=None)], pa.timestamp("us"))
    columns = {
        "user": ["a"],
        "name": ["x"],
        "metadata": ['{"n": 1}'],
        "at": naive,
        "day": ["2026-01-31"],
        "n": [7],
    }
    rename = {"customer_id": "user", "data": "metadata"}
    types = {"metadata": "json", "at": "datetime-utc", "day": "date", "n": "float"}
    (item,) = read_parquet(write_table(tmp_path, columns), rename=rename, types=types)
    assert item == ("a", "x", {"data": {"n": 1}, "at": TIME, "day": date(2026, 1, 31), "n": 7})
    (row,) = Source(path=tmp_path / "events.parquet", format="parquet", rename=rename).rows(max_bytes=1000)
    assert row.problem == "metadata.at is a datetime without a time zone; use an aware one"


def test_a_text_that_is_not_of_its_type_is_told_with_its_row(tmp_path: Path) -> None:
    columns = {"customer_id": ["a", "b", "c"], "name": ["x"] * 3, "n": ["1", "secret", ""]}
    source = find_source(str(write_table(tmp_path, columns)), types={"n": "int"})
    items, error = read_until_error(source.read())
    assert items == [("a", "x", {"n": 1})]
    assert str(error) == f"{source.name}, row 2: n is not an integer"
    rows = list(source.rows(max_bytes=1000))
    assert [(row.line, row.position) for row in rows] == [(1, 0), (2, None), (3, 1)]
    assert rows[1].text == '{"customer_id":"b","name":"x","n":"secret"}'


def test_a_time_that_python_cannot_represent_is_a_problem_of_its_row_only(tmp_path: Path) -> None:
    times = pa.array([0, 1_000, 10**17, None], pa.timestamp("ms", tz="UTC"))
    columns = {"customer_id": ["a", "b", "c", "d"], "name": ["x"] * 4, "at": times}
    source = find_source(str(write_table(tmp_path, columns)))
    assert customers(source.read(lambda _: None)) == ["a", "b", "d"]
    assert problems(source) == [(3, "at holds a timestamp[ms, tz=UTC] that Python cannot represent")]


def test_null_cells_can_be_refused(tmp_path: Path) -> None:
    path = write_table(tmp_path, {"customer_id": ["a", "b"], "name": ["x", "y"], "n": [1, None]})
    items, error = read_until_error(read_parquet(path, nulls="refuse"))
    assert (len(items), str(error)) == (1, f"{path}, row 2: n is null")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (
            {"name": ["x"]},
            "has no customer_id; map a field to it with --map customer_id=FIELD; its columns are name",
        ),
        (
            {"customer_id": ["a"], "name": ["x"], "metadata": [None], "n": [1]},
            "has the field n in addition to customer_id, name, metadata",
        ),
    ],
)
def test_columns_that_are_not_those_of_events_are_told_at_once(
    tmp_path: Path, columns: dict[str, Any], reason: str
) -> None:
    path = write_table(tmp_path, columns)
    with pytest.raises(SourceError) as caught:
        next(read_parquet(path, on_problem=lambda _: None))
    assert (caught.value.line, caught.value.reason) == (None, reason)


def test_a_column_that_is_there_twice_is_told(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    table = pa.Table.from_arrays([pa.array(["a"])] * 3, ["customer_id", "name", "name"])
    pq.write_table(table, path)
    with pytest.raises(SourceError, match="has several columns named name"):
        next(read_parquet(path))


def test_a_table_as_it_is_sent_can_be_read(tmp_path: Path) -> None:
    columns = {"customerId": ["a"], "events": [{"liked": {"n": 1}}]}
    assert list(read_parquet(write_table(tmp_path, columns))) == [CustomerEvents("a", {"liked": {"n": 1}})]


def test_a_file_that_is_damaged_or_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="events.parquet: cannot be read \\(No such file or directory\\)"):
        list(read_parquet(tmp_path / "events.parquet"))
    for content in (b"", b"PAR1", b"x" * 1000):
        with pytest.raises(SourceError, match=": is damaged or not a Parquet file"):
            list(read_parquet(write(tmp_path, "events.parquet", content)))


def test_rows_before_a_damaged_group_are_given(tmp_path: Path) -> None:
    ids = [f"customer-{number}" for number in range(100)]
    path = write_table(tmp_path, {"customer_id": ids, "name": ids}, group=10)
    content = bytearray(path.read_bytes())
    middle = pq.read_metadata(path).row_group(5).column(0)
    start = middle.dictionary_page_offset or middle.data_page_offset
    content[start : start + 40] = b"\xff" * 40
    path.write_bytes(content)
    items, error = read_until_error(read_parquet(path))
    assert customers(items) == ids[: len(items)]
    assert len(items) == 50
    assert str(error) == f"{path}, row 51: is damaged or not a Parquet file"


def test_rows_are_counted_and_the_progress_is_their_share(tmp_path: Path) -> None:
    ids = [f"customer-{number}" for number in range(5_000)]
    path = write_table(tmp_path, {"customer_id": ids, "name": ids}, group=700)
    source = find_source(str(path))
    reading = source.read()
    assert reading.bytes_read == 0
    shares = [
        reading.bytes_read for ordinal, _ in enumerate(reading) if reading.line_of(ordinal) == ordinal + 1
    ]
    assert len(shares) == 5_000
    assert shares == sorted(shares)
    assert 0 < shares[0] < path.stat().st_size // 2
    assert reading.bytes_read == source.size == path.stat().st_size
    assert [row.position for row in source.rows(max_bytes=1000)] == list(range(5_000))


MEMORY = """
import resource, sys
import pyarrow.parquet
from gameball.sources import read_parquet

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
count = sum(1 for _ in read_parquet(sys.argv[1]))
print(count, (peak() - before) // 1024)
"""


@pytest.mark.parametrize("group", [10_000, 400_000])
def test_a_large_file_is_never_held_in_memory_however_it_is_grouped(tmp_path: Path, group: int) -> None:
    ids = [f"customer-{number}" for number in range(400_000)]
    path = write_table(tmp_path, {"customer_id": ids, "name": ids, "note": ids}, group=group)
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], check=True, capture_output=True, text=True
    )
    count, grown = map(int, run.stdout.split())
    assert count == 400_000
    assert grown < 64
