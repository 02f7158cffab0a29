"""Reading data frames and other Arrow tables, with the real libraries."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import adbc_driver_sqlite.dbapi
import duckdb
import orjson
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_files import read_until_error

from gameball import Gameball, SourceError, chunk_events
from gameball.sandbox import Sandbox
from gameball.sources import ArrowTable, read_arrow
from gameball.sources.tables.values import to_values

TIME = datetime(2026, 1, 31, 12, tzinfo=UTC)
TWO = {"customer_id": ["a", "b"], "name": ["liked", "shared"]}


def items_of(table: ArrowTable) -> list[Any]:
    return list(read_arrow(table))


def sent(table: ArrowTable, **options: Any) -> list[Any]:
    """Return the metadata of each event as JSON has it."""
    found = []
    for chunk in chunk_events(read_arrow(table, **options), coalesce=False):
        for one in orjson.loads(chunk.content)["body"]:
            found.extend(one["events"].values())
    return found


@pytest.mark.parametrize(
    "table",
    [
        pa.table({**TWO, "n": [1, 2], "x": [0.5, None]}),
        pa.table({**TWO, "n": [1, 2], "x": [0.5, None]}).to_reader(),
        pa.table({**TWO, "n": [1, 2], "x": [0.5, None]}).to_batches()[0],
        pd.DataFrame({**TWO, "n": [1, 2], "x": [0.5, None]}),
        pl.DataFrame({**TWO, "n": [1, 2], "x": [0.5, None]}),
        duckdb.sql(
            "SELECT 'a' AS customer_id, 'liked' AS name, 1 AS n, 0.5::FLOAT AS x "
            "UNION ALL SELECT 'b', 'shared', 2, NULL"
        ),
    ],
    ids=["table", "reader", "batch", "pandas", "polars", "duckdb"],
)  # fmt: skip
def test_each_library_gives_the_same_events(table: ArrowTable) -> None:
    reading = read_arrow(table)
    assert list(reading) == [("a", "liked", {"n": 1, "x": 0.5}), ("b", "shared", {"n": 2})]
    assert [reading.line_of(0), reading.line_of(1)] == [1, 2]


def test_a_result_of_adbc_is_read() -> None:
    with (
        adbc_driver_sqlite.dbapi.connect() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT 'a' AS customer_id, 'liked' AS name, 7 AS n")
        assert list(read_arrow(cursor.fetch_record_batch())) == [("a", "liked", {"n": 7})]


def test_a_data_frame_is_sent_and_resumed_by_its_ledger(tmp_path: Any) -> None:
    frame = pl.DataFrame({"customer_id": [str(n) for n in range(5_000)], "name": ["x"] * 5_000})
    with Sandbox() as box, Gameball("key", "secret", base_url=box.url, rate_limits=None) as gb:
        for _ in range(2):
            report = gb.events.send(read_arrow(frame), ledger=tmp_path / "frame.ledger")
            assert report.accepted == 5_000
        assert box.events == {(str(n), "x", "{}"): 1 for n in range(5_000)}


@pytest.mark.parametrize("library", [pd, pl])
def test_null_nat_and_nan_cells_are_left_out_of_the_metadata(library: Any) -> None:
    columns = {
        "customer_id": ["a", "b"],
        "name": ["x", "x"],
        "x": [float("nan"), 1.5],
        "at": [TIME, None],
        "text": [None, "t"],
        "truth": [None, True],
    }
    at = "2026-01-31T12:00:00+00:00"
    assert sent(library.DataFrame(columns)) == [{"at": at}, {"x": 1.5, "text": "t", "truth": True}]


def test_nan_in_a_float_column_without_nulls_is_left_out_too() -> None:
    assert sent(pa.table({**TWO, "x": [float("nan"), 1.0]})) == [{}, {"x": 1.0}]


def test_nulls_can_be_refused_with_their_row() -> None:
    table = pa.table({**TWO, "x": [1.0, float("nan")], "n": [None, 1]})
    problems: list[SourceError] = []
    assert list(read_arrow(table, nulls="refuse", on_problem=problems.append)) == []
    assert [str(problem) for problem in problems] == [
        "the table, row 1: n is null",
        "the table, row 2: x is null",
    ]


def test_members_of_a_metadata_struct_are_like_columns() -> None:
    table = pa.table({**TWO, "metadata": [{"n": 1, "x": None}, {"n": None, "x": float("nan")}]})
    assert sent(table) == [{"n": 1}, {}]
    items, error = read_until_error(read_arrow(table, nulls="refuse"))
    assert (items, str(error)) == ([], "the table, row 1: metadata has the null x")


def test_nulls_within_lists_and_structs_stay() -> None:
    table = pa.table({**TWO, "tags": [["a", None], []], "where": [{"city": None}, None]})
    assert sent(table) == [{"tags": ["a", None], "where": {"city": None}}, {"tags": []}]


def test_a_row_without_a_customer_is_refused_when_it_is_sent() -> None:
    table = pa.table({"customer_id": ["a", None], "name": ["x", "x"]})
    assert list(read_arrow(table)) == [("a", "x", {}), (None, "x", {})]


NANOSECONDS = pa.timestamp("ns", tz="UTC")
EXACT = [
    (pa.array([2**63 - 1, -(2**63)], pa.int64()), [2**63 - 1, -(2**63)]),
    (pa.array([2**64 - 1, 0], pa.uint64()), [2**64 - 1, 0]),
    (pa.array([TIME, None], pa.timestamp("s", tz="Asia/Kolkata")), ["2026-01-31T17:30:00+05:30", None]),
    (
        pa.array([1, -1], pa.timestamp("ns", tz="UTC")),
        ["1970-01-01T00:00:00.000000001+00:00", "1969-12-31T23:59:59.999999999+00:00"],
    ),
    (
        pa.array([1_500, None], pa.timestamp("ns", tz="+02:00")),
        ["1970-01-01T02:00:00.000001500+02:00", None],
    ),
    (pa.array([2_000, None], pa.timestamp("ns", tz="UTC")), ["1970-01-01T00:00:00.000002+00:00", None]),
    (pa.array([date(2026, 1, 31), None]), ["2026-01-31", None]),
    (pa.array([time(12, 30), None], pa.time32("s")), ["12:30:00", None]),
    (pa.array([1, None], pa.time64("ns")), ["00:00:00.000000001", None]),
    (pa.array(["a", None]).dictionary_encode(), ["a", None]),
    (pa.array([1.5, float("nan")]).dictionary_encode(), [1.5, None]),
    (pa.RunEndEncodedArray.from_arrays([1, 2], ["a", None]), ["a", None]),
    (pa.RunEndEncodedArray.from_arrays([1, 2], [1.5, float("nan")]), [1.5, None]),
    (pa.array([None, None]), [None, None]),
    (
        pa.array([[{"at": [1, 2_000]}], None], pa.list_(pa.struct({"at": pa.list_(NANOSECONDS)}))),
        [[{"at": ["1970-01-01T00:00:00.000000001+00:00", "1970-01-01T00:00:00.000002+00:00"]}], None],
    ),
    (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), [[1, 2], None]),
    (pa.array([[("k", [1])], None], pa.map_(pa.string(), pa.list_(pa.int8()))), [{"k": [1]}, None]),
]  # fmt: skip

if hasattr(pa, "uuid"):  # since pyarrow 18
    EXACT += [
        (pa.array([UUID(int=7).bytes, None], pa.uuid()), [str(UUID(int=7)), None]),
        (pa.array(["a", None], pa.string_view()), ["a", None]),
    ]


@pytest.mark.parametrize(("cells", "expected"), EXACT, ids=[str(cells.type) for cells, _ in EXACT])
def test_values_arrive_exactly(cells: pa.Array, expected: list[Any]) -> None:
    rows = [{"v": value} if value is not None else {} for value in expected]
    assert sent(pa.table({**TWO, "v": cells})) == rows
    # A slice begins within its buffers.
    assert sent(pa.table({**TWO, "v": cells}).slice(1)) == rows[1:]


def test_decimals_keep_all_digits() -> None:
    cells = pa.array([Decimal("12345678901234567890.120"), Decimal("0.000")], pa.decimal128(38, 3))
    (chunk,) = chunk_events(read_arrow(pa.table({**TWO, "price": cells})))
    assert b'"price":12345678901234567890.120}' in chunk.content
    assert b'"price":0.000}' in chunk.content


def test_the_categories_of_pandas_and_polars_are_their_texts() -> None:
    for frame in (pd.DataFrame(TWO).astype("category"), pl.DataFrame(TWO).cast(pl.Categorical)):
        assert [item[:2] for item in items_of(frame)] == [("a", "liked"), ("b", "shared")]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (pa.binary(), "binary"),
        (pa.duration("s"), "duration[s]"),
        (pa.list_(pa.struct({"b": pa.large_binary()})), "large_binary"),
        (pa.month_day_nano_interval(), "month_day_nano_interval"),
    ],
)
def test_types_that_json_cannot_represent_are_refused_before_the_first_row(
    kind: pa.DataType, said: str
) -> None:
    table = pa.table({**TWO, "v": pa.nulls(2, kind)})
    with pytest.raises(SourceError) as caught:
        list(read_arrow(table, on_problem=lambda _: None))
    assert str(caught.value) == (
        f"the table: v is of the Arrow type {said}, which JSON cannot represent: "
        "convert it to text, or leave it out"
    )


def test_a_struct_with_a_member_twice_is_refused() -> None:
    kind = pa.struct([pa.field("n", pa.int8()), pa.field("n", pa.int8())])
    with pytest.raises(SourceError, match="v is a struct with several fields of the same name"):
        list(read_arrow(pa.table({**TWO, "v": pa.nulls(2, kind)})))


@given(
    times=st.lists(st.none() | st.datetimes(timezones=st.just(UTC)), min_size=1, max_size=20),
    unit=st.sampled_from(["s", "ms", "us"]),
    start=st.integers(0, 19),
)
def test_every_time_in_utc_is_read_as_it_was_written(
    times: list[datetime | None], unit: str, start: int
) -> None:
    digits = {"s": 1_000_000, "ms": 1_000, "us": 1}[unit]
    written = [
        None if one is None else one.replace(microsecond=one.microsecond // digits * digits) for one in times
    ]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    ticks = [None if one is None else (one - epoch) // timedelta(microseconds=1) // digits for one in written]
    array = pa.array(ticks, pa.timestamp(unit, tz="UTC")).slice(start)
    values, is_refused = to_values(array)
    assert (values, is_refused) == (written[start:], False)
    assert all(one is None or one.utcoffset() == timedelta(0) for one in values)


def test_a_cell_that_python_cannot_represent_is_a_problem_of_its_row_only() -> None:
    cells = pa.array([0, 10**18], pa.timestamp("s", tz="UTC"))
    problems: list[SourceError] = []
    items = list(read_arrow(pa.table({**TWO, "at": cells}), on_problem=problems.append))
    assert items == [("a", "liked", {"at": datetime(1970, 1, 1, tzinfo=UTC)})]
    assert [str(problem) for problem in problems] == [
        "the table, row 2: at holds a timestamp[s, tz=UTC] that Python cannot represent"
    ]


def test_times_without_a_zone_are_utc_if_their_type_says_so_with_all_nanoseconds() -> None:
    table = pa.table({**TWO, "at": pa.array([1, 1_000], pa.timestamp("ns"))})
    expected = ["1970-01-01T00:00:00.000000001+00:00", "1970-01-01T00:00:00.000001+00:00"]
    assert [row["at"] for row in sent(table, types={"at": "datetime-utc"})] == expected
    with pytest.raises(ValueError, match="at is a datetime without a time zone"):
        sent(table)


def test_columns_are_renamed_and_text_is_converted() -> None:
    frame = pl.DataFrame({"user": ["a"], "name": ["x"], "data": ['{"n": 1}'], "day": ["2026-01-31"]})
    reading = read_arrow(frame, rename={"customer_id": "user"}, types={"data": "json", "day": "date"})
    assert list(reading) == [("a", "x", {"data": {"n": 1}, "day": date(2026, 1, 31)})]


def test_the_unnamed_index_of_pandas_is_left_out_and_a_named_one_is_a_column() -> None:
    frame = pd.DataFrame({**TWO, "n": [1, 2]})
    assert list(read_arrow(frame[frame.n > 1])) == [("b", "shared", {"n": 2})]
    assert list(read_arrow(frame.set_index("customer_id"))) == [
        ("a", "liked", {"n": 1}),
        ("b", "shared", {"n": 2}),
    ]


def test_mixed_cells_of_pandas_are_refused_without_showing_them() -> None:
    frame = pd.DataFrame({**TWO, "v": pd.Series([1, "secret"], dtype=object)})
    with pytest.raises(SourceError) as caught:
        list(read_arrow(frame))
    assert str(caught.value) == (
        "the table: cannot be read (ArrowInvalid): Conversion failed for column v with type object; "
        "all cells of a column must have the same type"
    )


def test_the_fault_of_spark_with_timestamps_is_explained() -> None:
    # As Spark 4.3 raises it.
    def export(*_: object) -> object:
        raise AssertionError

    kind = type("DataFrame", (), {"__module__": "pyspark.sql.dataframe", "__arrow_c_stream__": export})
    with pytest.raises(SourceError, match="Spark cannot export TIMESTAMP columns; cast them to"):
        next(read_arrow(kind()))


def test_an_error_in_the_middle_comes_after_the_rows_before_and_shows_nothing_of_them() -> None:
    batch = pa.record_batch(TWO)

    def batches() -> Iterator[pa.RecordBatch]:
        yield batch
        raise ValueError("secret")

    items, error = read_until_error(
        read_arrow(pa.RecordBatchReader.from_batches(batch.schema, batches()), name="the query")
    )
    assert len(items) == 2
    assert str(error) == "the query, row 3: cannot be read (ArrowInvalid)"
    assert error is not None
    assert error.__cause__ is None
    assert error.__context__ is None


def test_rows_are_counted_across_batches() -> None:
    table = pa.table({"customer_id": [str(n) for n in range(7_000)], "name": ["x"] * 7_000})
    reading = read_arrow(pa.Table.from_batches(table.to_batches(max_chunksize=900)))
    lines = [reading.line_of(ordinal) for ordinal, _ in enumerate(reading)]
    assert lines == list(range(1, 7_001))


def test_what_is_not_a_table_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"builtins\.list has no method __arrow_c_stream__: use pandas 2\.2"):
        read_arrow([])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nulls is 'keep' but must be omit or refuse"):
        read_arrow(pa.table(TWO), nulls="keep")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown type"):
        read_arrow(pa.table(TWO), types={"n": "integer"})


def test_a_time_keeps_an_offset_that_is_no_zone() -> None:
    offset = timezone(timedelta(hours=-3, minutes=-30))
    cells = pa.array([TIME.astimezone(offset)] * 2, pa.timestamp("us", tz="-03:30"))
    assert sent(pa.table({**TWO, "at": cells}))[0] == {"at": "2026-01-31T08:30:00-03:30"}


MEMORY = """
import resource, sys
import pyarrow as pa
from gameball.sources import read_arrow

batch = pa.record_batch({"customer_id": [f"c{n}" for n in range(10_000)], "name": ["x"] * 10_000})
def reader(count):
    return pa.RecordBatchReader.from_batches(batch.schema, (batch for _ in range(count)))
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert sum(1 for _ in read_arrow(reader(1))) == 10_000
before = peak()
print(sum(1 for _ in read_arrow(reader(int(sys.argv[1])))), (peak() - before) // 1024)
"""


def test_a_long_stream_is_never_held_in_memory() -> None:
    run = subprocess.run([sys.executable, "-c", MEMORY, "100"], check=True, capture_output=True, text=True)
    count, grown = map(int, run.stdout.split())
    assert count == 1_000_000
    assert grown < 16
