"""What a send and the command keep in a ledger."""

from pathlib import Path

from gameball import Ledger
from gameball.ledger.store import LedgerStore


def test_a_note_replaces_an_earlier_one_of_the_same_name(tmp_path: Path) -> None:
    with LedgerStore(tmp_path / "a.ledger") as ledger:
        ledger.note({"source": "a.jsonl", "format": "csv"})
        ledger.note({"format": "jsonl"})
    with LedgerStore(tmp_path / "a.ledger") as ledger:
        assert ledger.notes() == {"source": "a.jsonl", "format": "jsonl"}
        assert ledger.settings() == {}


def test_a_ledger_shows_users_no_methods_of_the_engine() -> None:
    public = {name for name in vars(Ledger) if not name.startswith("_")}
    assert public == {"close", "runs", "chunks", "count_events", "ranges", "resolve"}
