"""``gameball send`` that is killed, interrupted or told to end, and run again."""

import json
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import begin, gameball, line, write_events

from gameball.sandbox import Sandbox

COUNT = 4000
WORDS = ("events.jsonl", "--max-objects", "100", "--rate-limit", "none")


@pytest.fixture
def slow_box() -> Iterator[Sandbox]:
    with Sandbox(latency=0.02) as box:
        yield box


def wait_for_batches(box: Sandbox, count: int) -> None:
    deadline = time.monotonic() + 30
    while len(box.batches) < count and time.monotonic() < deadline:
        time.sleep(0.002)


@pytest.mark.parametrize("seed", range(6))
def test_after_a_kill_the_same_command_loses_nothing_and_sends_nothing_twice(
    seed: int, slow_box: Sandbox, tmp_path: Path
) -> None:
    write_events(tmp_path / "events.jsonl", COUNT)
    process = begin("send", *WORDS, url=slow_box.url, cwd=tmp_path)
    wait_for_batches(slow_box, random.Random(seed).randrange(1, 30))
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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_settles_everything_and_says_how_to_resume(
    number: signal.Signals, code: int, slow_box: Sandbox, tmp_path: Path
) -> None:
    write_events(tmp_path / "events.jsonl", COUNT)
    process = begin("send", *WORDS, url=slow_box.url, cwd=tmp_path)
    wait_for_batches(slow_box, 5)
    process.send_signal(number)
    out, err = (text.decode() for text in process.communicate(timeout=20))
    assert process.returncode == code
    assert "Interrupted: waiting up to 5 seconds" in err
    assert "Traceback" not in out + err
    assert f"run the same command again: gameball send {' '.join(WORDS)}" in out
    accepted = int(re.findall(r"([0-9,]+) accepted", out)[0].replace(",", ""))
    assert accepted == sum(slow_box.events.values()) < COUNT
    again = gameball("send", *WORDS, "--json", url=slow_box.url, cwd=tmp_path)
    assert again.code == 0
    assert again.source["accepted_in_earlier_runs"] == accepted
    assert len(slow_box.events) == COUNT
    assert set(slow_box.events.values()) == {1}


def test_a_second_interrupt_leaves_at_once_and_the_ledger_is_true(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", COUNT)
    with Sandbox(latency=4.0) as box:
        process = begin("send", *WORDS, url=box.url, cwd=tmp_path)
        wait_for_batches(box, 4)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert time.monotonic() - begun < 3
        assert process.returncode == 130
        assert b"Traceback" not in err
    report = gameball("ledger", "show", "events.jsonl.ledger", "--json", cwd=tmp_path)
    assert report.code == 4
    assert [chunk["outcome"] for chunk in report.report["chunks"]] == ["unknown"] * 4


def test_an_interrupt_while_jobs_are_followed_keeps_what_was_accepted(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 10)
    with Sandbox(job_seconds=60) as box:
        process = begin("send", *WORDS, "--wait", url=box.url, cwd=tmp_path)
        wait_for_batches(box, 1)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 130
        assert b"10 accepted" in out


def test_without_a_ledger_it_is_said_that_the_same_command_would_send_twice(
    slow_box: Sandbox, tmp_path: Path
) -> None:
    write_events(tmp_path / "events.jsonl", COUNT)
    process = begin("send", *WORDS, "--no-ledger", url=slow_box.url, cwd=tmp_path)
    wait_for_batches(slow_box, 8)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert b"running the same command again sends accepted events again" in out
    assert b"run the same command again:" not in out


def test_what_was_not_read_is_among_what_the_ledger_calls_unsent(tmp_path: Path) -> None:
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
