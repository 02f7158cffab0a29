"""A dry run says what a ledger has recorded already, and leaves the ledger as it is."""

from pathlib import Path

from command import gameball, write_events

from gameball.sandbox import Fault, Sandbox

WORDS = ("--max-objects", 100, "--concurrency", 1)


def test_a_dry_run_counts_what_is_recorded_and_what_is_left(box: Sandbox, tmp_path: Path) -> None:
    source = write_events(tmp_path / "a.jsonl", 1_000)
    box.fail_next(Fault(), Fault(), Fault(status=500, accepts=True))
    assert gameball("send", source, *WORDS, url=box.url).code == 4
    ledger = Path(f"{source}.ledger")
    content = ledger.read_bytes()
    done = gameball("send", source, *WORDS, "--dry-run")
    assert f"recorded in {ledger}: 300 of 1,000 events (200 accepted, 100 unknown)" in done.out
    assert "left to send: 7 requests" in done.out
    report = gameball("send", source, *WORDS, "--dry-run", "--json").source
    assert report["recorded"] == {"accepted": 200, "rejected": 0, "unknown": 100, "unsent": 0}
    assert (report["requests"], report["requests_to_send"]) == (10, 7)
    resending = gameball("send", source, *WORDS, "--on-unknown", "resend", "--dry-run", "--json").source
    assert resending["requests_to_send"] == 8
    assert ledger.read_bytes() == content
    assert not list(tmp_path.glob("*-journal"))


def test_a_dry_run_says_what_a_send_would_refuse(box: Sandbox, tmp_path: Path) -> None:
    source = write_events(tmp_path / "a.jsonl", 300)
    assert gameball("send", source, *WORDS, url=box.url).code == 0
    other = gameball("send", source, "--max-objects", 50, "--dry-run").out
    assert "would be refused: it was started with --max-objects 100" in other
    write_events(source, 300, start=7)
    changed = gameball("send", source, *WORDS, "--dry-run").out
    assert "would be refused: item 1 and those after it differ from what it records" in changed
