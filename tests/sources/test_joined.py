"""Several files that are read as one source: the requests are those of one file with the same lines."""

import gzip
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from source_files import line, write

from gameball import SourceError
from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk import Chunk
from gameball.chunking.chunk_events import build_chunks
from gameball.errors import InvalidEventError
from gameball.events import EventLike
from gameball.sources import Reading, find_source
from gameball.sources.joined import JoinedSource, join_sources

# Events, some of one customer; an item that the builder refuses; a line that the reader refuses; a blank one.
LINES = st.sampled_from(
    [line(customer, name) for customer in "abc" for name in ("liked", "shared")]
    + [line("a" * 3_000), line("", "liked"), b"no JSON", b"", b'{"customerId":"a","events":{"x":{},"y":{}}}']
)


def joined(*paths: Path, limit: int | None = None) -> JoinedSource:
    return join_sources([find_source(str(path), limit=limit) for path in paths])


def requests(items: Iterable[EventLike]) -> list[Chunk]:
    builder = ChunkBuilder(max_objects=4, max_bytes=2_000, coalesce=True)
    return list(build_chunks(items, builder, on_invalid=lambda _: None))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(st.lists(LINES, max_size=8), min_size=1, max_size=8),
    limit=st.none() | st.integers(1, 20),
    final_newline=st.booleans(),
)
def test_any_split_of_lines_into_files_gives_the_requests_and_rows_of_one_file(
    files: list[list[bytes]], limit: int | None, *, final_newline: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        end = b"\n" if final_newline else b""
        parts = [
            write(folder, f"{number:02}.jsonl", b"\n".join(lines) + end) for number, lines in enumerate(files)
        ]
        lines = [one for part in files for one in part]
        whole = find_source(str(write(folder, "whole.jsonl", b"\n".join(lines))), limit=limit)
        several = joined(*parts, limit=limit)
        places: list[tuple[str, int | None]] = []
        reading = several.read(lambda error: places.append((error.source, error.line)))
        assert requests(reading) == requests(whole.read(lambda _: None))
        assert reading.reached_limit == (limit is not None and limit <= sum(map(bool, lines)))
        rows, expected = list(several.rows(max_bytes=2_000)), list(whole.rows(max_bytes=2_000))
        assert [(row.position, row.problem) for row in rows] == [
            (row.position, row.problem) for row in expected
        ]
        # Each row names its file and its line in it.
        assert [files[int(Path(row.source).stem)][row.line - 1] for row in rows] == [
            lines[row.line - 1] for row in expected
        ]
        assert all(files[int(Path(source).stem)][(place or 0) - 1] == b"no JSON" for source, place in places)


def test_an_item_that_is_refused_later_is_found_in_its_file(tmp_path: Path) -> None:
    files = [
        write(tmp_path, "a.jsonl", b"\n".join([line("x"), b"no JSON", line("x")])),
        write(tmp_path, "b.jsonl", b""),
        write(tmp_path, "c.csv", b"customer_id,name\nx,liked\n,liked\nx,liked\n"),
        write(tmp_path, "d.jsonl.gz", gzip.compress(b"\n" + line("") + b"\n" + line("x"))),
    ]
    reading: Reading = joined(*files).read(lambda _: None)
    found: list[tuple[str, int]] = []

    def take(error: InvalidEventError) -> None:
        found.append((Path(reading.name).name, reading.line_of(error.index)))

    builder = ChunkBuilder(max_objects=100, max_bytes=2_000, coalesce=True)
    (chunk,) = build_chunks(reading, builder, on_invalid=take)
    assert found == [("c.csv", 3), ("d.jsonl.gz", 2)]
    assert (chunk.first, chunk.events) == (0, 5)
    assert reading.bytes_read == sum(path.stat().st_size for path in files)


def test_each_file_is_told_when_reading_reaches_it(tmp_path: Path) -> None:
    paths = [
        write(tmp_path, f"{name}.jsonl", (line(name) + b"\n") * count)
        for name, count in (("a", 3), ("b", 0), ("c", 2))
    ]
    begun: list[tuple[str, int]] = []
    reading = joined(*paths).read(on_begin=lambda file, first: begun.append((file.name[-7:], first)))
    assert begun == []
    next(reading)
    assert begun == [("a.jsonl", 0)]
    assert len(list(reading)) == 4
    assert begun == [("a.jsonl", 0), ("b.jsonl", 3), ("c.jsonl", 3)]


def test_an_error_names_the_file_and_nothing_after_it_is_opened(tmp_path: Path) -> None:
    first = write(tmp_path, "a.jsonl", line("x") + b"\nno JSON\n")
    items = joined(first, tmp_path / "missing.jsonl").read()
    assert next(items)
    with pytest.raises(SourceError, match=r"a\.jsonl, line 2: is not"):
        next(items)
    several = joined(write(tmp_path, "b.jsonl", line("x")), tmp_path / "missing.jsonl").read()
    assert next(several)
    with pytest.raises(SourceError, match=r"missing\.jsonl: cannot be read"):
        next(several)


def test_integer_ids_in_any_file_are_told(tmp_path: Path) -> None:
    reading = joined(write(tmp_path, "a.jsonl", line(7)), write(tmp_path, "b.jsonl", line("x"))).read()
    assert len(list(reading)) == 2
    assert reading.integer_ids
    assert not joined(write(tmp_path, "c.jsonl", line("x"))).read().integer_ids
