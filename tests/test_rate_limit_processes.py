"""Several processes that send with one account: each has a limiter, and the server has one for all of them.

By hand: ``GAMEBALL_PROCESSES`` sets how many send at once, ``GAMEBALL_REQUESTS`` how many requests they make
together, and ``GAMEBALL_QUOTA_SHARE`` how much of the quota they must use, which depends on the load of the
machine.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from command import GAMEBALL, environment, write_events
from waiting import LONGEST

from gameball import RateLimit
from gameball.sandbox import Sandbox

PROCESSES: Final = int(os.environ.get("GAMEBALL_PROCESSES", "2"))
REQUESTS: Final = int(os.environ.get("GAMEBALL_REQUESTS", "100"))
SHARE: Final = float(os.environ.get("GAMEBALL_QUOTA_SHARE", "0.3"))
LIMIT: Final = RateLimit(20, 1.0)

SYNC: Final = """
import sys
from gameball import Event, Gameball, RateLimit
who, count = sys.argv[1], int(sys.argv[2])
with Gameball(rate_limits=[RateLimit(20, 1.0)]) as client:
    client.events.send([Event(f"{who}-{n}", "x") for n in range(count)], max_objects=1)
"""
ASYNC: Final = """
import asyncio, sys
from gameball import AsyncGameball, Event, RateLimit
async def main(who, count):
    async with AsyncGameball(rate_limits=[RateLimit(20, 1.0)]) as client:
        await client.events.send([Event(f"{who}-{n}", "x") for n in range(count)], max_objects=1)
asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def start(kind: str, number: int, count: int, url: str, folder: Path) -> subprocess.Popen[bytes]:
    if kind == "command":
        source = write_events(folder / f"{number}.jsonl", count, start=number * count)
        words = [GAMEBALL, "send", str(source), "--max-objects", "1", "--rate-limit", "20/1"]
    else:
        words = [sys.executable, "-c", SYNC if kind == "sync" else ASYNC, f"p{number}", str(count)]
    return subprocess.Popen(words, env=environment(url), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.parametrize("kind", ["sync", "async", "command"])
def test_processes_that_share_an_account_have_everything_accepted_and_use_its_quota(
    kind: str, tmp_path: Path
) -> None:
    with Sandbox(rate_limits=[LIMIT]) as box:
        count = REQUESTS // PROCESSES
        started = [start(kind, number, count, box.url, tmp_path) for number in range(PROCESSES)]
        ended = [(process.communicate(timeout=10 * LONGEST)[0], process.returncode) for process in started]
    assert [code for _, code in ended] == [0] * PROCESSES, ended
    assert box.events.total() == len(box.events) == count * PROCESSES
    accepted = [request.at for request in box.batches]
    seconds = max(accepted) - min(accepted)
    share = (count * PROCESSES / LIMIT.requests - 1) * LIMIT.seconds / seconds
    print(f"{kind}, {PROCESSES} processes: {seconds:.1f} s, {share:.0%} of the quota")  # noqa: T201
    assert share >= SHARE
