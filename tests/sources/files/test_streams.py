"""Compressed files, broken files, standard input, and that every file is closed."""

import bz2
import gc
import gzip
import io
import lzma
import os
import sys
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from source_files import COMPRESS, customers, line, read_until_error, write

from gameball import SourceError
from gameball.sources import Source, find_source, read_csv, read_jsonl

ENDINGS = [ending for ending in COMPRESS if ending]
LINES = [line(f"customer-{number}", metadata={"n": number}) for number in range(200)]
CONTENT = b"\n".join([*LINES, b""])
CSV = b"customer_id,name\n" + b"".join(b"customer-%d,liked\n" % number for number in range(200))


def open_files() -> set[str]:
    return {os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if is_open(name)}  # noqa: PTH115, PTH208


def is_open(descriptor: str) -> bool:
    # The listing has an entry for its own descriptor, which is closed by now.
    return Path(f"/proc/self/fd/{descriptor}").is_symlink()


class StandardInput:
    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def give_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", StandardInput(content))


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("size", [1, 100, 65536])
def test_a_file_is_decompressed_as_its_name_says(tmp_path: Path, ending: str, size: int) -> None:
    for name, content in (("events.jsonl", CONTENT), ("events.csv", CSV)):
        path = write(tmp_path, name + ending, COMPRESS[ending](content))
        source = find_source(str(path))
        sized = Source(
            path=source.path, format=source.format, compression=source.compression, _block_size=size
        )
        reading = sized.read()
        assert customers(reading) == [f"customer-{number}" for number in range(200)]
        assert reading.bytes_read == source.size == path.stat().st_size
        assert customers({"c": read_csv, "j": read_jsonl}[name[7]](path)) == customers(source.read())


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_compressed_file_may_have_several_parts(tmp_path: Path, ending: str) -> None:
    middle = 150
    parts = COMPRESS[ending](CONTENT[:middle]) + COMPRESS[ending](b"") + COMPRESS[ending](CONTENT[middle:])
    path = write(tmp_path, "events.jsonl" + ending, parts)
    assert len(list(read_jsonl(path))) == 200


def test_zeros_may_fill_up_a_gzip_file(tmp_path: Path) -> None:
    member = gzip.compress(CONTENT)
    path = write(tmp_path, "events.jsonl.gz", member + bytes(1000) + member + bytes(70_000))
    assert len(list(read_jsonl(path))) == 400


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_empty_file_can_be_compressed_and_nothing_at_all_is_no_compressed_file(
    tmp_path: Path, ending: str
) -> None:
    assert list(read_jsonl(write(tmp_path, "a.jsonl" + ending, COMPRESS[ending](b"")))) == []
    with pytest.raises(SourceError, match="is truncated") as caught:
        list(read_jsonl(write(tmp_path, "b.jsonl" + ending, b"")))
    assert caught.value.line is None


def complete_lines(compressed: bytes, ending: str) -> int:
    """Count the complete lines in what can be decompressed, in another way than the reader's."""
    if ending == ".zst":
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(compressed)) as reader:
            return reader.read().count(b"\n")
    decoders: dict[str, Any] = {
        ".gz": zlib.decompressobj(wbits=31),
        ".bz2": bz2.BZ2Decompressor(),
        ".xz": lzma.LZMADecompressor(),
    }
    # One byte at a time, so that nothing but the format says what can be decompressed.
    decoder = decoders[ending]
    lines = 0
    for byte in compressed:
        data = decoder.decompress(bytes([byte]))
        while data:
            lines += data.count(b"\n")
            data = decoder.decompress(b"")
    return lines


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@example(part=0.0, ending=".gz", size=1)
@example(part=0.001, ending=".gz", size=10)
@example(part=0.9944192616722568, ending=".bz2", size=1)
@given(part=st.floats(0, 1, exclude_max=True), ending=st.sampled_from(ENDINGS), size=st.integers(1, 5000))
def test_for_any_cut_a_compressed_file_gives_only_complete_lines_and_an_error(
    tmp_path: Path, part: float, ending: str, size: int
) -> None:
    # Several blocks of zstandard, each of which can be decompressed by itself.
    content = CONTENT * 12
    whole = COMPRESS[ending](content)
    cut = whole[: int(len(whole) * part)]
    path = write(tmp_path, "events.jsonl" + ending, cut)
    compression: Any = ending.removeprefix(".")
    source = Source(path=path, format="jsonl", compression=compression, _block_size=size)
    items, error = read_until_error(source.read())
    expected = [f"customer-{number % 200}" for number in range(complete_lines(cut, ending))]
    assert customers(items) == expected
    assert error is not None
    assert "is truncated" in error.reason
    # Where nothing could be decompressed, the file as a whole is meant.
    assert error.line in {len(items) + 1, None}
    assert error.line is not None or not items
    rows = source.rows(max_bytes=10_000)
    assert [next(rows).position for _ in items] == list(range(len(items)))
    with pytest.raises(SourceError) as caught:
        next(rows)
    assert str(caught.value) == str(error)


def test_a_truncated_gzip_is_named_with_its_line(tmp_path: Path) -> None:
    whole = gzip.compress(CONTENT, 0)
    items, error = read_until_error(read_jsonl(write(tmp_path, "events.jsonl.gz", whole[:1000])))
    assert 5 < len(items) < 20
    assert str(error) == (
        f"{tmp_path / 'events.jsonl.gz'}, line {len(items) + 1}: is truncated: "
        "the end of its gzip stream is missing"
    )


def test_rows_of_a_truncated_file_come_before_its_error(tmp_path: Path) -> None:
    path = write(tmp_path, "events.jsonl.gz", gzip.compress(CONTENT, 0)[:1000])
    items, _ = read_until_error(read_jsonl(path))
    rows = find_source(str(path)).rows(max_bytes=1000)
    assert [next(rows).position for _ in items] == list(range(len(items)))
    with pytest.raises(SourceError, match=f"line {len(items) + 1}: is truncated"):
        next(rows)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_damaged_file_is_told_from_one_that_is_not_compressed(tmp_path: Path, ending: str) -> None:
    with pytest.raises(
        SourceError, match="is damaged or not (a gzip file|a zstandard file|of the format (bzip2|xz))"
    ) as caught:
        list(read_jsonl(write(tmp_path, "plain.jsonl" + ending, CONTENT)))
    assert caught.value.line is None
    compressed = COMPRESS[ending](CONTENT)
    path = write(tmp_path, "tail.jsonl" + ending, compressed + b"no member at all")
    items, error = read_until_error(read_jsonl(path))
    assert len(items) == 200
    assert error is not None
    assert (error.line, error.reason[:10]) == (201, "is damaged")


@pytest.mark.parametrize("ending", COMPRESS)
def test_what_cannot_be_opened_is_told_without_a_line(tmp_path: Path, ending: str) -> None:
    missing = tmp_path / ("events.jsonl" + ending)
    reading = read_jsonl(missing)
    with pytest.raises(SourceError) as caught:
        next(reading)
    assert str(caught.value) == f"{missing}: cannot be read (No such file or directory)"
    with pytest.raises(SourceError, match="Is a directory"):
        list(read_csv(tmp_path))


class Failing(io.RawIOBase):
    """A disk that fails after some bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        block = self._content.read(min(size, 100))
        if not block:
            raise OSError(5, "Input/output error")
        return block


def test_a_disk_that_fails_is_named_with_the_line_that_was_not_complete() -> None:
    items, error = read_until_error(read_jsonl(Failing(CONTENT[: len(LINES[0]) * 3])))
    assert len(items) == 2
    assert str(error) == "the open file, line 3: cannot be read (Input/output error)"


@pytest.mark.parametrize(("ending", "megabytes"), [(".gz", 1), (".zst", 50), (".bz2", 1), (".xz", 9)])
def test_little_that_stands_for_much_is_not_decompressed_at_once(
    tmp_path: Path, ending: str, megabytes: int
) -> None:
    # Compressing as much by bzip2 and xz would take most of the time of the test.
    size = 300_000_000 if ending in {".gz", ".zst"} else 60_000_000
    path = write(tmp_path, "events.jsonl" + ending, COMPRESS[ending](bytes(size) + b"\n" + line()))
    found: list[SourceError] = []
    tracemalloc.start()
    try:
        assert customers(read_jsonl(path, on_problem=found.append)) == ["c"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [(error.line, error.reason[:6]) for error in found] == [(1, "is lon")]
    # Apart from the 8 MiB of the line that is too long, of which there may be two, and of xz's dictionary.
    assert peak < (megabytes + 17) * 1_000_000


def test_an_open_file_is_read_and_stays_open(tmp_path: Path) -> None:
    path = write(tmp_path, "events.jsonl", CONTENT)
    with path.open("rb") as file:
        assert len(list(read_jsonl(file))) == 200
        assert not file.closed
    with pytest.raises(SourceError, match="events.jsonl: cannot be read \\(the file is closed\\)"):
        list(read_jsonl(file))
    with path.open() as text, pytest.raises(TypeError, match="open it in binary mode"):
        read_jsonl(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("format_name", ["jsonl", "csv"])
def test_a_file_is_opened_by_the_first_item_and_closed_in_every_case(
    tmp_path: Path, ending: str, format_name: str
) -> None:
    read = {"jsonl": read_jsonl, "csv": read_csv}[format_name]
    content = COMPRESS[ending]({"jsonl": CONTENT, "csv": CSV}[format_name])
    path = write(tmp_path, f"events.{format_name}{ending}", content)
    reading = read(path)
    assert str(path) not in open_files()
    next(reading)
    if not ending:
        # What is compressed is read as a whole before the first item, it is so short.
        assert str(path) in open_files()
    reading.close()
    reading.close()
    assert str(path) not in open_files()
    assert list(reading) == []
    for _ in range(2):
        reading = read(path)
        next(iter(reading))
        del reading
        gc.collect()
        assert str(path) not in open_files()
    with read(path) as reading:
        next(reading)
    assert str(path) not in open_files()
    assert len(list(read(path))) == 200
    assert str(path) not in open_files()


def test_a_file_is_closed_when_a_line_of_it_is_broken(tmp_path: Path) -> None:
    path = write(tmp_path, "events.jsonl", line() + b"\n!\n" + CONTENT)
    items, error = read_until_error(read_jsonl(path))
    assert error is not None
    # The traceback holds the frames, and with them whatever they did not close.
    assert error.__traceback__ is not None
    assert len(items) == 1
    assert str(path) not in open_files()
    path = write(tmp_path, "events.csv", b"customer_id,name\na\n")
    _, error = read_until_error(read_csv(path))
    assert error is not None
    assert str(path) not in open_files()


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    give_input(monkeypatch, CONTENT)
    source = find_source("-")
    assert (source.name, source.size, source.path) == ("standard input", None, None)
    reading = source.read()
    assert len(list(reading)) == 200
    assert reading.bytes_read == len(CONTENT)
    with pytest.raises(ValueError, match="only once without spool=True"):
        source.rows(max_bytes=1000)


def test_a_copy_of_standard_input_is_read_again_with_its_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    give_input(monkeypatch, b"customer_id,name\na,liked\nb\nc,liked\n,liked\n")
    source = find_source("-", format="csv", spool=True)
    items, error = read_until_error(source.read())
    assert customers(items) == ["a"]
    assert str(error) == "standard input, line 3: has 1 cells, but the header has 2"
    for _ in range(2):
        rows = list(source.rows(max_bytes=1000))
        assert [(row.line, row.position) for row in rows] == [(2, 0), (3, None), (4, 1), (5, None)]
    assert customers(source.read(lambda _: None)) == ["a", "c", ""]


def test_rows_of_standard_input_go_on_where_reading_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    give_input(monkeypatch, CONTENT)
    source = Source(path=None, format="jsonl", spool=True, _block_size=100)
    with source.read() as reading:
        assert [next(reading)[0] for _ in range(3)] == ["customer-0", "customer-1", "customer-2"]  # type: ignore[index]
    rows = source.rows(max_bytes=1000)
    assert [next(rows).position for _ in range(10)] == list(range(10))
    assert sys.stdin.buffer.tell() < len(CONTENT) // 2
    assert len(list(source.rows(max_bytes=1000))) == 200
    assert len(list(rows)) == 190


def test_the_copy_of_standard_input_is_deleted_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    give_input(monkeypatch, CONTENT)
    before = open_files()
    source = find_source("-", spool=True)
    reading = source.read()
    next(reading)
    assert len(open_files() - before) == 1
    del source, reading
    gc.collect()
    assert open_files() <= before


def test_without_a_standard_input_reading_it_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SourceError, match="^standard input: cannot be read \\(there is no standard input\\)"):
        list(find_source("-").read())


def test_lines_of_a_pipe_are_given_as_they_come() -> None:
    receiving, sending = os.pipe()
    with os.fdopen(receiving, "rb") as file, os.fdopen(sending, "wb", buffering=0) as pipe:
        reading = read_jsonl(file)
        for number in range(3):
            pipe.write(line(f"customer-{number}") + b"\n")
            assert customers([next(reading)]) == [f"customer-{number}"]
        reading.close()


@pytest.mark.parametrize(
    ("module", "name", "cure"),
    [
        ("zstandard", "events.jsonl.zst", "pip install 'gameball-client[cli]'"),
        ("pyarrow", "events.parquet", "pip install 'gameball-client[parquet]'"),
    ],
)
def test_a_missing_library_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str, cure: str
) -> None:
    missing: Any = None
    monkeypatch.setitem(sys.modules, module, missing)
    path = write(tmp_path, name, b"")
    with pytest.raises(SourceError) as caught:
        list(find_source(str(path)).read())
    assert str(caught.value) == f"{path}: needs {module}: {cure}"


@pytest.mark.parametrize("whole", [gzip.compress(CONTENT), gzip.compress(CONTENT) + bytes(5)])
def test_a_gzip_file_cut_after_one_byte_of_a_member_is_truncated(tmp_path: Path, whole: bytes) -> None:
    for before in (b"", whole):
        path = write(tmp_path, "events.jsonl.gz", before + b"\x1f")
        items, error = read_until_error(read_jsonl(path))
        assert len(items) == (200 if before else 0)
        assert error is not None
        assert error.reason == "is truncated: the end of its gzip stream is missing"


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("spool", [False, True])
@pytest.mark.parametrize("size", [1, 7, 65536])
def test_compressed_standard_input_is_recognised(
    monkeypatch: pytest.MonkeyPatch, ending: str, spool: bool, size: int
) -> None:
    give_input(monkeypatch, COMPRESS[ending](CONTENT))
    source = Source(path=None, format="jsonl", spool=spool, _block_size=size)
    assert len(list(source.read())) == 200
    if spool:
        assert len(list(source.rows(max_bytes=1000))) == 200


@pytest.mark.parametrize("content", [b"", b"\x1f", b"BZh", b"\xfd7z"])
def test_input_as_short_as_the_start_of_compressed_data_is_read_as_it_is(
    monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    give_input(monkeypatch, content)
    found: list[SourceError] = []
    assert list(find_source("-").read(found.append)) == []
    assert [error.line for error in found] == ([1] if content else [])


def test_a_table_whose_first_column_looks_like_bzip2_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    give_input(monkeypatch, b"BZh1,customer_id,name\nx,a,liked\n")
    assert customers(find_source("-", format="csv").read()) == ["a"]
