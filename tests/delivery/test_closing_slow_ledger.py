"""A send that is finished while its ledger is being written: the ledger has what the report has."""

import threading
import time
from pathlib import Path

import pytest
from either_client import EitherClient
from waiting import LONGEST

from gameball import Event, Ledger, Outcome
from gameball.chunking.chunk import Chunk
from gameball.delivery.send_context import BaseWorker
from gameball.ledger.store import LedgerStore
from gameball.receipts import Receipt
from gameball.sandbox import Sandbox

#: How long a write may wait for what it must not wait for, in seconds.
SLOW = 2.0
DEADLINE = 1.0

EVENTS = [Event("a", "x"), Event("b", "x")]


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def check(kind: str, box: Sandbox, path: Path, outcome: Outcome, deadline: float = DEADLINE) -> None:
    """Send two chunks, and check what report and ledger have of the first."""
    report = EitherClient(kind, box.url).send(
        EVENTS, max_objects=1, concurrency=1, ledger=path, deadline=deadline, check=False
    )
    assert report.ranges(outcome)[0].start == 0
    with Ledger(path) as ledger:
        (first, *_) = ledger.chunks()
        assert first.outcome is outcome


def test_an_intent_that_is_written_too_late_is_followed_by_the_outcome(
    kind: str, box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    concluded = threading.Event()
    intend, conclude = LedgerStore.intend, LedgerStore.conclude

    def intend_late(store: LedgerStore, number: int, chunk: Chunk) -> None:
        concluded.wait(SLOW)
        intend(store, number, chunk)

    def note_conclude(store: LedgerStore, receipt: Receipt) -> None:
        conclude(store, receipt)
        concluded.set()

    monkeypatch.setattr(LedgerStore, "intend", intend_late)
    monkeypatch.setattr(LedgerStore, "conclude", note_conclude)
    check(kind, box, tmp_path / "x.ledger", Outcome.UNSENT)
    assert not box.events


def test_an_intent_that_begins_after_the_chunk_was_abandoned_is_not_written(
    kind: str, box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    intend = BaseWorker.intend
    written = []

    def intend_late(*arguments: object) -> None:
        ended.wait(LONGEST)
        intend(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(BaseWorker, "conclude_abandoned", lambda *_: ended.set())
    monkeypatch.setattr(BaseWorker, "intend", intend_late)
    monkeypatch.setattr(LedgerStore, "intend", lambda *arguments: written.append(arguments))
    EitherClient(kind, box.url).send(
        EVENTS, max_objects=1, concurrency=1, ledger=tmp_path / "x.ledger", deadline=DEADLINE, check=False
    )
    assert not written
    assert not box.events


def test_an_outcome_is_written_before_the_ledger_is_closed(
    kind: str, box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    conclude, end_run = LedgerStore.conclude, LedgerStore.end_run

    def conclude_late(store: LedgerStore, receipt: Receipt) -> None:
        ended.wait(SLOW)
        conclude(store, receipt)

    def note_end(store: LedgerStore) -> None:
        end_run(store)
        ended.set()

    monkeypatch.setattr(LedgerStore, "conclude", conclude_late)
    monkeypatch.setattr(LedgerStore, "end_run", note_end)
    check(kind, box, tmp_path / "x.ledger", Outcome.ACCEPTED)


def test_a_worker_that_was_abandoned_takes_no_further_chunk(
    kind: str, box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its receipt was lost: the worker was cancelled while it recorded the outcome of that chunk.
    begun = threading.Event()
    conclude = LedgerStore.conclude

    def intend_late(*_: object) -> None:
        begun.wait(LONGEST)

    def conclude_abandoned(*_: object) -> None:
        begun.set()
        time.sleep(SLOW)

    def conclude_late(store: LedgerStore, receipt: Receipt) -> None:
        time.sleep(SLOW)
        conclude(store, receipt)

    monkeypatch.setattr(BaseWorker, "intend", intend_late)
    monkeypatch.setattr(BaseWorker, "conclude_abandoned", conclude_abandoned)
    monkeypatch.setattr(LedgerStore, "conclude", conclude_late)
    report = EitherClient(kind, box.url).send(
        EVENTS, max_objects=1, concurrency=1, ledger=tmp_path / "x.ledger", deadline=DEADLINE, check=False
    )
    assert [(receipt.first, receipt.outcome) for receipt in report.receipts] == [
        (0, Outcome.UNSENT),
        (1, Outcome.UNSENT),
    ]
