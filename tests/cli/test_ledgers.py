"""``gameball ledger show`` and ``gameball ledger resolve``."""

import json
import re
from pathlib import Path

import pytest
from command import gameball, line, write_events

from gameball.sandbox import Fault, Sandbox


def test_unsent_lines_include_those_that_were_not_read(tmp_path: Path) -> None:
    source = tmp_path / "events.jsonl"
    source.write_text(line(0) + "\n" + line(1) + "no JSON\n" + line(2))
    with Sandbox() as box:
        assert gameball("send", source, url=box.url).code == 3
    shown = gameball("ledger", "show", tmp_path / "events.jsonl.ledger", "--unsent")
    assert shown.code == 4
    assert '"line":5' in shown.out
    assert "not read by any send yet" in shown.out
    assert shown.out.count("\n") == 1
    report = gameball("ledger", "show", tmp_path / "events.jsonl.ledger", "--unsent", "--json").report
    assert report["lines"] == [json.loads(shown.out)]


def test_lines_of_a_changed_source_are_not_printed(box: Sandbox, tmp_path: Path) -> None:
    source = write_events(tmp_path / "a.jsonl", 20)
    box.fail_next(Fault(), Fault(status=500))
    assert gameball("send", source, "--max-objects", "5", "--concurrency", "1", url=box.url).code == 4
    ledger = tmp_path / "a.jsonl.ledger"
    assert gameball("ledger", "show", ledger, "--unknown").out.count("\n") == 5
    source.write_text(line(99) + source.read_text())
    changed = gameball("ledger", "show", ledger, "--unknown")
    assert (changed.code, changed.out) == (2, "")
    assert "is not the source that was sent" in changed.err


def test_a_ledger_tells_when_its_source_was_not_read_to_its_end(box: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text(line(0) + "no JSON\n" + line(1))
    gameball("send", source, url=box.url)
    shown = gameball("ledger", "show", tmp_path / "a.jsonl.ledger")
    assert (shown.code, "not read to its end" in shown.out) == (4, True)
    gameball("send", source, "--skip-invalid", url=box.url)
    shown = gameball("ledger", "show", tmp_path / "a.jsonl.ledger")
    assert (shown.code, "not read to its end" in shown.out) == (0, False)


def test_a_ledger_is_shown_as_text_and_as_json(box: Sandbox, tmp_path: Path) -> None:
    source = write_events(tmp_path / "events.jsonl", 30)
    box.fail_next(Fault(), Fault(status=400))
    words = ("--max-objects", "10", "--concurrency", "1")
    assert gameball("send", source, *words, url=box.url).code == 3
    shown = gameball("ledger", "show", tmp_path / "events.jsonl.ledger")
    assert shown.code == 3
    assert str(source) in shown.out
    assert "20 accepted" in shown.out
    assert re.search(
        r"^11 to 20 +10 +rejected +1 +HTTP 400|^11 to 20 +10 +rejected +1 ", shown.out, re.MULTILINE
    )
    report = gameball("ledger", "show", tmp_path / "events.jsonl.ledger", "--json").report
    assert report["events"] == {"accepted": 20, "rejected": 10, "unknown": 0, "unsent": 0}
    assert [chunk["outcome"] for chunk in report["chunks"]] == ["accepted", "rejected", "accepted"]
    unsent = gameball("ledger", "show", tmp_path / "events.jsonl.ledger", "--unsent", "--json").report
    assert (unsent["exit_code"], unsent["lines"]) == (3, [])
    moved = tmp_path / "moved.jsonl"
    source.rename(moved)
    lost = gameball("ledger", "show", tmp_path / "events.jsonl.ledger", "--unsent")
    assert (lost.code, "--source" in lost.err) == (2, True)
    found = gameball("ledger", "show", tmp_path / "events.jsonl.ledger", "--unsent", "--source", moved)
    assert (found.code, found.out) == (3, "")


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


def test_settled_lines_are_skipped_or_sent_again(box: Sandbox, source: Path) -> None:
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
        ("1-3", "these are lines 6-8, 9-11"),
        ("7-8", "these are lines 6-8, 9-11"),
        ("6-12", "these are lines 6-8, 9-11"),
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
