"""``gameball ledger show``."""

import json
import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from command import begin, gameball, line, write_events
from waiting import LONGEST

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


# The source was said to be another one.
def test_a_kill_may_leave_a_chunk_unrecorded_between_others(box: Sandbox, tmp_path: Path) -> None:
    source = write_events(tmp_path / "a.jsonl", 15)
    assert gameball("send", source, "--max-objects", "5", url=box.url).code == 0
    with closing(sqlite3.connect(tmp_path / "a.jsonl.ledger")) as database, database:
        database.execute("DELETE FROM chunks WHERE first = 5")
    shown = gameball("ledger", "show", tmp_path / "a.jsonl.ledger", "--unsent")
    assert [json.loads(text)["_rejected"]["line"] for text in shown.out.splitlines()] == [6, 7, 8, 9, 10]


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


def test_a_ledger_can_be_shown_while_a_send_is_using_it(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 3000)
    # Longer than two commands take on a busy machine.
    with Sandbox(latency=0.2) as box:
        words = ("send", "events.jsonl", "--max-objects", "10", "--rate-limit", "none", "--concurrency", "2")
        process = begin(*words, url=box.url, cwd=tmp_path)
        box.wait_for(lambda: len(box.batches) >= 8, LONGEST)
        shown = [gameball("ledger", "show", "events.jsonl.ledger", "--json", cwd=tmp_path) for _ in range(2)]
        text = gameball("ledger", "show", "events.jsonl.ledger", cwd=tmp_path).out
        assert process.poll() is None
        # The ledger that was read is still the one that the send uses.
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 130
    for report in (done.report for done in shown):
        assert report["exit_code"] == 4
        assert 0 < report["events"]["accepted"] < 3000
        assert report["in_use"]
    assert re.search(r"^  run 1: .*, is running$", text, re.MULTILINE)
    assert "it may have been accepted" not in text
    last = gameball("ledger", "show", "events.jsonl.ledger", "--json", cwd=tmp_path).report
    assert last["events"]["accepted"] == sum(box.events.values())
    assert not last["in_use"]


def test_a_ledger_is_shown_by_lines_as_in_the_report_of_the_send(tmp_path: Path) -> None:
    source = tmp_path / "events.jsonl"
    source.write_text(line(0) + "\nnot an event\n" + line(1) + line(2))
    with Sandbox() as box:
        box.fail_next(Fault(), Fault(status=400))
        words = ("--max-objects", 2, "--concurrency", 1, "--skip-invalid")
        sent = gameball("send", source, *words, url=box.url)
    assert "line 5: " in sent.out
    shown = gameball("ledger", "show", f"{source}.ledger")
    assert re.search(r"lines +events.*\n5 to 5 +1 +rejected", shown.out)
    chunks = gameball("ledger", "show", f"{source}.ledger", "--json").report["chunks"]
    assert [(chunk["first_line"], chunk["last_line"]) for chunk in chunks] == [(None, None), (5, 5)]
    # Lines of another file would be wrong.
    source.write_text(line(7))
    assert re.search(
        r"items +events.*\n3 to 3 +1 +rejected", gameball("ledger", "show", f"{source}.ledger").out
    )
