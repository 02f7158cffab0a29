import io
from typing import Any

import pyarrow as pa
import pytest
from source_files import customers, line

from gameball import SourceError  # noqa: TC001
from gameball.sources import find_source, read_arrow, read_csv, read_jsonl, read_sql


def test_only_the_first_rows_are_read_in_every_format() -> None:
    ids = [f"c-{number}" for number in range(5_000)]
    names = ["liked"] * len(ids)
    readings = [
        read_jsonl(io.BytesIO(b"\n".join(map(line, ids))), limit=300),
        read_csv(
            io.BytesIO(("customer_id,name\n" + "".join(f"{one},liked\n" for one in ids)).encode()), limit=300
        ),
        read_arrow(pa.table({"customer_id": ids, "name": names}), limit=300),
        read_sql("SELECT 'c-' || i AS customer_id, 'liked' AS name FROM range(5000) t(i)", limit=300),
    ]
    for reading in readings:
        assert customers(reading) == ids[:300]
        assert reading.reached_limit


def test_a_source_that_is_shorter_than_the_limit_is_read_to_its_end() -> None:
    reading = read_jsonl(io.BytesIO(line("a")), limit=2)
    assert customers(reading) == ["a"]
    assert not reading.reached_limit


def test_rows_that_are_not_events_count_and_blank_lines_do_not() -> None:
    problems: list[SourceError] = []
    content = io.BytesIO(b"\n" + line("a") + b"\n!\n\n" + line("b") + b"\n" + line("c"))
    assert customers(read_jsonl(content, limit=3, on_problem=problems.append)) == ["a", "b"]
    assert [problem.line for problem in problems] == [3]


def test_a_limit_that_ends_with_a_row_that_is_no_event_reads_no_further() -> None:
    problems: list[SourceError] = []
    content = io.BytesIO(line("a") + b"\n!\n" + line("b"))
    reading = read_jsonl(content, limit=2, on_problem=problems.append)
    assert customers(reading) == ["a"]
    assert reading.reached_limit
    assert len(problems) == 1


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_reads_nothing_is_refused(limit: int) -> None:
    options: dict[str, Any] = {"limit": limit}
    with pytest.raises(ValueError, match="at least 1 row"):
        find_source("events.csv", **options)
