"""Large ledgers are read as their chunks are needed, and not as a whole."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from either_client import KEYS, EitherClient
from hypothesis import given
from hypothesis import strategies as st
from sending import events

from gameball import Event, Gameball, Outcome
from gameball.cli.interrupts import Interrupts
from gameball.cli.ledger.show import show_ledger
from gameball.cli.options import SendCommandOptions
from gameball.cli.send.one_source import SourceSend
from gameball.cli.send.rejects import beside
from gameball.ledger import known_chunks
from gameball.ledger.file import LedgerFile
from gameball.ledger.known_chunks import KnownChunks
from gameball.ledger.records import LedgerChunk
from gameball.ledger.store import LedgerStore
from gameball.sandbox import Fault, Sandbox
from gameball.sources import find_source

CHUNKS = 150
BATCH = 40
# What is read beside chunks, such as settings and notes.
OTHER = 30


@pytest.fixture(scope="module")
def folder(running_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Send a file as chunks of one event each, of which one is rejected."""
    path: Path = tmp_path_factory.mktemp("large")
    running_sandbox.forget()
    running_sandbox.fail_next(Fault(status=400))
    lines = (f'{{"customer_id":"{event.customer_id}","name":"song_liked"}}\n' for event in events(CHUNKS))
    source = path / "events.jsonl"
    source.write_text("".join(lines))
    with Gameball(*KEYS, base_url=running_sandbox.url, rate_limits=None) as client:
        options = SendCommandOptions(max_objects=1)
        result = SourceSend(client, find_source(str(source)), options, Interrupts()).run()
    assert result.tally.events[Outcome.ACCEPTED] == CHUNKS - 1
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of rows of each reading of a ledger."""
    counts: list[int] = []
    rows = LedgerFile.rows

    def counting(self: LedgerFile, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        found = rows(self, query, values)
        counts.append(len(found))
        return found

    monkeypatch.setattr(LedgerFile, "rows", counting)
    monkeypatch.setattr(known_chunks, "_AT_ONCE", BATCH)
    return counts


def test_a_send_reads_a_ledger_in_batches_and_once(
    either: EitherClient, folder: Path, reads: list[int]
) -> None:
    seen: list[int] = []
    report = either.send(
        events(CHUNKS),
        max_objects=1,
        ledger=beside(folder / "events.jsonl"),
        on_receipt=lambda _: seen.append(sum(reads)),
    )
    assert sum(receipt.from_ledger for receipt in report.receipts) >= CHUNKS - 1
    # The start reads what the first chunks need.
    assert seen[0] <= BATCH + OTHER
    assert max(reads) <= BATCH
    assert sum(reads) <= CHUNKS + OTHER


def test_an_interrupt_at_the_beginning_does_not_read_the_whole_ledger(
    box: Sandbox, folder: Path, reads: list[int]
) -> None:
    def interrupted() -> Iterator[Event]:
        yield from events(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        EitherClient("sync", box.url).send(
            interrupted(), max_objects=1, ledger=beside(folder / "events.jsonl")
        )
    assert sum(reads) <= 2 * BATCH + OTHER


def test_the_command_reads_a_ledger_in_batches_and_once(box: Sandbox, folder: Path, reads: list[int]) -> None:
    with Gameball(*KEYS, base_url=box.url, rate_limits=None) as client:
        options = SendCommandOptions(max_objects=1)
        source = find_source(str(folder / "events.jsonl"))
        result = SourceSend(client, source, options, Interrupts()).run()
    assert result.tally.events[Outcome.ACCEPTED] == CHUNKS
    assert result.tally.events_before >= CHUNKS - 1
    assert max(reads) <= BATCH
    assert sum(reads) <= CHUNKS + OTHER


def test_showing_a_ledger_reads_only_what_was_not_accepted(
    folder: Path, reads: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    show_ledger(beside(folder / "events.jsonl"), unknown=False, unsent=False, source=None, as_json=False)
    assert "accepted" in capsys.readouterr().out
    assert sum(reads) <= OTHER


def test_events_are_counted_by_outcome(either: EitherClient, box: Sandbox, tmp_path: Path) -> None:
    box.fail_next(Fault(), Fault(status=500), Fault(status=400))
    path = tmp_path / "a.ledger"
    with LedgerStore(path) as ledger:
        assert ledger.is_empty()
        assert ledger.count_events() == dict.fromkeys(Outcome, 0)
    either.send(events(10), max_objects=2, concurrency=1, stop_on_error=False, check=False, ledger=path)
    with LedgerStore(path) as ledger:
        assert not ledger.is_empty()
        assert ledger.count_events() == {
            Outcome.ACCEPTED: 6,
            Outcome.UNKNOWN: 2,
            Outcome.REJECTED: 2,
            Outcome.UNSENT: 0,
        }


@st.composite
def recorded_chunks(draw: st.DrawFn) -> list[LedgerChunk]:
    """Chunks in the order of a source, with gaps between some of them."""
    chunks: list[LedgerChunk] = []
    position = 0
    for gap, length, outcome in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from(Outcome)), max_size=8)
    ):
        first = position + gap
        position = first + length
        digest, in_flight = b"", False
        chunks.append(
            LedgerChunk(
                first, position - 1, len(chunks), 1, length, length, digest, outcome, in_flight, None, 1, None
            )
        )
    return chunks


@given(chunks=recorded_chunks(), position=st.integers(0, 10))
def test_for_any_ledger_the_items_that_may_have_been_sent_are_found(
    chunks: list[LedgerChunk], position: int
) -> None:
    later = [chunk for chunk in chunks if chunk.first >= position]
    expected = {
        place
        for chunk in later
        if chunk.outcome in {Outcome.ACCEPTED, Outcome.UNKNOWN}
        for place in range(chunk.first, chunk.last + 1)
    }
    known = KnownChunks.of(chunks)
    sent = known.sent_between(position, known.end)
    assert known.has_sent_from(position) is bool(expected)
    assert [place for places in sent for place in places] == sorted(expected)
    assert all(before.stop < after.start for before, after in itertools.pairwise(sent))


@given(chunks=recorded_chunks(), position=st.integers(0, 40))
def test_for_any_ledger_it_is_known_which_items_it_holds(chunks: list[LedgerChunk], position: int) -> None:
    held = any(chunk.first <= position <= chunk.last for chunk in chunks)
    assert KnownChunks.of(chunks).holds(position) is held
