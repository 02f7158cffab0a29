"""What a file is by its name, and the exact pass that finds its lines again."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from source_files import line, write

from gameball import Event, Gameball, InvalidEventError, chunk_events
from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk_events import build_chunks
from gameball.events import EventLike
from gameball.sandbox import Sandbox
from gameball.sources import Row, Source, find_source, read_csv, read_jsonl
from gameball.sources.files.compression import Compression


@pytest.mark.parametrize(
    ("name", "format_name", "compression"),
    [
        ("events.jsonl", "jsonl", None),
        ("events.ndjson", "jsonl", None),
        ("EVENTS.JSONL.GZ", "jsonl", "gz"),
        ("a.b.ndjson.zst", "jsonl", "zst"),
        ("events.csv", "csv", None),
        ("events.csv.gz", "csv", "gz"),
        ("events.Parquet", "parquet", None),
        ("-", "jsonl", None),
    ],
)
def test_the_name_tells_how_a_file_is_read(
    name: str, format_name: str, compression: Compression | None
) -> None:
    source = find_source(name)
    assert (source.format, source.compression) == (format_name, compression)
    assert source == Source(
        path=None if name == "-" else Path(name),
        format=source.format,
        compression=compression,
    )
    assert source.name == ("standard input" if name == "-" else name)


def test_a_format_that_is_given_overrules_the_name() -> None:
    assert find_source("events.txt", format="jsonl").format == "jsonl"
    assert find_source("events.jsonl", format="csv").format == "csv"
    source = find_source("events.log.gz", format="csv")
    assert (source.format, source.compression) == ("csv", "gz")
    assert find_source("-", format="csv").format == "csv"


@pytest.mark.parametrize(
    ("path", "options", "cure"),
    [
        ("events.txt", {}, "use --format jsonl, json, csv or parquet, or a file name that"),
        ("events", {}, "the name of events does not show its format"),
        ("events.gz", {}, "the name of events.gz does not show its format"),
        ("events.xml", {}, "--format"),
        ("events.jsonl", {"format": "tsv"}, "unknown format 'tsv': use --format jsonl"),
        ("events.parquet.gz", {}, "compressed Parquet files cannot be read: decompress the .gz file first"),
        ("-", {"format": "parquet"}, "save it to a file first"),
        (
            "events.csv",
            {"types": {"a": "integer"}},
            "column 'a' has the unknown type 'integer'; the types are text, int, float, decimal, bool, date",
        ),
        ("events.csv", {"rename": {"": "a"}}, "neither name may be empty"),
        ("events.csv", {"rename": {"a": ""}}, "neither name may be empty"),
    ],
)
def test_what_does_not_go_together_is_refused_with_its_cure(
    path: str, options: dict[str, Any], cure: str
) -> None:
    with pytest.raises(ValueError, match="^") as caught:
        find_source(path, **options)
    assert cure in str(caught.value)


def test_standard_input_is_not_decompressed() -> None:
    with pytest.raises(ValueError, match="the compression of standard input is recognised"):
        Source(path=None, format="jsonl", compression="gz")


def test_a_source_keeps_its_own_names_and_opens_nothing(tmp_path: Path) -> None:
    rename = {"customer_id": "user"}
    source = find_source(str(tmp_path / "missing.jsonl"), rename=rename)
    rename["name"] = "action"
    assert source.rename == {"customer_id": "user"}
    with pytest.raises(TypeError):
        source.rename["name"] = "action"  # type: ignore[index]
    assert source.size is None
    source.read()
    source.rows(max_bytes=1)


def test_limits_of_a_request_are_checked_at_once() -> None:
    with pytest.raises(ValueError, match="max_bytes must be .*, got 0"):
        find_source("events.jsonl").rows(max_bytes=0)


BROKEN = b"\n".join(
    [
        line("a", metadata={"n": 1}),
        b"",
        b"{broken \xff",
        line(" "),
        line(7.5),
        b'{"action": "liked"}',
        line("b", ""),
        line("c", metadata=[1]),
        orjson.dumps({"customerId": "d", "events": {}}),
        line("x" * 200),
        b'{"customer_id":"e","name":"n","at":"now"}',
        orjson.dumps({"_rejected": {"outcome": "unknown"}, "customer_id": "f", "name": "n"}),
        orjson.dumps({"_rejected": {"outcome": "rejected"}, "customer_id": "g", "name": "n"}),
        orjson.dumps({"_rejected": {"outcome": "invalid"}, "text": "{broken"}),
        b"y" * 9_000_000,
    ]
)


def test_every_row_is_found_again_with_what_is_wrong_with_it(tmp_path: Path) -> None:
    source = Source(path=write(tmp_path, "events.jsonl", BROKEN), format="jsonl")
    rows = list(source.rows(max_bytes=200))
    assert [(row.line, row.position) for row in rows] == [
        (1, 0),
        (3, None),
        (4, None),
        (5, None),
        (6, None),
        (7, None),
        (8, None),
        (9, None),
        (10, None),
        # A send counts the items that it refuses.
        (11, 7),
        (12, None),
        (13, 8),
        (14, None),
        (15, None),
    ]
    told = {row.line: row.problem for row in rows}
    assert told[1] is told[11] is told[13] is None
    assert str(told[3]).startswith("is not UTF-8")
    assert told[4] == "customer_id must not be blank"
    assert told[5] == "customer_id must be a string, got float"
    assert told[6] == "has no customer_id; map a field to it with --map customer_id=FIELD"
    assert told[7] == "name must not be blank"
    assert told[8] == "metadata must be a mapping, got list"
    assert told[9] == "events must map at least one event name to its metadata"
    assert str(told[10]).startswith("the item needs a request of")
    assert str(told[12]).startswith("may have been accepted already")
    assert told[14] == "is not corrected yet: replace it with an event"
    assert told[15] == "is longer than the maximum of 8 MiB"
    fields = {row.line: row.fields for row in rows}
    assert fields[3] is fields[15] is None
    assert fields[6] == {"action": "liked"}
    assert fields[11] == {"customer_id": "e", "name": "n", "at": "now"}
    assert fields[12] == {"_rejected": {"outcome": "unknown"}, "customer_id": "f", "name": "n"}
    assert fields[13] == {"customer_id": "g", "name": "n"}
    texts = {row.line: row.text for row in rows if row.text is not None}
    assert texts == {3: "{broken \\xff", 15: "y" * 1000}


def test_no_row_shows_what_it_holds() -> None:
    row = Row(line=1, position=None, fields={"secret": 1}, text="secret", problem="is not JSON")
    assert repr(row) == "Row(line=1, position=None, problem='is not JSON')"


def test_fields_are_shown_under_their_proper_names(tmp_path: Path) -> None:
    path = write(tmp_path, "events.csv", b"user,action,len\na,liked,1\nb,liked,\n")
    source = find_source(str(path), rename={"customer_id": "user", "name": "action"}, types={"len": "int"})
    assert [row.fields for row in source.rows(max_bytes=1000)] == [
        {"customer_id": "a", "name": "liked", "len": 1},
        {"customer_id": "b", "name": "liked", "len": None},
    ]


def sent_by(source: Source, max_bytes: int) -> list[EventLike]:
    """Give what a send would take, leaving out every item that it refuses."""
    items = list(source.read(lambda _: None))
    while True:
        try:
            for _ in chunk_events(items, max_bytes=max_bytes):
                pass
        except InvalidEventError as error:
            del items[error.index]
        else:
            return items


ANY_LINE = st.one_of(
    st.builds(line, st.sampled_from(["a", "b" * 40, "", None, 7]), st.sampled_from(["liked", " ", 0])),
    st.builds(
        lambda customer, events: orjson.dumps({"customerId": customer, "events": events}),
        st.sampled_from(["c", " "]),
        st.sampled_from([{}, {"liked": {}}, {"liked": {"n": "x" * 60}, "shared": {}}, {"": {}}, 7]),
    ),
    st.builds(
        lambda outcome: orjson.dumps({"_rejected": {"outcome": outcome}, "customer_id": "r", "name": "n"}),
        st.sampled_from(["unknown", "rejected"]),
    ),
    st.sampled_from(
        [b"", b"  ", b"{", b"[]", b'{"name":"x"}', b"\xff", b'{"customer_id":"f","name":"n","x":[null]}']
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lines=st.lists(ANY_LINE, max_size=15), size=st.integers(1, 300), max_bytes=st.integers(60, 200))
def test_for_any_file_positions_are_those_that_a_send_gives(
    tmp_path: Path, lines: list[bytes], size: int, max_bytes: int
) -> None:
    path = write(tmp_path, "events.jsonl", b"\n".join(lines))
    source = Source(path=path, format="jsonl", _block_size=size)
    rows = list(source.rows(max_bytes=max_bytes))
    assert [row.line for row in rows] == [number for number, text in enumerate(lines, 1) if text.strip()]
    good = [row for row in rows if row.position is not None]
    builder = ChunkBuilder(max_objects=2, max_bytes=max_bytes, coalesce=False)
    chunks = build_chunks(source.read(lambda _: None), builder, None, lambda _: None)
    given = [chunk.first + offset for chunk in chunks for offset in chunk.layout.offsets()]
    assert [row.position for row in good] == given
    assert all((row.position is None) == (row.problem is not None) for row in rows)
    assert all((row.fields is None) == (row.text is not None) for row in rows)
    found = [customer_of(row.fields) for row in good if row.fields is not None]
    assert found == [customer_of(item) for item in sent_by(source, max_bytes)]


def customer_of(item: Any) -> str:
    if isinstance(item, dict):
        return str(item.get("customer_id", item.get("customerId")))
    return str(item[0] if isinstance(item, tuple) else item.customer_id)


def test_a_file_is_sent_as_it_is(tmp_path: Path, box: Sandbox) -> None:
    jsonl = write(tmp_path, "events.jsonl", line("a", metadata={"n": 1}) + b"\n" + line("b"))
    table = write(tmp_path, "events.csv", b"customer_id,name,n\nc,liked,1\n")
    with Gameball("key", "secret", base_url=box.url, rate_limits=None) as client:
        assert client.events.send(read_jsonl(jsonl)).accepted == 2
        assert client.events.send(read_csv(table, types={"n": "int"})).accepted == 1
    assert box.events == {
        ("a", "liked", '{"n":1}'): 1,
        ("b", "liked", "{}"): 1,
        ("c", "liked", '{"n":1}'): 1,
    }


def test_a_reading_gives_events_in_every_way_that_an_iterator_does(tmp_path: Path) -> None:
    path = write(tmp_path, "events.jsonl", b"\n".join([line("a"), line("b"), line("c")]))
    reading = read_jsonl(path)
    assert next(reading) == ("a", "liked", {})
    assert next(iter(reading)) == ("b", "liked", {})
    assert [next(chunk_events([Event("c", "liked")])).content] == [
        chunk.content for chunk in chunk_events(reading)
    ]
    with pytest.raises(StopIteration):
        next(reading)


def test_importing_the_readers_brings_no_library_that_only_some_need() -> None:
    heavy = ("csv", "gzip", "httpx", "pyarrow", "tempfile", "zlib", "zstandard")
    code = f"import sys, gameball.sources; print(*sorted(set(sys.modules) & set({heavy!r})))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    bare = f"import sys, attrs, orjson; print(*sorted(set(sys.modules) & set({heavy!r})))"
    before = subprocess.run([sys.executable, "-c", bare], check=True, capture_output=True, text=True)
    assert set(run.stdout.split()) <= set(before.stdout.split())
