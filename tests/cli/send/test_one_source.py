"""``gameball send`` with one source, run as a process against the sandbox."""

import bz2
import gzip
import lzma
import os
import random
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from broken_lines import BROKEN
from command import begin, gameball, line, shell, write_events
from long_send import COUNT, WORDS
from repetitions import repetitions
from waiting import LONGEST, wait_until

from gameball.sandbox import Fault, Sandbox


@pytest.mark.repeated
@pytest.mark.parametrize("seed", range(repetitions(3)))
def test_after_a_kill_the_same_command_loses_nothing_and_sends_nothing_twice(
    seed: int, slow_box: Sandbox, tmp_path: Path
) -> None:
    write_events(tmp_path / "events.jsonl", COUNT)
    process = begin("send", *WORDS, url=slow_box.url, cwd=tmp_path)
    count = random.Random(seed).randrange(1, 30)
    slow_box.wait_for(lambda: len(slow_box.batches) >= count, LONGEST)
    time.sleep(seed / 200)
    process.kill()
    process.communicate()
    done = gameball("send", *WORDS, "--json", url=slow_box.url, cwd=tmp_path)
    events = done.source["events"]
    assert (events["rejected"], events["unsent"]) == (0, 0)
    assert events["accepted"] + events["unknown"] == COUNT
    assert events["accepted"] >= COUNT - 8 * 100
    unknown = {
        number
        for failure in done.source["failures"]
        for number in range(failure["first_item"], failure["last_item"] + 1)
    }
    assert len(unknown) == events["unknown"]
    received = {int(customer.removeprefix("cust-")) for customer, _, _ in slow_box.events}
    assert set(slow_box.events.values()) == {1}
    assert received | unknown == set(range(COUNT))
    # What may have been accepted is printed, to be looked at and sent.
    shown = gameball("ledger", "show", "events.jsonl.ledger", "--unknown", cwd=tmp_path)
    assert shown.code == done.code == (4 if unknown else 0)
    numbers = [int(re.findall(r'"cust-([0-9]+)"', text)[0]) for text in shown.out.splitlines()]
    assert numbers == sorted(unknown)


def test_a_send_that_is_refused_changes_nothing_in_the_ledger(box: Sandbox, tmp_path: Path) -> None:
    mine, other = write_events(tmp_path / "a.jsonl", 5), write_events(tmp_path / "b.jsonl", 5, start=9)
    assert gameball("send", mine, url=box.url).code == 0
    ledger = tmp_path / "a.jsonl.ledger"
    assert gameball("send", other, "--ledger", ledger, url=box.url).code == 2
    assert str(mine) in gameball("ledger", "show", ledger).out


def test_events_that_an_earlier_run_left_unknown_do_not_stop_the_send(box: Sandbox, tmp_path: Path) -> None:
    first, second = write_events(tmp_path / "a.jsonl", 20), write_events(tmp_path / "b.jsonl", 5, start=50)
    box.fail_next(Fault(status=500, accepts=True))
    words = ("send", first, second, "--max-objects", "5", "--json")
    assert gameball(*words, url=box.url).report["not_begun"] == [str(second)]
    again = gameball(*words, url=box.url)
    assert (again.code, again.report["not_begun"]) == (4, [])
    assert [source["read_to_its_end"] for source in again.report["sources"]] == [True, True]
    assert set(box.events.values()) == {1}
    assert len(box.events) == 25


def test_a_pipe_is_read_once_and_has_no_ledger(box: Sandbox, tmp_path: Path) -> None:
    pipe = tmp_path / "a.jsonl"
    os.mkfifo(pipe)
    text = line(0) + "no JSON\n" + line(1)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(pipe.write_text, text)
        done = gameball("send", pipe, "--skip-invalid", url=box.url)
    assert (done.code, sum(box.events.values())) == (3, 2)
    assert list(tmp_path.iterdir()) == [pipe]
    refused = gameball("send", pipe, "--rejects", tmp_path / "r.jsonl", url=box.url)
    assert (refused.code, "only once" in refused.err) == (2, True)


def test_a_file_is_sent_and_its_ledger_is_next_to_it(box: Sandbox, source: Path) -> None:
    done = gameball("send", "events.jsonl", url=box.url, cwd=source.parent)
    assert (done.code, done.problems) == (0, "")
    assert done.out.startswith("events.jsonl: 2,500 events, 3 requests, ")
    assert "2,500 accepted" in done.out
    # Up to four requests are sent at once: they need not arrive in the order of the file.
    (jobs,) = re.findall(r"jobs ([\d, ]+\d)", done.out)
    assert set(jobs.split(", ")) == {str(request.job_id) for request in box.batches}
    assert sum(box.events.values()) == 2500
    assert source.with_name("events.jsonl.ledger").exists()


def test_the_same_command_again_sends_nothing_and_says_so(box: Sandbox, source: Path) -> None:
    gameball("send", source, url=box.url)
    again = gameball("send", source, url=box.url)
    assert again.code == 0
    assert "2,500 events, 0 requests, " in again.out
    assert "2,500 accepted (2,500 in earlier runs)" in again.out
    assert len(box.batches) == 3


def test_standard_input_is_sent_and_has_no_ledger(box: Sandbox, source: Path, tmp_path: Path) -> None:
    done = gameball("send", "-", "--json", url=box.url, cwd=tmp_path, given=source.read_bytes())
    assert done.source["source"] == "standard input"
    assert (done.code, done.source["ledger"], done.source["events"]["accepted"]) == (0, None, 2500)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.jsonl"]


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_standard_input_from_a_compressed_file_is_decompressed(
    compress: Callable[[bytes], bytes], box: Sandbox, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "packed").write_bytes(compress(source.read_bytes()))
    done = shell("gameball send - < packed", url=box.url, cwd=tmp_path, timeout=LONGEST)
    assert done.out.startswith("standard input: 2,500 events, 3 requests, ")
    assert (done.code, done.problems) == (0, "")
    assert (len(box.events), set(box.events.values())) == (2500, {1})


def test_columns_are_renamed_and_converted(box: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "users.csv"
    source.write_text("user,action,amount,vip\nc1,bought,2.50,yes\nc2,bought,3,no\n")
    words = ("--map", "name=action", "--map", "customer_id=user", "--types", "amount=float,vip=bool")
    assert gameball("send", source, *words, url=box.url).code == 0
    assert box.events == {
        ("c1", "bought", '{"amount":2.5,"vip":true}'): 1,
        ("c2", "bought", '{"amount":3.0,"vip":false}'): 1,
    }
    # Mapped otherwise they would be other events: the ledger notices.
    other = gameball("send", source, *words[:-1], "amount=float", url=box.url)
    assert (other.code, "differ from those recorded" in other.out) == (2, True)


def test_an_error_in_a_cell_names_its_line(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("customer_id,name,amount\nc1,bought,2.50\nc2,bought,much\n")
    done = gameball("send", "users.csv", "--types", "amount=float", url=box.url, cwd=tmp_path)
    assert done.code == 3
    assert "users.csv, line 3: " in done.out
    assert "amount" in done.out
    assert "much" not in done.out


@pytest.mark.parametrize("kind", BROKEN)
def test_an_invalid_line_stops_the_send_and_is_named_with_its_reason(
    kind: str, box: Sandbox, tmp_path: Path
) -> None:
    broken, reason = BROKEN[kind]
    source = tmp_path / "events.jsonl"
    source.write_bytes(line(1).encode() + b"\n" + broken + line(2).encode())
    done = gameball("send", "events.jsonl", url=box.url, cwd=tmp_path)
    assert (done.code, done.problems) == (3, "")
    assert "events.jsonl, line 3: " in done.out
    assert reason in done.out
    assert "Next: correct line 3 of events.jsonl or skip such lines with --skip-invalid, then run" in done.out
    assert len(done.out) < 1000
    assert sum(box.events.values()) == 1
    # Corrected, the same command sends the rest.
    source.write_text(line(1) + "\n" + line(3) + line(2))
    again = gameball("send", "events.jsonl", url=box.url, cwd=tmp_path)
    assert again.code == 0
    assert sorted(customer for customer, _, _ in box.events) == ["cust-1", "cust-2", "cust-3"]
    assert set(box.events.values()) == {1}


def test_a_truncated_gzip_is_reported_and_its_complete_lines_are_sent(box: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "events.jsonl.gz"
    whole = gzip.compress("".join(line(n, at=n * 7919 % 10007) for n in range(5000)).encode())
    source.write_bytes(whole[: len(whole) // 2])
    done = gameball("send", "events.jsonl.gz", "--skip-invalid", "--json", url=box.url, cwd=tmp_path)
    accepted = done.source["events"]["accepted"]
    assert done.code == 3
    assert 0 < accepted == sum(box.events.values()) < 5000
    assert f"events.jsonl.gz, line {accepted + 1}" in done.source["error"]
    # Whole again, the same command sends what was missing.
    source.write_bytes(whole)
    again = gameball("send", "events.jsonl.gz", "--skip-invalid", "--json", url=box.url, cwd=tmp_path)
    assert (again.code, again.source["accepted_in_earlier_runs"]) == (0, accepted)
    assert len(box.events) == 5000
    assert set(box.events.values()) == {1}


def test_unknown_events_stop_the_send_and_rejected_ones_do_not(box: Sandbox, source: Path) -> None:
    box.fail_next(Fault(status=400), Fault(status=500))
    words = ("--max-objects", "100", "--concurrency", "1", "--json")
    done = gameball("send", source, *words, url=box.url)
    assert (done.code, len(box.batches)) == (4, 2)
    assert done.source["events"] == {"accepted": 0, "rejected": 100, "unknown": 100, "unsent": 101}
    rest = gameball("send", source, *words, url=box.url)
    assert rest.source["events"] == {"accepted": 2400, "rejected": 0, "unknown": 100, "unsent": 0}
    assert rest.code == 4
    resent = gameball("send", source, *words, "--on-unknown", "resend", url=box.url)
    assert (resent.code, resent.source["events"]["accepted"]) == (0, 2500)


def test_a_ledger_of_another_file_is_refused(box: Sandbox, source: Path) -> None:
    gameball("send", source, url=box.url)
    write_events(source, 2500, start=1)
    done = gameball("send", source, url=box.url)
    assert done.code == 2
    assert "differ from those recorded in the ledger" in done.out + done.err
    assert len(box.batches) == 3


def test_two_commands_at_once_cannot_send_the_same_file(source: Path) -> None:
    finished = threading.Event()

    def wait(_: object) -> None:
        finished.wait(LONGEST)

    with Sandbox(plan=wait) as box:
        first = begin("send", source, url=box.url, cwd=source.parent)
        wait_until(lambda: box.batches)
        second = gameball("send", source, url=box.url)
        finished.set()
        assert second.code == 2
        assert "in use by another process" in second.err
        first.communicate()
        assert (first.returncode, len(box.batches)) == (0, 3)


def test_a_full_disk_is_reported_before_anything_is_sent(box: Sandbox, source: Path) -> None:
    done = gameball("send", source, "--ledger", "/dev/full", url=box.url)
    assert done.code == 2
    assert done.err.startswith("gameball: the ledger /dev/full")
    assert done.err.count("\n") == 1
    assert not box.batches


def test_jobs_are_waited_for_even_when_an_invalid_line_stopped_the_send(tmp_path: Path) -> None:
    source = write_events(tmp_path / "events.jsonl", 5)
    with source.open("a") as file:
        file.write("junk\n")
    with Sandbox(failing_customers={"cust-3": "The account is closed"}, job_seconds=0.1) as box:
        done = gameball("send", source, "--wait", url=box.url)
    assert done.code == 3
    assert "customer cust-3: The account is closed" in done.out
    assert "Items that failed in a job count as accepted" in done.out
