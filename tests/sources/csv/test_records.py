"""Reading CSV files: the header, the types of cells, and what becomes of a row that is broken."""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_files import customers, problems, read_until_error, write

from gameball import CustomerEvents, SourceError
from gameball.sources import Source, read_csv

MEBIBYTE = 1024 * 1024


def read(
    content: str, types: Mapping[str, str] | None = None, rename: Mapping[str, str] | None = None
) -> list[Any]:
    return list(read_csv(io.BytesIO(content.encode()), types=types, rename=rename))


def refused(
    content: str | bytes, types: Mapping[str, str] | None = None, rename: Mapping[str, str] | None = None
) -> tuple[int | None, str]:
    file = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    _, error = read_until_error(read_csv(file, types=types, rename=rename))
    assert error is not None
    return error.line, error.reason


def test_columns_beside_customer_and_name_are_the_metadata() -> None:
    content = "customer_id,song_id,name,length\nc-1,231403,liked,213\nc-2,,shared,\n"
    assert read(content) == [
        ("c-1", "liked", {"song_id": "231403", "length": "213"}),
        ("c-2", "shared", {"song_id": "", "length": ""}),
    ]
    assert read("name,customer_id\nliked,c\n") == [("c", "liked", {})]


def test_a_column_of_json_may_be_the_metadata() -> None:
    content = 'customer_id,name,metadata\nc,liked,"{""n"": [1, 2]}"\nd,shared,\n'
    assert read(content, {"metadata": "json"}) == [("c", "liked", {"n": [1, 2]}), ("d", "shared", {})]


def test_a_table_of_rows_as_they_are_sent_can_be_read() -> None:
    content = 'customerId,events\nc,"{""liked"": {}}"\n'
    assert read(content, {"events": "json"}) == [CustomerEvents("c", {"liked": {}})]


TIME = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("type_name", "cell", "value"),
    [
        ("text", " 7 ", " 7 "),
        ("text", "", ""),
        ("int", "7", 7),
        ("int", " -7 ", -7),
        ("int", "+007", 7),
        ("int", str(2**64 - 1), 2**64 - 1),
        ("int", "517.0", 517),
        ("int", "-9007199254740993.00", -9007199254740993),
        ("int", "", None),
        ("decimal", "0.10", Decimal("0.10")),
        ("decimal", " 12345678901234567890.1 ", Decimal("12345678901234567890.1")),
        ("decimal", "", None),
        ("float", "0.12345678901234567890", Decimal("0.12345678901234567890")),
        ("float", "7", 7.0),
        ("float", "-1.5e3", -1500.0),
        ("float", " ", None),
        ("bool", "TRUE", True),
        ("bool", "yes", True),
        ("bool", "1", True),
        ("bool", "False", False),
        ("bool", "No", False),
        ("bool", "0", False),
        ("bool", "", None),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("date", "", None),
        ("datetime", "2026-01-31T12:00:00Z", TIME),
        ("datetime", "2026-01-31 14:00+02:00", TIME.astimezone(timezone(timedelta(hours=2)))),
        ("datetime", "2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123456789+00:00"),
        ("datetime", "2026-01-31T12:00:00.000000000Z", TIME),
        ("datetime", "", None),
        ("datetime-utc", "2026-01-31T12:00:00", TIME),
        ("datetime-utc", "2026-01-31T14:00:00+02:00", TIME),
        ("datetime-utc", "2026-01-31T12:00:00,0000001", "2026-01-31T12:00:00.0000001+00:00"),
        ("datetime-utc", "", None),
        ("json", "[1]", [1]),
        ("json", "null", None),
        ("json", "", None),
    ],
)
def test_a_cell_is_of_its_columns_type(type_name: str, cell: str, value: object) -> None:
    ((_, _, metadata),) = read(f'customer_id,name,x\nc,n,"{cell}"\n', {"x": type_name})
    assert metadata == {"x": value}
    assert type(metadata["x"]) is type(value)


@pytest.mark.parametrize(
    ("type_name", "cell", "reason"),
    [
        ("int", "7.5", "x is not an integer"),
        ("decimal", "secret", "x is not a finite number"),
        ("decimal", "NaN", "x is not a finite number"),
        ("decimal", "1e99999999999999999999", "x is not a finite number"),
        ("int", "1_000", "x is not an integer"),
        ("int", "٣", "x is not an integer"),
        ("int", "9" * 5000, "x is not an integer"),
        ("int", str(2**64), "x is an integer of more than 64 bits; send it as a string"),
        ("float", "secret", "x is not a finite number"),
        ("float", "1_0.0", "x is not a finite number"),
        ("float", "nan", "x is not a finite number"),
        ("float", "1e999", "x is not a finite number"),
        ("bool", "secret", "x is not one of true, false, yes, no, 1 and 0"),
        ("date", "31.1.2026", "x is not an ISO 8601 date, such as 2026-01-31"),
        ("date", "2026-02-30", "x is not an ISO 8601 date, such as 2026-01-31"),
        ("datetime", "secret", "x is not an ISO 8601 time, such as 2026-01-31T12:00:00Z"),
        (
            "datetime",
            "2026-01-31T12:00:00",
            "x has no time zone; use the type datetime-utc to read it as UTC",
        ),
        ("datetime-utc", "secret", "x is not an ISO 8601 time, such as 2026-01-31T12:00:00Z"),
        ("json", "{secret", "x is not JSON ("),
        ("json", "18446744073709551616", "x is an integer of more than 64 bits; send it as a string"),
    ],
)
def test_a_cell_that_is_not_of_its_type_is_told_with_its_column(
    type_name: str, cell: str, reason: str
) -> None:
    number, told = refused(f"customer_id,name,x\nc,n,\nc,n,{cell}\n", {"x": type_name})
    assert number == 3
    assert told.startswith(reason)
    assert "secret" not in told


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("", None, "has no header line"),
        ("\n\n", None, "has no header line"),
        ("\ncustomer_id,name,\nc,n,1\n", 2, "column 3 of 3 has no name"),
        ("customer_id,name,a,b,a,b,a\n", 1, "has several columns named a, b"),
        (
            "name,a\n",
            1,
            "has no customer_id; map a field to it with --map customer_id=FIELD; its columns are name, a",
        ),
        (
            "customer_id;name;a\nc;n;1\n",
            1,
            (
                "has no customer_id; map a field to it with --map customer_id=FIELD; "
                "its columns are customer_id;name;a"
            ),
        ),
        (
            "customer_id,a\n",
            1,
            "has no name; map a field to it with --map name=FIELD; its columns are customer_id, a",
        ),
        (
            "customer_id,name,metadata,a,b\n",
            1,
            "has the fields a, b in addition to customer_id, name, metadata",
        ),
        ('customer_id,"name\n', 1, "has an unclosed quote"),
    ],
)
def test_a_header_that_fits_no_event_ends_the_reading(content: str, line: int | None, reason: str) -> None:
    assert refused(content) == (line, reason)
    reading = read_csv(io.BytesIO(content.encode()), on_problem=lambda _: None)
    with pytest.raises(SourceError):
        list(reading)


def test_a_header_that_is_no_text_ends_the_reading() -> None:
    assert refused(b"customer_id,name,\xff\n") == (1, "is not UTF-8 (byte 18)")


def test_names_that_are_not_in_the_header_are_told() -> None:
    header = "customer_id,name,a\n"
    its_columns = "; its columns are customer_id, name, a"
    no_type = f"has no column b, for which a type is given{its_columns}"
    assert refused(header, {"b": "int", "a": "int"}) == (1, no_type)
    assert refused(header, None, {"x": "y"}) == (1, f"has no column y, which is mapped to x{its_columns}")
    assert refused(header, None, {"a": "name"}) == (1, "has both a field a and name, which is mapped to it")


def test_columns_are_renamed_and_typed_by_their_names_in_the_file() -> None:
    content = "user,action,len\nc,liked,213\n"
    rename = {"customer_id": "user", "name": "action", "length": "len"}
    assert read(content, {"len": "int"}, rename) == [("c", "liked", {"length": 213})]
    with pytest.raises(
        ValueError, match="column 'len' has the unknown type 'number'; the types are text, int"
    ):
        read(content, {"len": "number"}, rename)


def found_in(tmp_path: Path, content: bytes) -> tuple[list[tuple[int, str]], list[tuple[int | None, str]]]:
    source = Source(path=write(tmp_path, "events.csv", content), format="csv", _block_size=9)
    reading = source.read(lambda _: None)
    given = [(reading.line_of(ordinal), item) for ordinal, item in enumerate(customers(reading))]
    exact = list(source.rows(max_bytes=10_000))
    assert [(row.line, row.problem) for row in exact if row.fields is None] == problems(source)
    assert [(row.line, row.fields["customer_id"]) for row in exact if row.fields is not None] == given
    return given, problems(source)


def test_blank_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf\r\ncustomer_id,name\r\n\r\na,liked\r\n  \r\nb,liked\r\n\r\n"
    assert found_in(tmp_path, content) == ([(4, "a"), (6, "b")], [])


def test_a_row_of_several_lines_is_on_the_first_of_them(tmp_path: Path) -> None:
    content = b'customer_id,name,note\na,liked,"one\n\ntwo"\nb,liked,x\n"c\n",liked,"\r\n"\nd,liked,x'
    assert found_in(tmp_path, content) == ([(2, "a"), (5, "b"), (6, "c\n"), (9, "d")], [])
    rows = list(read_csv(io.BytesIO(content)))
    assert rows[0] == ("a", "liked", {"note": "one\n\ntwo"})
    assert rows[2] == ("c\n", "liked", {"note": "\r\n"})


def test_rows_of_another_width_are_problems(tmp_path: Path) -> None:
    content = b'customer_id,name\na,liked\nb\nc,liked,1\n"d","li\nked",\ne,liked\n'
    good, bad = found_in(tmp_path, content)
    assert good == [(2, "a"), (7, "e")]
    assert bad == [
        (3, "has 1 cells, but the header has 2"),
        (4, "has 3 cells, but the header has 2"),
        (5, "has 3 cells, but the header has 2"),
    ]


def test_a_quote_that_is_not_closed_costs_only_its_own_line(tmp_path: Path) -> None:
    content = b'customer_id,name\na,liked\nb,"liked\nc,liked\nd,"liked"\ne,liked\n'
    good, bad = found_in(tmp_path, content)
    assert good == [(2, "a"), (4, "c"), (5, "d"), (6, "e")]
    assert bad == [(3, "is not CSV (',' expected after '\"')")]
    good, bad = found_in(tmp_path, b'customer_id,name\na,liked\nb,"liked\nc,liked\nd,liked\n')
    assert good == [(2, "a"), (4, "c"), (5, "d")]
    assert bad == [(3, "has an unclosed quote")]


def test_a_quote_that_is_not_closed_does_not_swallow_a_large_file(tmp_path: Path) -> None:
    rows = b"".join(b"customer-%d,liked\n" % number for number in range(20_000))
    source = Source(path=write(tmp_path, "a.csv", b'customer_id,name\nb,"liked\n' + rows), format="csv")
    found: list[SourceError] = []
    assert len(list(source.read(found.append))) == 20_000
    assert [(error.line, error.reason[:35]) for error in found] == [
        (2, "has a cell of more than 131,072 cha")
    ]


def test_a_row_that_grows_too_long_is_a_problem(tmp_path: Path) -> None:
    cells = b",".join([b'"' + b"x" * 100_000 + b'\n"'] * 100)
    content = b"customer_id,name\n" + cells + b"\na,liked\n"
    source = Source(path=write(tmp_path, "a.csv", content), format="csv")
    found: list[SourceError] = []
    assert customers(source.read(found.append)) == ["a"]
    assert found[0].line == 2
    assert found[0].reason == "is longer than the maximum of 8 MiB"


def test_a_line_that_is_too_long_is_a_problem_wherever_it_is(tmp_path: Path) -> None:
    long = b"x" * (8 * MEBIBYTE + 1)
    content = b"customer_id,name\n" + long + b'\na,liked\n"b\n' + long + b'",liked\nc,liked\n'
    source = Source(path=write(tmp_path, "a.csv", content), format="csv")
    reason = "is longer than the maximum of 8 MiB"
    good = source.read(lambda _: None)
    assert customers(good)[0] == "a"
    assert problems(source)[:2] == [(2, reason), (4, "has an unclosed quote")]
    rows = list(source.rows(max_bytes=1000))
    assert rows[0].text == "x" * 1000


def test_a_row_that_is_no_text_is_a_problem_and_no_other(tmp_path: Path) -> None:
    content = b'customer_id,name\na,liked\nb,\xff\nc,liked\n"d\xe4\n",liked\ne,"\xff\nf,liked\n'
    good, bad = found_in(tmp_path, content)
    assert good == [(2, "a"), (4, "c"), (8, "f")]
    assert bad == [(3, "is not UTF-8 (byte 3)"), (5, "is not UTF-8 (byte 3)"), (7, "is not UTF-8 (byte 4)")]
    (_, row, *_) = Source(path=tmp_path / "events.csv", format="csv").rows(max_bytes=1000)
    assert row.text == "b,\\xff"


def test_a_carriage_return_within_a_row_is_a_problem(tmp_path: Path) -> None:
    good, bad = found_in(tmp_path, b"customer_id,name\na,liked\rb,liked\nc,liked\n")
    assert good == [(3, "c")]
    assert bad == [(2, "has a carriage return that is neither in quotes nor at the end of the line")]


def test_the_content_of_a_row_is_in_no_message() -> None:
    for content in (b"secret", b'secret,"secret', b"secret,\xff", b"secret,secret,secret"):
        line, reason = refused(b"customer_id,name\n" + content + b"\n")
        assert line == 2
        assert "secret" not in reason


CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=8),
    size=st.integers(1, 100),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_for_any_cells_what_is_written_is_read(
    rows: list[tuple[str, str, str, str]], size: int, ending: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([("customer_id", "name", "a", "b"), *rows])
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(text.getvalue().encode())
    reading = Source(path=path, format="csv", _block_size=size).read()
    number = 2
    for ordinal, ((customer_id, name, a, b), item) in enumerate(zip(rows, reading, strict=True)):
        assert item == (customer_id, name, {"a": a, "b": b})
        assert reading.line_of(ordinal) == number
        number += 1 + sum(cell.count("\n") for cell in (customer_id, name, a, b))
