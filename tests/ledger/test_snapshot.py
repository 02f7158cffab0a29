"""Reading a ledger that another send is writing."""

import threading
from itertools import pairwise
from pathlib import Path

import pytest

from gameball import Event, LedgerError, Outcome, Receipt, chunk_events
from gameball.ledger.snapshot import reading
from gameball.ledger.store import LedgerStore


def test_a_ledger_that_is_being_written_is_read_as_it_was_at_some_moment(tmp_path: Path) -> None:
    path = tmp_path / "a.ledger"
    chunks = list(chunk_events((Event(f"c{n}", "n") for n in range(300)), max_objects=1))
    counts: list[int] = []
    begun = threading.Event()

    def write() -> None:
        with LedgerStore(path) as ledger:
            ledger.begin_run({})
            for number, chunk in enumerate(chunks):
                ledger.intend(number, chunk)
                ledger.conclude(Receipt.of(chunk, number, Outcome.ACCEPTED, job_id=number))
                begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    while writer.is_alive():
        with reading(path) as ledger:
            counts.append(len(ledger.chunks()))
    writer.join()
    # A copy may have a chunk whose transaction is just being committed, and the next copy may still undo it.
    assert all(later >= earlier - 1 for earlier, later in pairwise(counts))
    with reading(path) as ledger:
        assert len(ledger.chunks(Outcome.ACCEPTED)) == 300
    assert [file.name for file in tmp_path.iterdir()] == ["a.ledger"]


def test_a_damaged_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ledger"
    path.write_text("not a ledger")
    with pytest.raises(LedgerError, match="not a ledger"), reading(path):
        pytest.fail("it was opened")
