"""Compressed files of several parts: gzip members and zstandard frames, however they are put together."""

import gzip
import io
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_files import COMPRESS

from gameball import SourceError
from gameball.sandbox import Sandbox
from gameball.sources import Reading, Source, read_jsonl

LINES = [b'{"customer_id": "c%d", "name": "song_liked", "n": %d}\n' % (n % 7, n) for n in range(60)]
SKIPPABLE = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"notes"


def compress(ending: str, data: bytes) -> bytes:
    return gzip.compress(data, 1) if ending == ".gz" else COMPRESS[ending](data)


def read(path: Path, ending: str, size: int) -> tuple[list[int], SourceError | None]:
    """Read a file to its end or its error, in blocks of a size, and return the number in each event."""
    compression: Any = ending.removeprefix(".")
    reading = Source(path=path, format="jsonl", compression=compression, _block_size=size).read()
    return numbers(reading)


def numbers(reading: Reading) -> tuple[list[int], SourceError | None]:
    found: list[int] = []
    try:
        for item in reading:
            assert isinstance(item, tuple)
            assert item[2] is not None
            number = item[2]["n"]
            assert isinstance(number, int)
            found.append(number)
    except SourceError as error:
        return found, error
    return found, None


def written(content: bytes) -> Path:
    handle, name = tempfile.mkstemp(suffix=".jsonl")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return Path(name)


# Where the parts are cut, which of them are empty or followed by padding, and how much is read at once.
CUTS = st.lists(st.integers(0, len(b"".join(LINES))), max_size=6).map(sorted)


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz"])
@given(cuts=CUTS, padding=st.sampled_from([0, 1, 511, 9000]), size=st.integers(1, 70_000))
def test_a_file_of_any_members_gives_every_line_once(
    ending: str, cuts: list[int], padding: int, size: int
) -> None:
    whole = b"".join(LINES)
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    path = written(b"".join(compress(ending, part) + bytes(padding) for part in parts))
    try:
        assert read(path, ending, size) == (list(range(60)), None)
    finally:
        path.unlink()


@given(cuts=CUTS, skippable=st.booleans(), size=st.integers(1, 70_000))
def test_a_zstandard_file_of_any_frames_gives_every_line_once(
    cuts: list[int], skippable: bool, size: int
) -> None:
    whole = b"".join(LINES)
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    path = written(b"".join(compress(".zst", part) + SKIPPABLE * skippable for part in parts))
    try:
        assert read(path, ".zst", size) == (list(range(60)), None)
    finally:
        path.unlink()


@pytest.mark.parametrize("ending", [".gz", ".zst", ".bz2", ".xz"])
@given(share=st.floats(0, 1, exclude_max=True), size=st.integers(1, 70_000))
def test_a_file_cut_off_in_any_member_gives_the_lines_before_and_an_error(
    ending: str, share: float, size: int
) -> None:
    first = compress(ending, b"".join(LINES[:30]))
    content = first + compress(ending, b"".join(LINES[30:]))
    end = int(share * len(content))
    path = written(content[:end])
    try:
        found, error = read(path, ending, size)
    finally:
        path.unlink()
    assert found == list(range(len(found)))
    if end == len(first):  # between two members nothing shows that there was another
        assert (len(found), error) == (30, None)
    else:
        assert error is not None
        assert len(found) >= (30 if end > len(first) else 0)


@pytest.mark.parametrize("ending", [".gz", ".zst", ".bz2", ".xz"])
@given(content=st.binary(max_size=300), after=st.booleans(), size=st.integers(1, 5000))
def test_no_content_is_read_for_ever(ending: str, content: bytes, after: bool, size: int) -> None:
    path = written((compress(ending, LINES[0]) if after else b"") + content)
    try:
        found, _ = read(path, ending, size)
    finally:
        path.unlink()
    assert found[: int(after)] == [0] * int(after)


def test_every_byte_before_the_end_of_a_truncated_member_is_recovered(tmp_path: Path) -> None:
    # Stored, not compressed: so it is known how much of the content is there.
    content = gzip.compress(b"".join(LINES), 0)
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(content[:1500])
    with gzip.GzipFile(fileobj=io.BytesIO(content[:1500])) as file:
        there = file.read1(100_000)
    found, error = numbers(read_jsonl(path))
    assert len(found) == there.count(b"\n")
    assert error is not None


def test_a_file_of_two_members_is_sent_once(box: Sandbox, client: Any, tmp_path: Path) -> None:
    # cat a.gz b.gz: it once never ended, and 4,000 events became more than a million.
    path = tmp_path / "rotated.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(LINES[:30])) + gzip.compress(b"".join(LINES[30:])))
    report = client.events.send(read_jsonl(path), coalesce=False)
    assert report.accepted == 60
    assert sum(box.events.values()) == 60
