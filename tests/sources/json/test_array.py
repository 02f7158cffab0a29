"""Files that are one JSON array: however they are divided into blocks, damaged or long."""

import json
import tracemalloc
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_files import COMPRESS, customers, line, problems, read_until_error, write

from gameball import SourceError
from gameball.sources import find_source, read_json
from gameball.sources.json.array import split_array

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-999, 999)
    | st.text(st.sampled_from('a"\\{}[],:\n é'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def in_blocks(content: bytes, size: int) -> Generator[bytes, None, None]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def split(content: bytes, size: int) -> tuple[list[tuple[int, int, bytes]], str | None]:
    """Return the number, line and text of each item, and the error."""
    found: list[tuple[int, int, bytes]] = []
    try:
        for block in split_array(in_blocks(content, size), "a.json"):
            for index, text in enumerate(block.lines):
                found.append((block.first + index, block.at[index], text))
    except SourceError as error:
        return found, str(error)
    return found, None


@given(
    values=st.lists(VALUES, max_size=6),
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf", b" \r\n"]),
    size=st.integers(1, 80),
)
def test_for_any_array_and_any_blocks_the_items_are_those_of_python(
    values: list[Any], indent: int | None, ascii_only: bool, mark: bytes, size: int
) -> None:
    content = mark + json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode() + b"\n"
    found, error = split(content, size)
    assert error is None
    assert [json.loads(text) for _, _, text in found] == values
    assert [number for number, _, _ in found] == list(range(1, len(values) + 1))
    lines = content.split(b"\n")
    for _, at, text in found:
        assert text.split(b"\n")[0] in lines[at - 1]


@given(
    values=st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), min_size=1, max_size=6),
    cut=st.integers(1),
    size=st.integers(1, 80),
)
def test_for_any_cut_the_complete_items_are_given_and_then_an_error(
    values: list[Any], cut: int, size: int
) -> None:
    content = json.dumps(values).encode()
    content = content[: 1 + cut % (len(content) - 1)]
    found, error = split(content, size)
    assert [json.loads(text) for _, _, text in found] == values[: len(found)]
    # An item is complete when the comma after it has been read.
    starts = [json.dumps(values[:count]).encode()[:-1] + b"," for count in range(1, len(values))]
    complete = sum(content.startswith(start) for start in starts)
    assert len(found) == complete
    assert error is not None
    assert f"item {len(found) + 1}: is truncated: the end of its array is missing" in error


@given(
    content=st.binary(max_size=60) | st.text(st.sampled_from('[]{},:"\\1a \n'), max_size=60).map(str.encode)
)
@pytest.mark.parametrize("before", [b"[", b'[{"customer_id": "a", "name": "b"},'])
def test_what_is_not_an_array_is_the_same_in_any_blocks_and_never_accepted_as_one(
    before: bytes, content: bytes
) -> None:
    whole = before + content
    as_one, error = split(whole, 1000)
    assert split(whole, 1) == (as_one, error)
    try:
        expected = json.loads(whole)
    except ValueError:
        texts = [text for _, _, text in as_one]
        assert error is not None or not all(map(is_json, texts))
    else:
        assert [json.loads(text) for _, _, text in as_one] == expected
        assert error is None


def is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_numbers_stay_exact_and_repeated_keys_are_refused_with_their_place(tmp_path: Path) -> None:
    content = b"""[
  {"customer_id": "a", "name": "paid", "total": 12345678901234567.25},
  {"customer_id": "b", "name": "paid", "name": "paid"},

  7, {"customer_id": "c", "name": "paid", "n": 123456789012345678901234567890},,
  {"customer_id": "d", "name": "paid"} {"customer_id": "e", "name": "paid"},
  {"customer_id": "f", "name": "paid"}
]"""
    path = write(tmp_path, "a.json", content)
    found: list[SourceError] = []
    items = list(read_json(path, on_problem=found.append))
    assert customers(items) == ["a", "f"]
    assert items[0][2] == {"total": Decimal("12345678901234567.25")}  # type: ignore[index]
    assert [(error.unit, error.line) for error in found] == [("item", n) for n in (2, 3, 4, 5, 6)]
    assert str(found[0]) == f"{path}, item 2: has the key name more than once in an object (line 3)"
    assert str(found[1]) == f"{path}, item 3: is not a JSON object (line 5)"
    assert found[4].reason.startswith("is not JSON")
    assert problems(find_source(str(path))) == [(error.line, error.reason) for error in found]
    rows = list(find_source(str(path)).rows(max_bytes=1000))
    assert [(row.line, row.position) for row in rows if row.position is not None] == [(1, 0), (7, 1)]


@pytest.mark.parametrize("ending", COMPRESS)
def test_json_lines_in_a_file_named_json_are_read(tmp_path: Path, ending: str) -> None:
    content = b"\n" + line("a") + b"\n" + line("b") + b"\nno event\n"
    path = write(tmp_path, f"a.json{ending}", COMPRESS[ending](content))
    items, error = read_until_error(find_source(str(path)).read())
    assert customers(items) == ["a", "b"]
    assert error is not None
    assert str(error).startswith(f"{path}, line 4: is not JSON")


@pytest.mark.parametrize("content", [b"", b" \n", b"[]", b"\xef\xbb\xbf[ \n ]\n"])
def test_an_empty_file_and_an_empty_array_have_no_items(tmp_path: Path, content: bytes) -> None:
    assert list(read_json(write(tmp_path, "a.json", content))) == []


def test_text_after_the_array_is_an_error_after_its_items(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", b"[" + line("a") + b"]\n[" + line("b") + b"]")
    items, error = read_until_error(read_json(path))
    assert customers(items) == ["a"]
    assert str(error) == f"{path}: has more text after the end of its array: a file must have one array"


def test_an_item_that_is_too_long_is_skipped_in_constant_memory(tmp_path: Path) -> None:
    long = b'{"text": "' + b'\\"{' * 4_000_000 + b'"}'
    path = write(tmp_path, "a.json", b"[" + line("a") + b",\n" + long + b",\n" + line("b") + b"]")
    del long
    found: list[SourceError] = []
    tracemalloc.start()
    try:
        assert customers(read_json(path, on_problem=found.append)) == ["a", "b"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [str(error) for error in found] == [
        f"{path}, item 2: is longer than the maximum of 8 MiB (line 1)"
    ]
    assert peak < 20_000_000


def test_a_large_array_is_read_in_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    row = orjson.dumps({"customer_id": "a", "name": "liked", "metadata": {"text": "x" * 100}})
    path.write_bytes(b"[" + b",".join([row] * 30_000) + b"]")
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_json(path)) == 30_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000
