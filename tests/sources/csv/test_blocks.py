"""Blocks of CSV rows that are converted at once give what the same rows give one by one."""

import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gameball import SourceError
from gameball.sources.csv.blocks import split_rows
from gameball.sources.csv.dialect import Dialect
from gameball.sources.csv.records import csv_items, csv_records
from gameball.sources.files.lines import LineBlock, split_lines
from gameball.sources.mapping.columns import Columns
from gameball.sources.mapping.row_mapping import RowMapping
from gameball.sources.records.progress import ReadProgress
from gameball.sources.records.record import item_of

HEADER = "customer_id,name,n,text\n"
ROW = "c-1,liked,7,some words\n"

Found = tuple[list[tuple[int, Any]], list[tuple[int | None, str]]]


def blocks_of(content: bytes, size: int) -> Any:
    pieces = (content[start : start + size] for start in range(0, len(content), size))
    return split_lines(pieces, "the file")


def read_by_block(content: bytes, size: int, columns: Columns, dialect: Dialect) -> Found:
    """Return the line and the item of each event, and the line and the reason of each problem."""
    progress = ReadProgress()
    found: list[tuple[int, Any]] = []
    problems: list[SourceError] = []
    try:
        for ordinal, item in enumerate(
            csv_items(
                blocks_of(content, size),
                columns,
                "the file",
                dialect,
                progress=progress,
                on_problem=problems.append,
            )
        ):
            found.append((progress.line_of(ordinal), item))
    except SourceError as error:
        problems.append(error)
    return found, [(error.line, error.reason) for error in problems]


def read_one_by_one(content: bytes, size: int, columns: Columns, dialect: Dialect) -> Found:
    found: list[tuple[int, Any]] = []
    problems: list[SourceError] = []
    try:
        for record in csv_records(blocks_of(content, size), columns, "the file", dialect):
            item = item_of(record, columns.mapping, problems.append, name="the file", unit="line")
            if item is not None:
                found.append((record.line, item))
    except SourceError as error:
        problems.append(error)
    return found, [(error.line, error.reason) for error in problems]


LINES = st.lists(
    st.one_of(
        st.just(ROW),
        st.just('c-2,"li, ked",8,"a ""word"""\n'),
        st.just('c-3,liked,9,"two\nlines"\n'),
        st.just("c-4,liked,NA,\r\n"),
        st.just("c-5,liked,x,not a number\n"),
        st.just('c-6,liked,1,"not closed\n'),
        st.just("\n"),
        st.text(st.sampled_from('c,1"\r\n é'), max_size=12).map(lambda text: text + "\n"),
    ),
    max_size=40,
)


@given(
    lines=LINES,
    size=st.integers(20, 400),
    types=st.sampled_from([{}, {"n": "int"}, {"n": "int", "customer_id": "text"}]),
    mapping=st.sampled_from(
        [
            RowMapping(),
            RowMapping(rename={"name": "text"}),
            RowMapping(constants={"level": "gold"}),
            RowMapping(rename={"k": "n"}),
        ]
    ),
    null=st.sampled_from([None, "NA"]),
    damaged=st.booleans(),
)
@example(lines=[ROW] * 30, size=200, types={"n": "int"}, mapping=RowMapping(), null=None, damaged=False)
def test_any_file_gives_the_same_by_blocks_as_row_by_row(
    lines: list[str], size: int, types: dict[str, str], mapping: RowMapping, null: str | None, damaged: bool
) -> None:
    content = (HEADER + "".join(lines)).encode()
    if damaged:
        content = content.replace("é".encode(), b"\xff")
    columns, dialect = Columns(mapping, types), Dialect(null=null)
    assert read_by_block(content, size, columns, dialect) == read_one_by_one(content, size, columns, dialect)


def test_rows_without_problems_are_converted_by_block() -> None:
    assert split_rows(LineBlock(1, [b"a,b", b"c,d"], b""), ",", '"', 2) == [["a", "b"], ["c", "d"]]
    assert split_rows(LineBlock(1, [b'a,"b, c"', b"d,e\r"], b""), ",", '"', 2) == [["a", "b, c"], ["d", "e"]]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b"a,b", b""], id="a blank line"),
        pytest.param([b"a,b", b"c"], id="another number of cells"),
        pytest.param([b'a,"b', b'c,d"'], id="a row of two lines"),
        pytest.param([b'a,"b'], id="a quote that is not closed"),
        pytest.param([b"a,b\rc,d"], id="a carriage return within a line"),
        pytest.param([b"a,\xff"], id="bytes that are not UTF-8"),
        pytest.param([b"a," + b"b" * 131_073], id="a cell that is too long"),
    ],
)
def test_other_blocks_are_left_to_be_read_row_by_row(lines: list[bytes]) -> None:
    assert split_rows(LineBlock(1, lines, b""), ",", '"', 2) is None


def test_json_values_of_two_events_are_not_one_object() -> None:
    content = b"customer_id,name,tags\n" + b"c,liked,[1]\n" * 30
    found, _ = read_by_block(content, 100, Columns(RowMapping(), {"tags": "json"}), Dialect())
    tags = [item[2]["tags"] for _, item in found]
    assert tags == [[1]] * 30
    assert len({id(one) for one in tags}) == 30


def test_integer_customers_become_text() -> None:
    content = b"customer_id,name\n" + b"17,liked\n" * 30
    found, _ = read_by_block(content, 100, Columns(RowMapping(), {"customer_id": "int"}), Dialect())
    assert [item for _, item in found] == [("17", "liked", {})] * 30


def test_the_lines_of_all_kinds_of_rows_are_known() -> None:
    content = io.StringIO()
    content.write(HEADER)
    for number in range(200):
        content.write('c,liked,1,"two\nlines"\n' if number % 50 == 7 else ROW)
    found, problems = read_by_block(content.getvalue().encode(), 300, Columns(RowMapping(), {}), Dialect())
    assert not problems
    assert [line for line, _ in found][:10] == [*range(2, 10), 11, 12]
    assert found[-1][0] == 1 + 200 + 4
