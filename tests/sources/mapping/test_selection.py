import io
from typing import Any

import orjson
import pyarrow as pa
import pytest
from source_files import read_until_error

from gameball.sources import Reading, find_source, read_arrow, read_csv, read_jsonl, read_sql

ROW = {"customer_id": "c", "name": "liked", "city": "Cairo", "email": "a@example.com", "n": 1}


def read(kind: str, **options: Any) -> Reading:
    if kind == "jsonl":
        return read_jsonl(io.BytesIO(orjson.dumps(ROW)), **options)
    if kind == "csv":
        content = ",".join(ROW) + "\n" + ",".join(map(str, ROW.values())) + "\n"
        return read_csv(io.BytesIO(content.encode() * 1), types={"n": "int"}, **options)
    if kind == "arrow":
        return read_arrow(pa.Table.from_pylist([ROW]), **options)
    return read_sql(
        "SELECT 'c' AS customer_id, 'liked' AS name, 'Cairo' AS city, 'a@example.com' AS email, 1 AS n",
        **options,
    )


KINDS = ["jsonl", "csv", "arrow", "sql"]


@pytest.mark.parametrize("kind", KINDS)
def test_only_selected_columns_become_metadata(kind: str) -> None:
    options: dict[str, Any] = {"select": ["city", "n"]}
    assert list(read(kind, **options)) == [("c", "liked", {"city": "Cairo", "n": 1})]


@pytest.mark.parametrize("kind", KINDS)
def test_dropped_columns_are_not_sent(kind: str) -> None:
    assert list(read(kind, drop=["email"])) == [("c", "liked", {"city": "Cairo", "n": 1})]


@pytest.mark.parametrize("kind", KINDS)
def test_columns_can_be_mapped_and_chosen_at_the_same_time(kind: str) -> None:
    found = list(read(kind, rename={"customer_id": "email"}, drop=["city", "customer_id"]))
    assert found == [("a@example.com", "liked", {"n": 1})]
    selected = list(read(kind, rename={"town": "city"}, select=["n"]))
    assert selected == [("c", "liked", {"n": 1, "town": "Cairo"})]


def test_many_csv_rows_are_chosen_like_one() -> None:
    content = "customer_id,name,city,email\n" + "c,liked,Cairo,a@example.com\n" * 500
    assert (
        list(read_csv(io.BytesIO(content.encode()), drop=["email"]))
        == [("c", "liked", {"city": "Cairo"})] * 500
    )


def test_a_dropped_field_is_not_sent_within_the_metadata_either() -> None:
    line = b'{"customer_id": "c", "name": "liked", "metadata": {"email": "a", "city": "Cairo"}}'
    assert list(read_jsonl(io.BytesIO(line), drop=["email"])) == [("c", "liked", {"city": "Cairo"})]
    assert list(read_jsonl(io.BytesIO(line), select=["city"])) == [("c", "liked", {"city": "Cairo"})]


def test_a_row_in_the_format_of_gameball_is_refused_because_its_fields_cannot_be_chosen() -> None:
    line = b'{"customerId": "c", "events": {"liked": {"email": "a"}}}'
    _, error = read_until_error(read_jsonl(io.BytesIO(line), drop=["email"]))
    assert error is not None
    assert "cannot be selected or dropped" in error.reason


@pytest.mark.parametrize("kind", ["csv", "arrow", "sql"])
@pytest.mark.parametrize(("option", "said"), [("select", "which is selected"), ("drop", "which is dropped")])
def test_a_chosen_column_that_a_table_does_not_have_is_an_error_with_its_columns(
    kind: str, option: str, said: str
) -> None:
    _, error = read_until_error(read(kind, **{option: ["e-mail"]}))
    assert error is not None
    assert error.reason == (
        f"has no column e-mail, {said}; its columns are customer_id, name, city, email, n"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"select": ["a"], "drop": ["b"]}, "both selected and dropped"),
        ({"select": []}, "no column is selected"),
        ({"drop": [""]}, "empty name"),
        ({"drop": ["user"], "rename": {"customer_id": "user"}}, "it is mapped to customer_id"),
        ({"drop": ["customer_id"]}, "events need it"),
    ],
)
def test_choices_that_contradict_each_other_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        find_source("events.csv", **options)


@pytest.mark.parametrize("option", ["select", "drop"])
def test_one_text_instead_of_several_names_is_refused(option: str) -> None:
    choice: dict[str, Any] = {option: "email"}
    with pytest.raises(TypeError, match=option):
        read_jsonl("events.jsonl", **choice)
