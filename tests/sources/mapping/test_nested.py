import io
from typing import Any

import orjson
import pyarrow as pa
import pytest
from source_files import read_until_error

from gameball.sources import read_arrow, read_csv, read_jsonl, read_sql
from gameball.sources.mapping.nested import find_path, move_up


def jsonl(*rows: dict[str, Any]) -> io.BytesIO:
    return io.BytesIO(b"\n".join(map(orjson.dumps, rows)))


def test_a_nested_field_can_be_the_customer_or_the_name_in_every_format() -> None:
    row = {"user": {"id": "c-1", "city": "Cairo"}, "action": {"name": "liked"}, "n": 1}
    rename = {"customer_id": "user.id", "name": "action.name"}
    expected = [("c-1", "liked", {"user": {"city": "Cairo"}, "n": 1})]
    assert list(read_jsonl(jsonl(row), rename=rename)) == expected
    assert list(read_arrow(pa.Table.from_pylist([row]), rename=rename)) == expected
    query = "SELECT {'id': 'c-1', 'city': 'Cairo'} AS user, {'name': 'liked'} AS action, 1 AS n"
    assert list(read_sql(query, rename=rename)) == expected


def test_a_json_column_of_a_csv_file_can_have_the_customer() -> None:
    content = b'user,name\n"{""id"": ""c-1"", ""city"": ""Cairo""}",liked\n'
    found = list(read_csv(io.BytesIO(content), types={"user": "json"}, rename={"customer_id": "user.id"}))
    assert found == [("c-1", "liked", {"user": {"city": "Cairo"}})]


def test_a_field_with_a_dot_in_its_own_name_wins_over_a_nested_one() -> None:
    row = {"user.id": "own", "user": {"id": "nested"}, "name": "liked"}
    assert list(read_jsonl(jsonl(row), rename={"customer_id": "user.id"})) == [
        ("own", "liked", {"user": {"id": "nested"}})
    ]


def test_an_object_without_the_nested_field_is_a_problem_of_its_line() -> None:
    rows = jsonl({"user": {"id": "a"}, "name": "liked"}, {"user": {}, "name": "liked"})
    items, error = read_until_error(read_jsonl(rows, rename={"customer_id": "user.id"}))
    assert items == [("a", "liked", {})]
    assert error is not None
    assert (error.line, error.reason) == (2, "has no user.id, which is mapped to customer_id")


def test_a_table_without_the_outer_column_is_refused_with_its_columns() -> None:
    table = pa.table({"customer": ["a"], "name": ["liked"]})
    _, error = read_until_error(read_arrow(table, rename={"customer_id": "user.id"}))
    assert error is not None
    assert error.reason == (
        "has no column user.id, which is mapped to customer_id; its columns are customer, name"
    )


@pytest.mark.parametrize(
    ("fields", "name", "path"),
    [
        ({"a": {"b": {"c": 1}}}, "a.b.c", ("a", "b", "c")),
        ({"a.b": {"c": 1}, "a": {"b": {"c": 2}}}, "a.b.c", ("a.b", "c")),
        ({"a": {"b.c": 1}}, "a.b.c", ("a", "b.c")),
        ({"a": 1}, "a.b", None),
        ({}, "a", None),
    ],
)
def test_the_longest_name_of_an_object_wins(
    fields: dict[str, Any], name: str, path: tuple[str, ...] | None
) -> None:
    assert find_path(fields, name) == path


def test_moving_a_field_up_leaves_the_row_as_it_was() -> None:
    row = {"a": {"b": 1, "c": 2}, "d": {"e": 3}}
    assert move_up(row, ["a.b", "d.e", "no.such"]) == {"a": {"c": 2}, "a.b": 1, "d.e": 3}
    assert row == {"a": {"b": 1, "c": 2}, "d": {"e": 3}}
