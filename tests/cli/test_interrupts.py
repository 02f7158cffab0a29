"""``gameball send`` that is interrupted or terminated."""

import random
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from command import GAMEBALL, begin, environment, gameball, wait_for_requests, write_events
from long_send import COUNT, WORDS
from repetitions import repetitions
from waiting import LONGEST

from gameball.sandbox import Sandbox


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_after_an_interrupt_every_event_has_an_outcome_and_the_command_says_how_to_resume(
    number: signal.Signals, code: int, slow_box: Sandbox, tmp_path: Path
) -> None:
    write_events(tmp_path / "events.jsonl", COUNT)
    process = begin("send", *WORDS, url=slow_box.url, cwd=tmp_path)
    wait_for_requests(slow_box, 5, lambda: process.poll() is not None)
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


@pytest.mark.repeated
@pytest.mark.parametrize("trial", range(repetitions(1)))
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_further_interrupts_exit_at_once_and_the_ledger_is_correct(
    trial: int, number: signal.Signals, code: int, tmp_path: Path
) -> None:
    chance = random.Random(trial)
    write_events(tmp_path / "events.jsonl", COUNT)
    with Sandbox(latency=30.0) as box:
        process = begin("send", *WORDS, url=box.url, cwd=tmp_path)
        wait_for_requests(box, 4, lambda: process.poll() is not None)
        begun = time.monotonic()
        while process.poll() is None:
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.3 * chance.random())
        assert time.monotonic() - begun < 3
        assert process.returncode == code
        _, err = process.communicate()
        assert b"Traceback" not in err
    report = gameball("ledger", "show", "events.jsonl.ledger", "--json", cwd=tmp_path)
    assert report.code == 4
    assert [chunk["outcome"] for chunk in report.report["chunks"]] == ["unknown"] * 4


def test_an_interrupt_while_waiting_for_jobs_keeps_what_was_accepted(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 10)
    with Sandbox(job_seconds=60) as box:
        process = begin("send", *WORDS, "--wait", url=box.url, cwd=tmp_path)
        box.wait_for(lambda: any(request.method == "GET" for request in box.received), LONGEST)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 130
        assert b"10 accepted" in out


def test_under_nohup_a_send_goes_on_when_the_terminal_is_closed(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 60)
    with Sandbox(latency=0.1) as box:
        with subprocess.Popen(
            ["nohup", GAMEBALL, "send", "events.jsonl", "--max-objects", "2", "--concurrency", "2"],
            cwd=tmp_path,
            env=environment(box.url),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            box.wait_for(lambda: box.batches, LONGEST)
            process.send_signal(signal.SIGHUP)
            out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert b"60 accepted" in out
        assert box.events.total() == 60
