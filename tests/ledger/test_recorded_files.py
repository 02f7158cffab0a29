"""The files of a send that reads several, recorded with the chunks that need them."""

from pathlib import Path

import pytest

from gameball import LedgerError
from gameball.chunking.chunk import Chunk
from gameball.chunking.chunk_events import chunk_events
from gameball.ledger.recorded_files import RecordedFile
from gameball.ledger.store import LedgerStore
from gameball.receipts import Outcome, Receipt

CHUNKS: list[Chunk] = list(chunk_events([(f"c{n}", "x", {}) for n in range(9)], max_objects=3))
SETTINGS = {"max_objects": "3", "max_bytes": "9999", "coalesce": "True", "base_url": "http://localhost"}


def accepted(chunk: Chunk) -> Receipt:
    return Receipt(0, chunk.first, chunk.last, chunk.objects, chunk.events, Outcome.ACCEPTED, job_id=1)


def test_a_chunk_is_recorded_with_all_files_up_to_its_end(tmp_path: Path) -> None:
    begun = [
        RecordedFile("a", 0, "1"),
        RecordedFile("empty", 2, "0"),
        RecordedFile("b", 2, "2"),
        RecordedFile("c", 6),
    ]
    with LedgerStore(tmp_path / "l") as store:
        store.begin_run(SETTINGS)
        store.follow_files(begun)
        # A later chunk may be recorded first: then the files before it must be known, too.
        store.intend(1, CHUNKS[1])
        assert store.files() == begun[:3]
        store.intend(0, CHUNKS[0])
        assert store.files() == begun[:3]
        store.intend(2, CHUNKS[2])
        assert store.files() == begun


def test_the_content_of_the_last_file_is_recorded_when_the_next_one_is(tmp_path: Path) -> None:
    begun = [RecordedFile("a", 0)]
    with LedgerStore(tmp_path / "l") as store:
        store.begin_run(SETTINGS)
        store.follow_files(begun)
        store.intend(0, CHUNKS[0])
        assert store.files() == begun
        begun[:] = [RecordedFile("a", 0, "1"), RecordedFile("b", 5)]
        store.intend(1, CHUNKS[1])
        assert store.files() == begun


def test_a_chunk_whose_files_cannot_be_recorded_is_not_recorded_either(tmp_path: Path) -> None:
    begun = [RecordedFile("a", 0, "1"), RecordedFile("b", 2, 2**70)]  # type: ignore[arg-type]
    with LedgerStore(tmp_path / "l") as store:
        store.begin_run(SETTINGS)
        store.follow_files(begun)
        with pytest.raises(LedgerError):
            store.intend(0, CHUNKS[0])
        assert (store.chunks(), store.files()) == ([], [])
        begun[1] = RecordedFile("b", 2)
        store.intend(0, CHUNKS[0])
        assert store.files() == begun


def test_files_are_forgotten_if_nothing_can_have_been_accepted(tmp_path: Path) -> None:
    with LedgerStore(tmp_path / "l") as store:
        store.begin_run(SETTINGS)
        store.follow_files([RecordedFile("a", 0)])
        store.intend(0, CHUNKS[0])
        store.conclude(Receipt(0, 0, 2, 3, 3, Outcome.REJECTED, error=None))
        store.end_run()
        assert store.files() == []
        store.begin_run(SETTINGS)
        store.follow_files([RecordedFile("b", 0)])
        store.intend(0, CHUNKS[0])
        store.conclude(accepted(CHUNKS[0]))
        assert store.files() == [RecordedFile("b", 0)]


def test_a_ledger_of_one_source_has_no_files(tmp_path: Path) -> None:
    with LedgerStore(tmp_path / "l") as store:
        store.begin_run(SETTINGS)
        store.intend(0, CHUNKS[0])
        store.conclude(accepted(CHUNKS[0]))
        assert store.files() == []
