"""A sending process is killed or interrupted at random moments, and the same send is repeated."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from either_client import EitherClient
from repetitions import repetitions
from waiting import wait_until

from gameball import Event, Ledger, Outcome
from gameball.sandbox import Sandbox

COUNT = 60
KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


@define
class Forker:
    """The process that forks senders."""

    process: "subprocess.Popen[str]"

    def begin(self, **order: Any) -> int:
        """Start a send, and return its process id once it is about to send."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        child = int(self.read())
        assert self.read() == "begun"
        return child

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def read_to_end(self) -> list[str]:
        """Return everything that the child printed."""
        lines = []
        while not (line := self.read()).startswith("ended"):
            lines.append(line)
        return lines


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    script = Path(__file__).parents[1] / "support" / "sending_process.py"
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Forker(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def slow_box() -> Iterator[Sandbox]:
    with Sandbox(latency=(0.0, 0.02), seed=3) as box:
        yield box


def events() -> list[Event]:
    return [Event(f"cust-{n}", "song_liked", {"n": n}) for n in range(COUNT)]


def counts(box: Sandbox) -> Counter[str]:
    return Counter(customer for customer, _, _ in box.events.elements())


def positions(ranges: list[range]) -> set[int]:
    return {position for part in ranges for position in part}


@pytest.mark.repeated
@KINDS
@pytest.mark.parametrize("kill", range(repetitions(15)))
def test_after_kill_9_the_same_send_loses_nothing_and_repeats_nothing(
    forker: Forker, slow_box: Sandbox, tmp_path: Path, kind: str, kill: int
) -> None:
    slow_box.forget()
    ledger = tmp_path / "events.ledger"
    child = forker.begin(kind=kind, url=slow_box.url, ledger=str(ledger), count=COUNT)
    chance = random.Random(f"{kind}{kill}")
    arrived = chance.randrange(COUNT // 3)
    wait_until(lambda: len(slow_box.batches) >= arrived)
    time.sleep(chance.uniform(0.0, 0.005))  # at any moment between two arrivals
    with suppress(ProcessLookupError):  # it has already exited
        os.kill(child, signal.SIGKILL)
    forker.read_to_end()
    report = EitherClient(kind, slow_box.url).send(
        events(), max_objects=3, ledger=ledger, check=False, stop_on_error=False
    )
    assert report.accepted + report.unknown == COUNT
    received = counts(slow_box)
    with Ledger(ledger) as record:
        uncertain = positions(record.ranges(Outcome.UNKNOWN))
    assert len(uncertain) == report.unknown
    for position in range(COUNT):
        assert received[f"cust-{position}"] in ({0, 1} if position in uncertain else {1})


@pytest.mark.repeated
@KINDS
@pytest.mark.parametrize("moment", range(repetitions(5)))
def test_after_ctrl_c_at_any_moment_every_event_has_an_outcome_and_no_thread_is_left(
    forker: Forker, slow_box: Sandbox, tmp_path: Path, kind: str, moment: int
) -> None:
    slow_box.forget()
    ledger = tmp_path / "events.ledger"
    child = forker.begin(kind=kind, url=slow_box.url, ledger=str(ledger), count=COUNT * 10)
    chance = random.Random(f"{kind}{moment}")
    arrived = chance.randrange(COUNT)
    wait_until(lambda: len(slow_box.batches) >= arrived)
    time.sleep(chance.uniform(0.0, 0.005))
    begun = time.monotonic()
    os.kill(child, signal.SIGINT)
    name, facts = forker.read_to_end()
    assert time.monotonic() - begun < 5
    assert name == "KeyboardInterrupt"
    report = json.loads(facts)
    assert report["threads"] == []
    assert report["accepted"] + report["unsent"] == COUNT * 10
    received = counts(slow_box)
    assert sum(received.values()) == report["accepted"]
    with Ledger(ledger) as record:
        assert sum(chunk.events for chunk in record.chunks(Outcome.ACCEPTED)) == report["accepted"]
        assert record.ranges(Outcome.UNKNOWN) == []
        assert record.runs()[-1].ended_at is not None


@KINDS
def test_a_stalled_request_is_aborted_after_the_grace_period(
    forker: Forker, tmp_path: Path, kind: str
) -> None:
    with Sandbox(latency=60.0) as box:
        ledger = tmp_path / "events.ledger"
        child = forker.begin(kind=kind, url=box.url, ledger=str(ledger), count=COUNT, grace=0.5)
        wait_until(lambda: len(box.batches) == 3)
        begun = time.monotonic()
        os.kill(child, signal.SIGINT)
        name, facts = forker.read_to_end()
        assert 0.4 < time.monotonic() - begun < 4
    report = json.loads(facts)
    assert (name, report["unknown"], report["threads"]) == ("KeyboardInterrupt", 9, [])
    assert report["accepted"] + report["unknown"] + report["unsent"] == COUNT
    with Ledger(ledger) as record:
        assert positions(record.ranges(Outcome.UNKNOWN)) == set(range(9))


def test_a_second_ctrl_c_ends_the_send_at_once_and_the_ledger_is_correct(
    forker: Forker, tmp_path: Path
) -> None:
    with Sandbox(latency=60.0) as box:
        ledger = tmp_path / "events.ledger"
        child = forker.begin(kind="sync", url=box.url, ledger=str(ledger), count=COUNT, grace=60)
        wait_until(lambda: len(box.batches) == 3)
        os.kill(child, signal.SIGINT)
        time.sleep(0.3)
        begun = time.monotonic()
        os.kill(child, signal.SIGINT)
        name, *_ = forker.read_to_end()
        assert time.monotonic() - begun < 3
        assert name == "KeyboardInterrupt"
    with Ledger(ledger) as record:
        assert positions(record.ranges(Outcome.UNKNOWN)) == set(range(9))
