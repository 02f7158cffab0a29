"""``gameball ledger rebind`` and ``gameball ledger resolve``."""

import json
from pathlib import Path

import pytest
from command import gameball, line, write_events

from gameball.sandbox import Fault, Sandbox


def test_a_ledger_continues_with_a_rotated_key_after_rebind(box: Sandbox, tmp_path: Path) -> None:
    source = write_events(tmp_path / "events.jsonl", 10)
    ledger = tmp_path / "events.jsonl.ledger"
    assert gameball("send", source, url=box.url).code == 0
    refused = gameball("send", source, url=box.url, GAMEBALL_API_KEY="new")
    assert refused.code == 2
    assert f"gameball ledger rebind {ledger}" in refused.err
    assert gameball("ledger", "rebind", ledger, url=box.url, GAMEBALL_API_KEY="new").code == 0
    again = gameball("send", source, "--json", url=box.url, GAMEBALL_API_KEY="new")
    assert (again.code, again.source["accepted_in_earlier_runs"]) == (0, 10)
    assert len(box.received) == 1


def test_rebinding_needs_a_ledger_and_keys(box: Sandbox, tmp_path: Path) -> None:
    source = write_events(tmp_path / "events.jsonl", 10)
    assert gameball("send", source, url=box.url).code == 0
    assert gameball("ledger", "rebind", tmp_path / "absent.ledger", url=box.url).code == 2
    assert gameball("ledger", "rebind", f"{source}.ledger").code == 5


WORDS = ("events.jsonl", "--max-objects", 3, "--concurrency", 1, "--keep-going", "--skip-invalid")


@pytest.fixture
def source(box: Sandbox, tmp_path: Path) -> Path:
    """Send 14 lines, of which 4 and 5 are no events. Lines 4 to 8 and 9 to 11 are unknown."""
    lines = [line(number) for number in range(14)]
    lines[3] = "no event\n"
    lines[4] = '{"customer_id": "", "name": "refused while it is sent"}\n'
    path = tmp_path / "events.jsonl"
    path.write_text("".join(lines))
    box.fail_next(Fault(), Fault(status=500, accepts=True), Fault(status=500))
    assert gameball("send", *WORDS, url=box.url, cwd=tmp_path).code == 4
    return path


def test_resolved_lines_are_skipped_or_sent_again(box: Sandbox, source: Path) -> None:
    ledger = "events.jsonl.ledger"
    done = gameball("ledger", "resolve", ledger, "--lines", "6-8", "--as", "accepted", cwd=source.parent)
    assert (done.code, done.out) == (0, f"{ledger}: lines 6 to 8 are now recorded as accepted\n")
    done = gameball(
        "ledger", "resolve", ledger, "--lines", "9-11", "--as", "unsent", "--json", cwd=source.parent
    )
    assert json.loads(done.out) == {"ledger": ledger, "lines": [9, 11], "outcome": "unsent", "exit_code": 0}
    assert gameball("send", *WORDS, url=box.url, cwd=source.parent).code == 3
    assert len(box.events) == 12
    assert set(box.events.values()) == {1}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("1-3", "unknown requests, which are: 6-8, 9-11"),
        ("7-8", "unknown requests, which are: 6-8, 9-11"),
        ("6-12", "unknown requests, which are: 6-8, 9-11"),
        ("six", "must be a range such as 10-20"),
    ],
)
def test_lines_that_are_not_whole_unknown_requests_are_refused(lines: str, said: str, source: Path) -> None:
    words = ("ledger", "resolve", "events.jsonl.ledger", "--lines", lines, "--as", "accepted")
    done = gameball(*words, cwd=source.parent)
    assert done.code == 2
    assert said in done.err


def test_a_ledger_of_another_source_is_refused(source: Path) -> None:
    source.write_text(source.read_text().replace("cust-", "customer-"))
    words = ("ledger", "resolve", "events.jsonl.ledger", "--lines", "6-8", "--as", "accepted")
    done = gameball(*words, cwd=source.parent)
    assert (done.code, "is not the source that was sent" in done.err) == (2, True)
