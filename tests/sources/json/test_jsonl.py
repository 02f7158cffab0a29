"""Reading JSON lines: what every line stands for, and what becomes of a line that is broken."""

import io
import pickle
import resource
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_files import customers, line, problems, read_until_error, write

from gameball import CustomerEvents, SourceError
from gameball.sources import Reading, Source, read_jsonl
from gameball.sources.files.lines import split_lines
from gameball.sources.json.jsonl import jsonl_items
from gameball.sources.mapping.row_mapping import RowMapping
from gameball.sources.records.progress import ReadProgress

MEBIBYTE = 1024 * 1024


def read_bytes(content: bytes, *, size: int = 64) -> Reading:
    progress = ReadProgress()
    blocks = (content[start : start + size] for start in range(0, len(content), size))
    return Reading(jsonl_items(split_lines(blocks, "bytes"), RowMapping(), "bytes", progress, None), progress)


def read_one(row: object, rename: Mapping[str, str] | None = None) -> Any:
    (item,) = read_jsonl(io.BytesIO(orjson.dumps(row)), rename=rename)
    return item


def reason_for(row: object, rename: Mapping[str, str] | None = None) -> str:
    items, error = read_until_error(read_jsonl(io.BytesIO(orjson.dumps(row)), rename=rename))
    assert items == []
    assert error is not None
    assert (error.source, error.line, error.unit) == ("the open file", 1, "line")
    return error.reason


def test_a_row_with_metadata_is_an_event() -> None:
    row = {"customer_id": "c", "name": "liked", "metadata": {"n": 1, "tags": ["Pop"]}}
    assert read_one(row) == ("c", "liked", {"n": 1, "tags": ["Pop"]})


def test_without_metadata_all_other_keys_are_the_metadata() -> None:
    assert read_one({"customer_id": "c", "name": "liked"}) == ("c", "liked", {})
    assert read_one({"n": 1, "customer_id": "c", "name": "liked"}) == ("c", "liked", {"n": 1})
    row = {"customer_id": "c", "name": "liked", "n": 1, "m": {"x": None}}
    assert read_one(row) == ("c", "liked", {"n": 1, "m": {"x": None}})


def test_a_row_as_it_is_sent_is_several_events_of_a_customer() -> None:
    row = {"customerId": "c", "events": {"liked": {"n": 1}, "shared": {}}}
    assert read_one(row) == CustomerEvents("c", {"liked": {"n": 1}, "shared": {}})


def test_values_are_left_to_the_send_to_check() -> None:
    assert read_one({"customer_id": None, "name": 7, "metadata": None}) == (None, 7, None)
    assert read_one({"customerId": " ", "events": []}) == CustomerEvents(" ", [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "has no customer_id; map a field to it with --map customer_id=FIELD"),
        (
            {"user": "c", "name": "liked"},
            "has no customer_id; map a field to it with --map customer_id=FIELD",
        ),
        ({"customer_id": "c", "action": "x"}, "has no name; map a field to it with --map name=FIELD"),
        (
            {"customerId": "c", "name": "x"},
            "has no customer_id; map a field to it with --map customer_id=FIELD",
        ),
        (
            {"customer_id": "c", "name": "x", "metadata": {}, "at": 1},
            "has the field at in addition to customer_id, name, metadata",
        ),
        (
            {"customer_id": "c", "name": "x", "metadata": {}, "at": 1, "by": 2},
            "has the fields at, by in addition to customer_id, name, metadata",
        ),
        (
            {"customerId": "c", "events": {}, "customer_id": "d"},
            "has the field customer_id in addition to customerId, events",
        ),
        (
            {"customerId": "c", "events": {}, **{f"f{n}": n for n in range(7)}},
            "has the fields f0, f1, f2, f3, f4 and 2 more in addition to customerId, events",
        ),
        (
            {"customerId": "c", "events": {}, "\x1b[2J" + "x" * 100: 1},
            "has the field ?[2J" + "x" * 56 + "… in addition to customerId, events",
        ),
        ([1, 2, 3], "is not a JSON object"),
        (["customer_id", "name"], "is not a JSON object"),
        ("abc", "is not a JSON object"),
        (123, "is not a JSON object"),
        (None, "is not a JSON object"),
    ],
)
def test_a_row_that_is_no_event_is_refused_with_what_would_cure_it(row: object, reason: str) -> None:
    assert reason_for(row) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"customer_id":"sec', "is not JSON (unexpected end of data, column 20)"),
        (b"{'customer_id':'secret'}", "is not JSON ("),
        (b'{"customer_id":"secret"} {}', "is not JSON ("),
        (b'{"customer_id":"secret","name":"n","metadata":{"n":NaN}}', "is not JSON ("),
        (b'{"customer_id":"secret","name":"n","metadata":{"n":1e999}}', "is not JSON (number is infinity"),
        (b'{"customer_id":"secret","name":"\\ud800","metadata":{}}', "is not JSON ("),
        (b'{"customer_id":"secret\xff","name":"n"}', "is not UTF-8 (byte 23)"),
        (b"\xff\xfe{\x00}\x00", "is not UTF-8 (byte 1)"),
        (b"[" * 2000 + b"]" * 2000, "is not JSON ("),
    ],
)
def test_a_line_that_is_no_json_is_told_without_what_it_holds(text: bytes, reason: str) -> None:
    content = b"\n".join([line("a"), text, line("b")])
    items, error = read_until_error(read_bytes(content))
    assert customers(items) == ["a"]
    assert error is not None
    assert error.line == 2
    assert error.reason.startswith(reason)
    assert "secret" not in str(error) + repr(error)
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, -(10**19), 10**30, -(10**25)])
@pytest.mark.parametrize(
    ("before", "place"),
    [
        ('{"customer_id":"c","name":"n","metadata":{"list":[1,', "metadata.list[1]"),
        ('{"x":[{"y":[1, ', "x[0].y[1]"),
    ],
)
def test_an_integer_that_would_lose_digits_is_refused(number: int, before: str, place: str) -> None:
    after = "]}}" if "metadata" in before else ' ]}],"customer_id":"c","name":"n"}'
    content = b"\n".join([line("a"), f"{before}{number}{after}".encode(), line("b")])
    items, error = read_until_error(read_bytes(content))
    assert customers(items) == ["a"]
    assert error is not None
    assert error.line == 2
    assert error.reason == f"{place} is an integer of more than 64 bits; send it as a string"


@pytest.mark.parametrize(
    "text", ["12345678901234567890123", " 12345678901234567890 ", "2026-01-02-03-04-05-06-07"]
)
def test_many_digits_are_no_problem_in_a_text(text: str) -> None:
    items = list(read_bytes(b"\n".join([line("a", metadata={"n": text, "f": 0.5}), line("b")])))
    assert items == [("a", "liked", {"n": text, "f": 0.5}), ("b", "liked", {})]


@given(number=st.integers(-(2**70), 2**70), place=st.integers(0, 7))
def test_for_any_integer_it_is_read_exactly_or_refused(number: int, place: int) -> None:
    # At every place within the sample of bytes that is looked at first.
    content = f'{" " * place}{{"customer_id":"c","name":"n","metadata":{{"n":{number}}}}}'.encode()
    items, error = read_until_error(read_bytes(content))
    if -(2**63) <= number < 2**64:
        assert items == [("c", "n", {"n": number})]
        assert error is None
    else:
        assert items == []
        assert error is not None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (b'{"customer_id":"a","customer_id":"b","name":"n","metadata":{}}', "customer_id"),
        (b'{"customer_id":"a","name":"n","metadata":{"n":1, "n" :2}}', "n"),
        (b'{"customer_id":"a","name":"n","x":[{"y":1},{"y":1,"y":1}]}', "y"),
        (b'{"customerId":"a","events":{"liked":{},"liked":{}}}', "liked"),
        (b'{"customer_id":"a","name":"n","metadata":{"n":1,"\\u006e":2}}', "n"),
    ],
)
def test_a_line_that_repeats_a_key_is_refused(text: bytes, key: str) -> None:
    items, error = read_until_error(read_bytes(b"\n".join([line("a"), text, line("b")])))
    assert customers(items) == ["a"]
    assert error is not None
    assert error.line == 2
    assert error.reason == f"has the key {key} more than once in an object"


def test_reading_goes_on_where_problems_are_taken_care_of(tmp_path: Path) -> None:
    content = b"\n".join([b"!", line("a"), b"[]", b"", b"?", line("b"), b"{}", b"null", line("c")])
    source = Source(path=write(tmp_path, "events.jsonl", content), format="jsonl")
    found: list[SourceError] = []
    reading = source.read(found.append)
    assert customers(reading) == ["a", "b", "c"]
    assert [error.line for error in found] == [1, 3, 5, 7, 8]
    assert {error.source for error in found} == {str(tmp_path / "events.jsonl")}
    assert [reading.line_of(ordinal) for ordinal in range(3)] == [2, 6, 9]


def test_what_the_callback_raises_ends_the_reading_and_closes_the_file(tmp_path: Path) -> None:
    def fail(error: SourceError) -> None:
        raise RuntimeError(error.line)

    reading = read_jsonl(write(tmp_path, "events.jsonl", b"!\n"), on_problem=fail)
    with pytest.raises(RuntimeError, match="1"):
        next(reading)
    assert list(reading) == []


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n\n \n", []),
        (line(), [1]),
        (line() + b"\n", [1]),
        (line() + b"\r\n\r\n" + line() + b"\r\n", [1, 3]),
        (b"\xef\xbb\xbf" + line(), [1]),
        (b"\xef\xbb\xbf\n" + line(), [2]),
        (b"\xef\xbb\xbf", []),
        (b"\n \t\n" + line() + b"\n\n\n" + b"  " + line() + b" \n" + line(), [3, 6, 7]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 4096])
def test_lines_are_counted_right_however_they_end(content: bytes, lines: list[int], size: int) -> None:
    reading = read_bytes(content, size=size)
    found = []
    for ordinal, item in enumerate(reading):
        assert item == ("c", "liked", {})
        found.append(reading.line_of(ordinal))
    assert found == lines
    assert [reading.line_of(ordinal) for ordinal in range(len(lines))] == lines


def test_a_byte_order_mark_within_the_file_is_no_json() -> None:
    items, error = read_until_error(read_bytes(line() + b"\n\xef\xbb\xbf" + line()))
    assert len(items) == 1
    assert error is not None
    assert error.line == 2


def test_the_line_of_an_item_that_was_not_given_is_not_told() -> None:
    reading = read_bytes(b"\n".join([line()] * 3), size=4096)
    for ordinal in (-1, 0, 1):
        with pytest.raises(ValueError, match=f"item {ordinal} was not read yet"):
            reading.line_of(ordinal)
    next(reading)
    assert reading.line_of(0) == 1
    with pytest.raises(ValueError, match="item 1 was not read yet"):
        reading.line_of(1)
    list(reading)
    assert reading.line_of(2) == 3
    with pytest.raises(ValueError, match="item 3 was not read yet"):
        reading.line_of(3)


def test_the_lines_of_old_items_are_forgotten_only_where_lines_were_skipped() -> None:
    ordinary = read_bytes(b"\n".join([line()] * 50_000), size=65536)
    assert sum(1 for _ in ordinary) == 50_000
    assert ordinary.line_of(0) == 1
    assert ordinary.line_of(49_999) == 50_000
    skipping = read_bytes(b"\n\n".join([line()] * 20_000), size=65536)
    assert sum(1 for _ in skipping) == 20_000
    assert skipping.line_of(19_999) == 39_999
    assert skipping.line_of(20_000 - 16_384) == 2 * (20_000 - 16_384) + 1
    with pytest.raises(ValueError, match="too long ago"):
        skipping.line_of(0)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
METADATA = st.dictionaries(st.text(max_size=5), JSON, max_size=3)
FLAT = METADATA.filter(
    lambda found: not {"customer_id", "name", "metadata", "_rejected"} & found.keys()
).filter(lambda found: not {"customerId", "events"} <= found.keys())
ROWS = st.one_of(
    st.tuples(st.text(), st.text(), METADATA).map(
        lambda event: ({"customer_id": event[0], "name": event[1], "metadata": event[2]}, event)
    ),
    st.tuples(st.text(), st.text(), FLAT).map(
        lambda event: ({**event[2], "name": event[1], "customer_id": event[0]}, event)
    ),
    st.builds(CustomerEvents, st.text(), st.dictionaries(st.text(), METADATA)).map(
        lambda item: ({"customerId": item.customer_id, "events": item.events}, item)
    ),
)
BETWEEN = st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\n \t\n", b"\r\n\r\n\n"])


@given(
    parts=st.lists(st.tuples(ROWS, BETWEEN), max_size=12),
    size=st.integers(1, 200),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    ended=st.booleans(),
)
def test_for_any_events_what_is_written_is_read_with_its_line(
    parts: list[tuple[tuple[Any, Any], bytes]], size: int, mark: bytes, ended: bool
) -> None:
    content, expected, number = mark, [], 1
    for (row, item), between in parts:
        content += orjson.dumps(row) + between
        expected.append((item, number))
        number += between.count(b"\n")
    content = content if ended else content.rstrip()
    reading = read_bytes(content, size=size)
    found = [(item, reading.line_of(ordinal)) for ordinal, item in enumerate(reading)]
    assert found == expected


@given(
    lines=st.lists(
        st.sampled_from([line("a"), line("b", metadata={"n": 10**19 - 1}), b"!", b"", b"[]", b"x" * 90]),
        max_size=12,
    ),
    size=st.integers(1, 200),
)
def test_for_any_mixture_every_line_is_an_item_or_a_problem_or_blank(lines: list[bytes], size: int) -> None:
    content = b"".join(text + b"\n" for text in lines)
    progress = ReadProgress()
    found: list[SourceError] = []
    blocks = (content[start : start + size] for start in range(0, len(content), size))
    items = jsonl_items(split_lines(blocks, "bytes"), RowMapping(), "bytes", progress, found.append)
    reading = Reading(items, progress)
    good = [reading.line_of(ordinal) for ordinal, _ in enumerate(reading)]
    assert good == [number for number, text in enumerate(lines, 1) if text.startswith(b"{")]
    assert [error.line for error in found] == [
        number for number, text in enumerate(lines, 1) if text and not text.startswith(b"{")
    ]


LIMIT = 8 * MEBIBYTE


@pytest.mark.parametrize(("length", "taken"), [(LIMIT, True), (LIMIT + 1, False)])
@pytest.mark.parametrize("ending", [b"", b"\n", b"\n" + line("after")])
def test_a_line_of_exactly_8_mebibytes_is_read_and_one_byte_more_is_not(
    tmp_path: Path, length: int, taken: bool, ending: bytes
) -> None:
    long = line("long").ljust(length)
    path = write(tmp_path, "events.jsonl", line("before") + b"\n" + long + ending)
    found: list[SourceError] = []
    given = customers(read_jsonl(path, on_problem=found.append))
    after = ["after"] if b"after" in ending else []
    assert given == ["before", *(["long"] if taken else []), *after]
    assert [(error.line, error.reason) for error in found] == (
        [] if taken else [(2, "is longer than the maximum of 8 MiB")]
    )


@pytest.mark.parametrize("size", [1000, 65536])
def test_a_long_line_may_end_anywhere_in_a_block(size: int) -> None:
    content = b"\n".join(
        [b" " * (LIMIT + 5), line("a"), b"x" * (2 * LIMIT), b"", line("b"), b"y" * (LIMIT + 1)]
    )
    progress = ReadProgress()
    found: list[SourceError] = []
    blocks = (content[start : start + size] for start in range(0, len(content), size))
    items = jsonl_items(split_lines(blocks, "bytes"), RowMapping(), "bytes", progress, found.append)
    assert customers(items) == ["a", "b"]
    assert [error.line for error in found] == [1, 3, 6]


def test_a_line_of_300_megabytes_is_never_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with path.open("wb") as file:
        file.write(line("before") + b"\n")
        file.seek(300_000_000)
        file.write(b"\n" + line("after") + b"\n")
    found: list[SourceError] = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    try:
        assert customers(read_jsonl(path, on_problem=found.append)) == ["before", "after"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * LIMIT
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    assert [(error.line, error.reason) for error in found] == [(2, "is longer than the maximum of 8 MiB")]


def test_fields_are_renamed() -> None:
    rename = {"customer_id": "user_id", "name": "action", "song_id": "sid"}
    row = {"user_id": "c", "action": "liked", "sid": 1, "n": 2}
    assert read_one(row, rename) == ("c", "liked", {"song_id": 1, "n": 2})
    assert read_one({"user_id": "c", "action": "liked"}, rename) == ("c", "liked", {})
    nested = {"user_id": "c", "action": "liked", "metadata": {"sid": 1}}
    assert read_one(nested, rename) == ("c", "liked", {"sid": 1})
    assert read_one({"user": "c", "events": {"x": {}}}, {"customerId": "user"}) == CustomerEvents(
        "c", {"x": {}}
    )


def test_names_may_be_exchanged_and_one_field_may_serve_as_two() -> None:
    exchanged = read_one(
        {"name": "c", "customer_id": "liked"}, {"customer_id": "name", "name": "customer_id"}
    )
    assert exchanged == ("c", "liked", {})
    row = {"id": "c", "name": "liked"}
    assert read_one(row, {"customer_id": "id", "user": "id"}) == ("c", "liked", {"user": "c"})
    nested = {"customer_id": "c", "name": "liked", "metadata": {"n": 1}}
    assert read_one(nested, {"data": "metadata"}) == ("c", "liked", {"data": {"n": 1}})
    assert read_one(nested, {"name": "name"}) == ("c", "liked", {"n": 1})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            {"customer_id": "1", "user_id": "2", "name": "x"},
            "has both a field customer_id and user_id, which is mapped to it",
        ),
        # Taking what happens to be there might give the points to somebody else.
        (
            {"customer_id": "1", "name": "x", "metadata": {}},
            "has both a field customer_id and user_id, which is mapped to it",
        ),
        (
            {"user_id": "1", "name": "x", "song_id": 1},
            "has both a field song_id and sid, which is mapped to it",
        ),
        ({"name": "x"}, "has no user_id, which is mapped to customer_id"),
        ({"user_id": "x"}, "has no name; map a field to it with --map name=FIELD"),
    ],
)
def test_a_field_that_is_there_twice_or_not_at_all_is_refused(row: object, reason: str) -> None:
    assert reason_for(row, {"customer_id": "user_id", "song_id": "sid"}) == reason


def rejected(outcome: str, **fields: Any) -> dict[str, Any]:
    mark = {"source": "events.jsonl", "line": 3, "outcome": outcome, "reason": "HTTP 400"}
    return {"_rejected": mark, **fields}


def test_the_mark_of_a_reject_is_taken_off() -> None:
    row = rejected("rejected", customer_id="c", name="liked", n=1)
    assert read_one(row) == ("c", "liked", {"n": 1})
    assert read_one(rejected("unsent", customer_id="c", name="liked", metadata={})) == ("c", "liked", {})
    assert read_one(rejected("rejected", customerId="c", events={})) == CustomerEvents("c", {})


def test_a_reject_needs_no_renaming_any_more_and_what_was_put_in_may() -> None:
    rename = {"customer_id": "user_id"}
    assert read_one(rejected("rejected", customer_id="c", name="x"), rename) == ("c", "x", {})
    assert read_one(rejected("rejected", user_id="c", name="x"), rename) == ("c", "x", {})
    both = rejected("rejected", user_id="c", customer_id="d", name="x")
    assert reason_for(both, rename) == "has both a field customer_id and user_id, which is mapped to it"


def test_a_reject_that_may_have_been_accepted_is_sent_only_on_request(tmp_path: Path) -> None:
    row = rejected("unknown", customer_id="c", name="liked")
    reason = "may have been accepted already: delete the line, or send it with --on-unknown resend"
    assert reason_for(row) == reason
    path = write(tmp_path, "rejects.jsonl", orjson.dumps(row))
    assert problems(Source(path=path, format="jsonl")) == [(1, reason)]
    assert list(Source(path=path, format="jsonl", resend_unknown=True).read()) == [("c", "liked", {})]


def test_a_reject_that_was_not_corrected_is_refused() -> None:
    reason = "is not corrected yet: replace it with an event"
    assert reason_for(rejected("invalid", text="{broken")) == reason
    assert reason_for(rejected("unknown")) == reason
    assert reason_for({"_rejected": 1, "customer_id": "c", "name": "x"}).startswith(
        "has a _rejected that is no"
    )


def test_a_source_error_says_where_and_can_be_pickled() -> None:
    error = SourceError(source="events.jsonl", line=17, reason="is not JSON")
    assert str(error) == "events.jsonl, line 17: is not JSON"
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.source, copy.line, copy.reason, copy.unit) == (
        str(error),
        "events.jsonl",
        17,
        "is not JSON",
        "line",
    )
    assert str(SourceError(source="a.parquet", line=2, reason="x", unit="row")) == "a.parquet, row 2: x"
    assert str(SourceError(source="a", line=None, reason="cannot be read")) == "a: cannot be read"
