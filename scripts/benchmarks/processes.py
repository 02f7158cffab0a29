"""The benchmark of several processes that send at once with one account's limits.

python scripts/bench.py --processes
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Final

from attrs import frozen

from gameball import DOCUMENTED_LIMITS, AsyncGameball, Event, Gameball
from gameball.cli.send.dry_run import least_seconds
from gameball.sandbox import Sandbox

_KINDS: Final = ("sync", "async", "command")
_NUMBERS: Final = (2, 4, 8)
_TOO_MANY: Final = 429
_SCRIPTS: Final = Path(__file__).resolve().parent.parent


@frozen
class Figures:
    """What the sandbox saw of some processes.

    Attributes:
        accepted: How many requests it accepted.
        refused: How many it responded to with 429.
        seconds: From the first accepted request to the last.
    """

    accepted: int
    refused: int
    seconds: float


def bench_processes(requests: int) -> None:
    """Send at once from several processes that do not know of each other, and print the share of the quota.

    Args:
        requests: How many requests all processes of a run send together.
    """
    least = least_seconds(requests, DOCUMENTED_LIMITS)
    print(
        f"{requests:,} requests under the documented limits, which take {least:.1f} s at best. "
        "The share is that time relative to the time taken.\n"
    )
    print("| processes | kind | share of the quota | seconds | accepted | responses with 429 |")
    print("|---:|---|---:|---:|---:|---:|")
    for number in _NUMBERS:
        for kind, figures in _measure_kinds(number, requests).items():
            print(
                f"| {number} | {kind} | {least / figures.seconds:.2f} | {figures.seconds:.1f} "
                f"| {figures.accepted} | {figures.refused} |",
                flush=True,
            )


def _measure_kinds(number: int, requests: int) -> dict[str, Figures]:
    """Measure all kinds at once, each with its own sandbox: they spend their time waiting."""
    found: dict[str, Figures] = {}

    def measure(kind: str) -> None:
        found[kind] = _measure(kind, number, requests)

    threads = [threading.Thread(target=measure, args=(kind,)) for kind in _KINDS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {kind: found[kind] for kind in _KINDS}


def _measure(kind: str, number: int, requests: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder, Sandbox(rate_limits=DOCUMENTED_LIMITS) as box:
        each = requests // number
        commands = [_command(kind, Path(folder), f"process-{n}", each) for n in range(number)]
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(_SCRIPTS)])}
        variables |= {
            "GAMEBALL_BASE_URL": box.url,
            "GAMEBALL_API_KEY": "key",
            "GAMEBALL_SECRET_KEY": "secret",
        }
        processes = [
            subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
            for command in commands
        ]
        for process in processes:
            if process.wait() != 0:
                raise RuntimeError(f"a process ended with {process.returncode}: not everything was accepted")
        accepted = [request.at for request in box.batches if request.accepted]
        refused = sum(request.status == _TOO_MANY for request in box.batches)
        return Figures(len(accepted), refused, max(accepted) - min(accepted))


def _command(kind: str, folder: Path, name: str, count: int) -> list[str]:
    """Return the command of a process that sends ``count`` requests of one event each."""
    if kind != "command":
        return [sys.executable, "-m", "benchmarks.processes", kind, name, str(count)]
    source = folder / f"{name}.jsonl"
    rows = ({"customer_id": event.customer_id, "name": event.name} for event in _events(name, count))
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return [sys.executable, "-m", "gameball.cli", "send", str(source), "--max-objects", "1"]


def _events(name: str, count: int) -> list[Event]:
    return [Event(f"{name}-{n}", "song_liked") for n in range(count)]


def _send(events: list[Event]) -> None:
    with Gameball() as client:
        client.events.send(events, max_objects=1)


async def _send_async(events: list[Event]) -> None:
    async with AsyncGameball() as client:
        await client.events.send(events, max_objects=1)


if __name__ == "__main__":
    own = _events(sys.argv[2], int(sys.argv[3]))
    if sys.argv[1] == "sync":
        _send(own)
    else:
        asyncio.run(_send_async(own))
