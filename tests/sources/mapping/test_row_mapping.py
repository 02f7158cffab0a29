"""Tables as they are: integer customer ids, and no column for the event name."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameball.errors import SourceError
from gameball.sources import read_arrow, read_csv, read_jsonl, read_parquet
from gameball.sources.mapping.row_mapping import RowMapping
from gameball.sources.source import find_source

PURCHASE = {"name": "purchase"}


@pytest.mark.parametrize(
    "line",
    [
        b'{"customer_id": 9223372036854775807, "name": "n", "metadata": {"a": 1}}\n',
        b'{"customer_id": 9223372036854775807, "name": "n", "a": 1}\n',
    ],
)
def test_an_integer_customer_id_of_jsonl_becomes_text(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(line)
    assert list(read_jsonl(path)) == [("9223372036854775807", "n", {"a": 1})]


def test_an_integer_customer_id_in_the_format_of_gameball_becomes_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"customerId": 7, "events": {"n": {}}}\n')
    (item,) = read_jsonl(path)
    assert getattr(item, "customer_id", None) == "7"


@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.uint64()])
def test_an_integer_customer_id_of_a_table_becomes_text(tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.table({"customer_id": pa.array([7, 8], kind), "name": ["n", "n"], "a": [1, 2]})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    expected = [("7", "n", {"a": 1}), ("8", "n", {"a": 2})]
    assert list(read_arrow(table)) == expected
    assert list(read_parquet(path)) == expected


@given(st.one_of(st.booleans(), st.floats(), st.none(), st.text()))
def test_only_integers_become_text(value: object) -> None:
    _, item, _ = RowMapping().interpret({"customer_id": value, "name": "n"})
    assert isinstance(item, tuple)
    assert item[0] is value


def test_one_name_can_be_set_for_all_rows_of_each_format(tmp_path: Path) -> None:
    table = pa.table({"customer_id": ["c"], "a": ["1"]})
    pq.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("customer_id,a\nc,1\n")
    (tmp_path / "a.jsonl").write_text('{"customer_id": "c", "a": "1"}\n')
    expected = [("c", "purchase", {"a": "1"})]
    assert list(read_csv(tmp_path / "a.csv", constants=PURCHASE)) == expected
    assert list(read_jsonl(tmp_path / "a.jsonl", constants=PURCHASE)) == expected
    assert list(read_parquet(tmp_path / "a.parquet", constants=PURCHASE)) == expected
    assert list(read_arrow(table, constants=PURCHASE)) == expected


def test_a_field_that_is_in_the_source_cannot_be_set(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("customer_id,name\nc,n\n")
    with pytest.raises(SourceError, match="has a field name, which is also set to one value for all"):
        list(read_csv(path, constants=PURCHASE))


def test_a_reject_that_has_the_value_already_is_accepted_with_the_same_options() -> None:
    row = {"customer_id": "c", "name": "purchase", "a": 1, "_rejected": {"outcome": "unsent"}}
    _, item, _ = RowMapping(constants=PURCHASE).interpret(row)
    assert item == ("c", "purchase", {"a": 1})


def test_a_field_cannot_be_both_mapped_and_set() -> None:
    with pytest.raises(ValueError, match="is set to a value, but it is empty or mapped as well"):
        find_source("a.csv", rename={"name": "action"}, constants=PURCHASE)


MAPPED = {"customer_id": "user", "name": "action"}


def test_a_column_called_name_is_metadata_if_another_one_is_mapped_to_the_name(tmp_path: Path) -> None:
    row = {"user": "c", "action": "buy", "name": "Ann", "n": "1"}
    table = pa.table({key: [value] for key, value in row.items()})
    pq.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("user,action,name,n\nc,buy,Ann,1\n")
    (tmp_path / "a.jsonl").write_text('{"user": "c", "action": "buy", "name": "Ann", "n": "1"}\n')
    expected = [("c", "buy", {"name": "Ann", "n": "1"})]
    assert list(read_csv(tmp_path / "a.csv", rename=MAPPED)) == expected
    assert list(read_jsonl(tmp_path / "a.jsonl", rename=MAPPED)) == expected
    assert list(read_parquet(tmp_path / "a.parquet", rename=MAPPED)) == expected
    assert list(read_arrow(table, rename=MAPPED)) == expected


def test_such_a_row_can_be_sent_again_from_a_rejects_file() -> None:
    mapping = RowMapping(rename=MAPPED)
    fields, item, _ = mapping.interpret({"user": "c", "action": "buy", "name": "Ann", "n": 1})
    again = mapping.interpret({**fields, "_rejected": {"outcome": "unsent"}})
    assert again[1] == item == ("c", "buy", {"name": "Ann", "n": 1})


def test_a_row_without_the_mapped_column_does_not_take_its_name_from_another_one() -> None:
    _, item, problem = RowMapping(rename=MAPPED).interpret({"user": "c", "name": "Ann"})
    assert (item, problem) == (None, "has both a field name and action, which is mapped to it")
