"""bench.py --tracker: our tracker, PostHog's and Segment's clients, against the same servers."""

import json
import statistics
from typing import Final

from benchmarks.measuring import Figures, run_script, server

_CLIENTS: Final = ("gameball", "posthog", "segment")
_CONDITIONS: Final = ("responding", "busy", "silent", "refusing")
#: 100 events a second, for an hour.
_HOUR: Final = 360_000
_CAPACITY: Final = 10_000
#: What an event takes in the queue of the tracker, in bytes, with its JSON of 90 bytes and its customer id.
_EVENT: Final = 350
#: What eight threads take, each with a connection and the body of a request, in bytes. It does not depend on
#: how many events there are: two hours take as much as one.
_WORKERS: Final = 8 * 1_500_000
# Nothing listens on this port of the loopback interface.
_REFUSING: Final = "http://127.0.0.1:9"


def measure(client: str, kind: str, url: str, count: int) -> Figures:
    """Run a case in a separate process."""
    figures: Figures = json.loads(run_script("tracker_cases.py", client, kind, url, str(count)).stdout)
    return figures


def bench_tracker(events: int, rounds: int) -> None:
    """Print the time of a call and the memory in each condition of the server, and the throughput."""
    print(f"{events:,} calls of track, 10,000 per second, {rounds} rounds, medians (lowest to highest)\n")
    print("| server | client | median µs | p99 µs | calls/s | refused | events held | memory growth |")
    print("|---|---|---:|---:|---:|---:|---:|---:|", flush=True)
    for condition in _CONDITIONS:
        runs: dict[str, list[Figures]] = {client: [] for client in _CLIENTS}
        for _ in range(rounds):
            for client, of_client in runs.items():
                if condition == "refusing":
                    of_client.append(measure(client, "latency", _REFUSING, events))
                else:
                    with server(0.0, condition) as url:
                        of_client.append(measure(client, "latency", url, events))
        for client, of_client in runs.items():
            _print_row(condition, client, of_client)
    for client in _CLIENTS:
        with server(0.0, "silent") as url:
            hour = measure(client, "hour", url, _HOUR)
        _print_row("silent for an hour, scaled", client, [hour], bounded=client == "gameball")
    print("\n| client | events/s until all are sent |\n|---|---:|", flush=True)
    for client in _CLIENTS:
        with server(0.0, "responding") as url:
            sent = [measure(client, "throughput", url, 3 * events) for _ in range(rounds)]
        print(f"| {client} | {_shown(sent, 'rate')} |", flush=True)


def _print_row(condition: str, client: str, runs: list[Figures], *, bounded: bool = False) -> None:
    held = _shown(runs, "held") if client == "gameball" else ""
    memory = f"{_shown(runs, 'memory')} MiB"
    if bounded:
        bound = (_CAPACITY * _EVENT + _WORKERS) / 2**20
        held += _verdict(runs, "held", _CAPACITY)
        memory += _verdict(runs, "memory", bound)
    print(
        f"| {condition} | {client} | {_shown(runs, 'median')} | {_shown(runs, 'p99')} "
        f"| {_shown(runs, 'rate')} | {_shown(runs, 'refused')} | {held} | {memory} |",
        flush=True,
    )


def _verdict(runs: list[Figures], name: str, bound: float) -> str:
    kept = all(run[name] <= bound for run in runs)
    return f", {'within' if kept else 'ABOVE'} the bound of {bound:,.0f}"


def _shown(runs: list[Figures], name: str) -> str:
    values = [run[name] for run in runs]
    digits = 1 if max(values) < 1_000 else 0  # noqa: PLR2004 - four digits are enough to read
    low, middle, high = (f"{of(values):,.{digits}f}" for of in (min, statistics.median, max))
    return f"{middle} ({low} to {high})"
