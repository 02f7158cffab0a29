"""bench.py --tracker: our tracker, PostHog's and Segment's clients, against the same servers."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
_ROOT: Final = _HERE.parent.parent
_CLIENTS: Final = ("gameball", "posthog", "segment")
_CONDITIONS: Final = ("responding", "busy", "silent", "refusing")
# Nothing listens on this port of the loopback interface.
_REFUSING: Final = "http://127.0.0.1:9"

Server = Callable[[float, str], AbstractContextManager[str]]


def measure(client: str, kind: str, url: str, count: int) -> dict[str, float]:
    """Run a case in a separate process."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(_HERE / "tracker_cases.py"), client, kind, url, str(count)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "generated")])},
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def bench_tracker(events: int, rounds: int, server: Server) -> None:
    """Print the time of a call and the memory in each condition of the server, and the throughput."""
    print(f"{events:,} calls of track, 10,000 per second, {rounds} rounds, medians (lowest to highest)\n")
    print("| server | client | median µs | p99 µs | calls/s | refused | memory growth |")
    print("|---|---|---:|---:|---:|---:|---:|", flush=True)
    for condition in _CONDITIONS:
        runs: dict[str, list[dict[str, float]]] = {client: [] for client in _CLIENTS}
        for _ in range(rounds):
            for client, of_client in runs.items():
                if condition == "refusing":
                    of_client.append(measure(client, "latency", _REFUSING, events))
                else:
                    with server(0.0, condition) as url:
                        of_client.append(measure(client, "latency", url, events))
        for client, of_client in runs.items():
            print(
                f"| {condition} | {client} | {_shown(of_client, 'median')} | {_shown(of_client, 'p99')} "
                f"| {_shown(of_client, 'rate')} | {_shown(of_client, 'refused')} "
                f"| {_shown(of_client, 'memory')} MiB |",
                flush=True,
            )
    print("\n| client | events/s until all are sent |\n|---|---:|", flush=True)
    for client in _CLIENTS:
        with server(0.0, "responding") as url:
            sent = [measure(client, "throughput", url, 3 * events) for _ in range(rounds)]
        print(f"| {client} | {_shown(sent, 'rate')} |", flush=True)


def _shown(runs: list[dict[str, float]], name: str) -> str:
    values = [run[name] for run in runs]
    digits = 1 if max(values) < 1_000 else 0  # noqa: PLR2004 - four digits are enough to read
    low, middle, high = (f"{of(values):,.{digits}f}" for of in (min, statistics.median, max))
    return f"{middle} ({low} to {high})"
