"""Several files with one ledger: their events share requests, and nothing is lost or sent twice."""

import json
import os
import random
import time
from pathlib import Path

import pytest
from command import begin, gameball, line, rejects, write_events
from repetitions import repetitions
from waiting import LONGEST

from gameball.sandbox import Fault, Sandbox

WORDS = ("send", "events", "--ledger", "events.ledger")


def files(folder: Path, *names: str, count: int = 3) -> Path:
    """Write files of events whose customers differ, in a folder ``events``."""
    events = folder / "events"
    events.mkdir(exist_ok=True)
    for name in names:
        start = 100 * (ord(name[0]) - ord("a"))
        write_events(events / f"{name}.jsonl", count, start=start)
    return events


def send(folder: Path, box: Sandbox, *words: str | int) -> dict[str, object]:
    return dict(gameball(*WORDS, "--json", *words, url=box.url, cwd=folder).source)


def test_a_thousand_small_files_take_as_few_requests_as_one_file(box: Sandbox, tmp_path: Path) -> None:
    events = tmp_path / "events"
    events.mkdir()
    for number in range(1_000):
        write_events(events / f"{number:03}.jsonl", 3, start=3 * number)
    apart = gameball("send", "events", "--dry-run", cwd=tmp_path).out
    assert "1,000 requests would take at least 69 s under the rate limits. Nothing was sent.\n" in apart
    assert apart.endswith("With one ledger for all files, --ledger FILE, it would be about 3 requests.\n")
    dry = gameball(*WORDS, "--dry-run", cwd=tmp_path)
    assert dry.out.startswith("1,000 files: 3,000 events in 3,000 objects, 3 requests, ")
    done = gameball(*WORDS, url=box.url, cwd=tmp_path)
    assert done.out.startswith("1,000 files: 3,000 events, 3 requests, ")
    assert "all with the ledger events.ledger\n  3,000 accepted" in done.out
    assert (done.code, done.problems, len(done.out.splitlines())) == (0, "", 4)
    assert (len(box.batches), len(box.events), set(box.events.values())) == (3, 3_000, {1})
    again = gameball(*WORDS, "--json", url=box.url, cwd=tmp_path)
    assert again.report["total"]["sources"] == 1_000
    assert again.source["accepted_in_earlier_runs"] == 3_000
    assert again.source["files"][999] == {"source": "events/999.jsonl", "first_item": 2_997}
    assert len(box.batches) == 3


def test_new_files_come_after_recorded_ones_and_the_last_one_may_grow(box: Sandbox, tmp_path: Path) -> None:
    events = files(tmp_path, "b", "d")
    assert send(tmp_path, box)["requests"] == 1
    with (events / "d.jsonl").open("a") as file:
        file.write(line(350))
    files(tmp_path, "a", "c", "e")
    dry = gameball(*WORDS, "--dry-run", "--json", cwd=tmp_path).source
    assert (dry["requests_to_send"], dry["ledger_problem"]) == (1, None)
    grown = send(tmp_path, box)
    names = [Path(file["source"]).stem for file in grown["files"]]  # type: ignore[attr-defined]
    assert names == ["b", "d", "a", "c", "e"]
    assert (grown["requests"], len(box.events), set(box.events.values())) == (1, 16, {1})
    # Now another one is the last, and d.jsonl may not grow any more.
    with (events / "d.jsonl").open("a") as file:
        file.write(line(351))
    refused = gameball(*WORDS, url=box.url, cwd=tmp_path)
    assert (refused.code, "events/d.jsonl has changed since it was sent" in refused.err) == (2, True)
    assert len(box.events) == 16


def test_the_folder_and_its_ledger_can_be_moved_and_named_in_any_way(box: Sandbox, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    files(old, "a", "b")
    send(old, box)
    new = tmp_path / "new"
    old.rename(new)
    words = (
        "send",
        new / "events" / "b.jsonl",
        new / "events" / "a.jsonl",
        "--ledger",
        new / "events.ledger",
    )
    again = gameball(*words, "--json", url=box.url)
    assert again.source["accepted_in_earlier_runs"] == 6
    assert len(box.batches) == 1


def test_links_to_files_folders_and_ledgers_do_not_change_which_file_is_which(
    box: Sandbox, tmp_path: Path
) -> None:
    files(tmp_path, "a")
    (tmp_path / "data").write_text(line(500))
    (tmp_path / "events" / "b.jsonl").symlink_to(tmp_path / "data")
    (tmp_path / "ledgers" / "deep").mkdir(parents=True)
    (tmp_path / "linked").symlink_to(tmp_path / "ledgers" / "deep")
    (tmp_path / "also").symlink_to(tmp_path / "events")
    words = ("send", "events", "--max-objects", "2", "--concurrency", "1", "--ledger", "linked/x.ledger")
    box.fail_next(Fault(), Fault(status=500))
    assert gameball(*words, url=box.url, cwd=tmp_path).code == 4
    (tmp_path / "y.ledger").symlink_to(tmp_path / "ledgers" / "deep" / "x.ledger")
    for ledger in ("linked/x.ledger", "y.ledger", "ledgers/deep/x.ledger"):
        shown = gameball("ledger", "show", ledger, "--unknown", cwd=tmp_path)
        sources = [Path(json.loads(text)["_rejected"]["source"]).name for text in shown.out.splitlines()]
        assert sources == ["a.jsonl", "b.jsonl"]
        done = gameball("send", "also", "--max-objects", "2", "--ledger", ledger, url=box.url, cwd=tmp_path)
        assert (done.code, len(box.batches)) == (4, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("remove", "records events/b.jsonl, which does not exist any more: put it back"),
        ("rename", "events/z.jsonl has the same content: if it was renamed, give it its former name again"),
        ("change", "events/b.jsonl has changed since it was sent with the ledger events.ledger"),
        ("change the last", "differ from those recorded in the ledger"),
        ("empty the last", "differ from those recorded in the ledger"),
        ("do not name", "records events/a.jsonl too, which is not among the sources"),
        ("move the ledger", "records other/events/a.jsonl, which does not exist any more"),
    ],
)
def test_recorded_files_that_are_not_as_they_were_are_refused_by_name_and_nothing_is_sent(
    box: Sandbox, tmp_path: Path, change: str, said: str
) -> None:
    events = files(tmp_path, "a", "b", "c")
    send(tmp_path, box)
    words: tuple[str, ...] = WORDS
    if change == "remove":
        (events / "b.jsonl").unlink()
    elif change == "rename":
        (events / "b.jsonl").rename(events / "z.jsonl")
    elif change == "change":
        write_events(events / "b.jsonl", 3, start=500)
    elif change == "change the last":
        write_events(events / "c.jsonl", 3, start=500)
    elif change == "empty the last":
        (events / "c.jsonl").write_text("\n")
    elif change == "do not name":
        words = ("send", "events/b.jsonl", "events/c.jsonl", "--ledger", "events.ledger")
    else:
        (tmp_path / "other").mkdir()
        (tmp_path / "events.ledger").rename(tmp_path / "other" / "events.ledger")
        words = ("send", "events", "--ledger", "other/events.ledger")
    # A new file must not be sent either.
    write_events(events / "new.jsonl", 3, start=900)
    dry = gameball(*words, "--dry-run", "--json", cwd=tmp_path).source
    assert dry["ledger_problem"]
    done = gameball(*words, "--json", url=box.url, cwd=tmp_path)
    problem = done.source["error"] if "sources" in done.report else done.err
    assert (done.code, said in problem) == (2, True)
    if change.endswith("the last"):
        assert "These items are in events/a.jsonl to events/" in problem
    assert (len(box.batches), len(box.events)) == (1, 9)


@pytest.mark.repeated
@pytest.mark.parametrize("seed", range(repetitions(2)))
def test_after_a_kill_changed_files_are_refused_and_the_rest_arrives_once(
    seed: int, slow_box: Sandbox, tmp_path: Path
) -> None:
    events = tmp_path / "events"
    events.mkdir()
    for number in range(40):
        write_events(events / f"{number:02}.jsonl", 30, start=1_000 + 30 * number)
    words = (*WORDS, "--max-objects", "7", "--rate-limit", "none")
    process = begin(*words, url=slow_box.url, cwd=tmp_path)
    count = random.Random(seed).randrange(2, 60)
    slow_box.wait_for(lambda: len(slow_box.batches) >= count, LONGEST)
    time.sleep(seed / 200)
    process.kill()
    process.communicate()
    sent = len(slow_box.batches)
    # A file that was begun is renamed, one that was not is removed, and new ones are added everywhere.
    (events / "00.jsonl").rename(events / "moved.jsonl")
    refused = gameball(*words, url=slow_box.url, cwd=tmp_path)
    assert (refused.code, "records events/00.jsonl, which does not exist" in refused.err) == (2, True)
    assert len(slow_box.batches) - sent <= 8  # those that were on their way
    (events / "moved.jsonl").rename(events / "00.jsonl")
    (events / "39.jsonl").unlink()
    for number, name in enumerate(("0", "0x", "15x", "99")):
        write_events(events / f"{name}.jsonl", 30, start=3_000 + 30 * number)
    expected = {*range(1_000, 1_000 + 39 * 30), *range(3_000, 3_120)}
    done = gameball(*words, "--json", url=slow_box.url, cwd=tmp_path)
    outcomes = done.source["events"]
    assert (outcomes["rejected"], outcomes["unsent"], outcomes["unknown"] <= 8 * 7) == (0, 0, True)
    assert outcomes["accepted"] + outcomes["unknown"] == len(expected)
    assert set(slow_box.events.values()) == {1}
    received = {int(customer.removeprefix("cust-")) for customer, _, _ in slow_box.events}
    # What may have been accepted is shown with its files and lines, and can be resolved.
    shown = gameball("ledger", "show", "events.ledger", "--unknown", cwd=tmp_path)
    unknown = {int(json.loads(text)["customer_id"][5:]) for text in shown.out.splitlines()}
    assert len(unknown) == outcomes["unknown"]
    assert received | unknown == expected
    for failure in done.source["failures"]:
        where = f"{failure['first_item'] + 1}-{failure['last_item'] + 1}"
        words_of_one = ("ledger", "resolve", "events.ledger", "--items", where, "--as", "accepted")
        assert gameball(*words_of_one, cwd=tmp_path).code == 0
    assert gameball(*words, url=slow_box.url, cwd=tmp_path).code == 0
    assert set(slow_box.events.values()) == {1}


def test_requests_that_fail_are_told_with_their_files_and_lines(box: Sandbox, tmp_path: Path) -> None:
    files(tmp_path, *"abcdefgh")
    box.fail_next(Fault(), Fault(status=400), Fault(status=500, accepts=True))
    words = (*WORDS, "--max-objects", "2", "--concurrency", "1", "--rejects", "rejects.jsonl")
    stopped = gameball(*words, url=box.url, cwd=tmp_path)
    assert stopped.code == 4
    assert (
        "line 3 of events/a.jsonl to line 1 of events/b.jsonl: The sandbox was asked to fail (HTTP 400"
        in stopped.out
    )
    assert "lines 2 to 3 of events/b.jsonl: " in stopped.out
    assert "  not started: events/" in stopped.out
    assert "8 files were not read to their end." in stopped.out
    assert [(mark["source"], mark["line"]) for mark in rejects(tmp_path / "rejects.jsonl")][:4] == [
        ("events/a.jsonl", 3),
        ("events/b.jsonl", 1),
        ("events/b.jsonl", 2),
        ("events/b.jsonl", 3),
    ]
    shown = gameball("ledger", "show", "events.ledger", cwd=tmp_path, COLUMNS="200")
    assert shown.out.startswith("events.ledger: 8 files\n")
    assert "line 3 of events/a.jsonl to line 1 of events/b.jsonl" in shown.out
    report = gameball("ledger", "show", "events.ledger", "--json", cwd=tmp_path).report
    assert [file["source"] for file in report["files"]] == ["events/a.jsonl", "events/b.jsonl"]
    chunk = report["chunks"][2]
    assert (chunk["first_source"], chunk["first_line"], chunk["last_line"]) == ("events/b.jsonl", 2, 3)
    # Files that no send has begun are not sent either.
    unsent = gameball("ledger", "show", "events.ledger", "--unsent", cwd=tmp_path).out.splitlines()
    assert [json.loads(text)["_rejected"]["source"] for text in unsent] == [
        f"events/{name}.jsonl" for name in "cdefgh" for _ in range(3)
    ]
    lines = gameball("ledger", "resolve", "events.ledger", "--lines", "2-3", "--as", "unsent", cwd=tmp_path)
    assert (lines.code, "use --items" in lines.err) == (2, True)
    resolve = ("ledger", "resolve", "events.ledger", "--as", "unsent", "--items")
    wrong = gameball(*resolve, "5-7", cwd=tmp_path)
    assert (
        "items 5 to 7 cannot be resolved: give all items of one or more unknown requests, which are: 5-6"
        in wrong.err
    )
    assert gameball(*resolve, "5-6", cwd=tmp_path).code == 0


def test_an_invalid_line_is_named_with_its_file_and_stops_or_is_skipped(box: Sandbox, tmp_path: Path) -> None:
    events = files(tmp_path, "a", "b", "c")
    (events / "b.jsonl").write_text(line(100) + "junk\n" + json.dumps({"customer_id": "", "name": "x"}))
    stopped = gameball(*WORDS, url=box.url, cwd=tmp_path)
    assert (stopped.code, len(box.events)) == (3, 4)
    assert "Next: correct line 2 of events/b.jsonl or skip such lines with --skip-invalid" in stopped.out
    done = gameball(*WORDS, "--skip-invalid", "--rejects", "r.jsonl", "--json", url=box.url, cwd=tmp_path)
    problems = [(problem["source"], problem["line"]) for problem in done.source["problems"]]
    assert problems == [("events/b.jsonl", 2), ("events/b.jsonl", 3)]
    assert [(mark["source"], mark["line"]) for mark in rejects(tmp_path / "r.jsonl")] == problems
    assert (done.code, len(box.events), set(box.events.values())) == (3, 7, {1})


def test_items_that_fail_in_a_job_are_found_in_their_files(tmp_path: Path) -> None:
    files(tmp_path, "a", "b")
    with Sandbox(failing_customers={"cust-101": "The account is closed"}, job_seconds=0.1) as box:
        done = gameball(*WORDS, "--wait", "--rejects", "r.jsonl", url=box.url, cwd=tmp_path)
    assert done.code == 3
    assert [(mark["source"], mark["line"]) for mark in rejects(tmp_path / "r.jsonl")] == [
        ("events/b.jsonl", 2)
    ]


def test_a_limit_counts_all_files_and_a_send_without_it_goes_on(box: Sandbox, tmp_path: Path) -> None:
    files(tmp_path, "a", "b", "c")
    limited = gameball(*WORDS, "--limit", "4", url=box.url, cwd=tmp_path)
    assert "3 files were limited to their first 4 rows." in limited.out
    assert len(box.events) == 4
    assert send(tmp_path, box)["requests"] == 1
    assert (len(box.events), set(box.events.values())) == (9, {1})


def test_a_folder_of_a_single_file_is_one_of_several_files(box: Sandbox, tmp_path: Path) -> None:
    events = files(tmp_path, "b")
    assert send(tmp_path, box)["files"] == [{"source": "events/b.jsonl", "first_item": 0}]
    files(tmp_path, "a")
    assert send(tmp_path, box)["requests"] == 1
    assert (len(box.events), set(box.events.values())) == (6, {1})
    gameball("send", events / "b.jsonl", "--ledger", f"{events}/b.jsonl.ledger", url=box.url)
    box.forget()
    (events / "a.jsonl").unlink()
    refused = gameball("send", "events", "--ledger", "other.ledger", url=box.url, cwd=tmp_path)
    assert (refused.code, "has a ledger of its own" in refused.err, box.batches) == (2, True, [])


def test_the_ledger_of_one_file_is_continued_as_that_of_several(box: Sandbox, tmp_path: Path) -> None:
    events = files(tmp_path, "b")
    words: tuple[str, ...] = ("send", "events/b.jsonl", "--ledger", "events.ledger")
    assert gameball(*words, url=box.url, cwd=tmp_path).code == 0
    files(tmp_path, "a")
    # Nothing of the new file is recorded yet, but the ledger still knows which file it is of.
    for _ in range(2):
        words = (*WORDS, "--limit", "3")
        assert gameball(*words, url=box.url, cwd=tmp_path).code == 0
    names = [Path(file["source"]).stem for file in send(tmp_path, box)["files"]]  # type: ignore[attr-defined]
    assert names == ["b", "a"]
    assert (len(box.events), set(box.events.values())) == (6, {1})
    alone = gameball("send", events / "b.jsonl", "--ledger", "events.ledger", url=box.url, cwd=tmp_path)
    assert (alone.code, "records events/a.jsonl too" in alone.err) == (2, True)


def test_a_file_that_was_sent_by_itself_is_not_sent_again_with_others_nor_the_other_way(
    box: Sandbox, tmp_path: Path
) -> None:
    events = files(tmp_path, "a", "b")
    assert gameball("send", events / "a.jsonl", url=box.url).code == 0
    for more, code in ((("--dry-run",), 0), ((), 2), (("--dry-run",), 0)):
        refused = gameball(*WORDS, *more, url=box.url, cwd=tmp_path)
        assert (refused.code, "a.jsonl has a ledger of its own" in refused.out + refused.err) == (code, True)
    Path(f"{events}/a.jsonl.ledger").unlink()
    box.forget()
    assert send(tmp_path, box)["requests"] == 1
    (events / "b.jsonl").rename(events / "moved.jsonl")  # a copy is recognised by its content
    for name in ("a", "moved"):
        alone = gameball("send", events / f"{name}.jsonl", url=box.url)
        # The content of the last file is not recorded, because it may grow.
        assert alone.code == (2 if name == "a" else 0)
    whole = gameball("send", "events/a.jsonl", url=box.url, cwd=tmp_path)
    said = f"events/a.jsonl was sent with other files and the ledger {tmp_path}/events.ledger: to continue"
    assert said in whole.err


def test_identical_files_are_all_sent_with_one_ledger(box: Sandbox, tmp_path: Path) -> None:
    events = files(tmp_path, "a")
    (events / "b.jsonl").write_bytes((events / "a.jsonl").read_bytes())
    assert send(tmp_path, box)["requests"] == 1
    assert set(box.events.values()) == {2}
    send(tmp_path, box)
    assert set(box.events.values()) == {2}


def test_a_file_may_share_a_ledger_only_if_it_can_be_read_again(box: Sandbox, tmp_path: Path) -> None:
    files(tmp_path, "a", "b")
    os.mkfifo(tmp_path / "pipe.jsonl")
    words = ("send", "pipe.jsonl", *WORDS[1:])
    refused = gameball(*words, url=box.url, cwd=tmp_path)
    assert (refused.code, "can be read only once" in refused.err) == (2, True)
    assert send(tmp_path, box)["requests"] == 1
    # A ledger of files is not one of standard input or of a query.
    given = (tmp_path / "events" / "a.jsonl").read_bytes()
    piped = gameball("send", "-", "--ledger", "events.ledger", url=box.url, cwd=tmp_path, given=given)
    assert (piped.code, "can be read only once" in piped.err) == (2, True)
    query = ("--sql", "SELECT 'a' AS customer_id, 'x' AS name ORDER BY 1")
    asked = gameball("send", *query, "--ledger", "events.ledger", url=box.url, cwd=tmp_path)
    assert (asked.code, "records another query or source" in asked.err) == (2, True)
    assert len(box.batches) == 1


def test_settings_in_a_file_may_name_a_folder_and_one_ledger(box: Sandbox, tmp_path: Path) -> None:
    files(tmp_path, "a", "b")
    (tmp_path / "feed.toml").write_text('source = "events"\nledger = "events.ledger"\n')
    for _ in range(2):
        assert gameball("send", "--config", tmp_path / "feed.toml", url=box.url).code == 0
    assert len(box.batches) == 1
