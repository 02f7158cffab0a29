"""The benchmark: one run, one table, ratios first.

python scripts/bench.py             speed against a minimal server on this machine, and the time of importing
python scripts/bench.py --quota     1,000,000 objects under the documented limits, enforced by the sandbox
python scripts/bench.py --processes 2, 4 and 8 processes at once with the limits of one account, enforced
python scripts/bench.py --memory    5,000,000 events from a generator, from Arrow and from a query
python scripts/bench.py --ordered   the cost of ordered=True, with many and with few customers
python scripts/bench.py --command   1,000,000 rows of each format and a query through `gameball send`
python scripts/bench.py --outbox    adding to an outbox, and delivering it with 1,000,000 rows waiting
python scripts/bench.py --tracker   the time of a call of `track`, next to two other clients
python scripts/bench.py --before ../other   compares the speed with another checkout
python scripts/bench.py --before ../other --instructions    the same by counting instructions, without noise
"""

import argparse
import asyncio
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.command import bench_command, bench_help
from benchmarks.instructions import bench_instructions
from benchmarks.measuring import THIS_CHECKOUT, Figures, measure, medians, server, spread
from benchmarks.processes import bench_processes
from benchmarks.tracker import bench_tracker

from gameball import DOCUMENTED_LIMITS, AsyncGameball, Event, Gameball
from gameball.sandbox import Sandbox

_OURS: Final = "sync, events, concurrency 1"
_SPEED: Final = (
    "floor",
    _OURS,
    "sync, tuples, concurrency 1",
    "sync, customer events, concurrency 1",
    "sync, events, concurrency 8",
    "async, events, concurrency 1",
    "async, tuples, concurrency 1",
    "async, customer events, concurrency 1",
    "async, events, concurrency 8",
    "httpx json=",
    "requests json=",
    "raw client, its models",
)
_OUR_CASES: Final = [case for case in _SPEED if case.startswith(("sync", "async"))]
_LATENCY: Final = 0.05


def bench_speed(events: int, rounds: int) -> None:
    """Measure all cases in turn, round by round, so that a slow moment affects all of them."""
    runs: dict[str, list[Figures]] = {case: [] for case in _SPEED}
    with server(0.0) as url:
        for _ in range(rounds):
            for case in _SPEED:
                runs[case].append(measure(case, url, events))
    figures = {case: medians(of_case) for case, of_case in runs.items()}
    ours = figures[_OURS]["seconds"]
    print(
        f"{events:,} events, {rounds} rounds, medians. 'times ours' is the time taken, relative to {_OURS!r}."
    )
    print()
    print("| case | times ours | events/s | CPU µs/event | memory growth | requests | noise |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for case in _SPEED:
        of_case = figures[case]
        print(
            f"| {case} | {of_case['seconds'] / ours:.2f} | {events / of_case['seconds']:,.0f} "
            f"| {of_case['cpu'] / events * 1e6:.2f} | {of_case['memory'] / 1024:.1f} MiB "
            f"| {of_case['requests']:.0f} | {spread(runs[case], 'seconds'):.0%} |"
        )
    for kind in ("sync", "async"):
        one, eight = (figures[f"{kind}, events, concurrency {n}"]["seconds"] for n in (1, 8))
        print(f"\n{kind}: concurrency 8 has {one / eight:.2f} times the speed of concurrency 1")


def bench_before(before: Path, events: int, rounds: int) -> None:
    """Measure another checkout and this one in turn, so that a slow moment affects both."""
    runs: dict[str, tuple[list[Figures], list[Figures]]] = {case: ([], []) for case in _OUR_CASES}
    with server(0.0) as url:
        for _ in range(rounds):
            for case in _OUR_CASES:
                for checkout, of_case in zip((before, THIS_CHECKOUT), runs[case], strict=True):
                    of_case.append(measure(case, url, events, checkout))
    print(f"{events:,} events, {rounds} rounds, medians. Above 1 this checkout is faster than {before}.")
    print("The fastest runs are the least disturbed ones: on a machine with much noise, compare those.")
    print("\n| case | speed, relative | CPU, relative | CPU of the fastest runs, relative | noise |")
    print("|---|---:|---:|---:|---:|")
    for case, (old, new) in runs.items():
        was, now = medians(old), medians(new)
        fastest = min(run["cpu"] for run in old) / min(run["cpu"] for run in new)
        print(
            f"| {case} | {was['seconds'] / now['seconds']:.2f} | {was['cpu'] / now['cpu']:.2f} "
            f"| {fastest:.2f} | {max(spread(old, 'seconds'), spread(new, 'seconds')):.0%} |"
        )


def bench_latency(events: int) -> None:
    """Measure how well eight workers use a slow server."""
    print(f"\nWith {_LATENCY * 1000:.0f} ms of server latency and concurrency 8, of 8 chunks per latency:")
    with server(_LATENCY) as url:
        for kind in ("sync", "async"):
            figures = measure(f"{kind}, events, concurrency 8", url, events)
            share = figures["requests"] * _LATENCY / figures["seconds"] / 8
            print(f"- {kind}: {share:.2f}")


def bench_import(rounds: int) -> None:
    """Measure how long imports take, in turn."""
    statements = ("pass", "import httpx", "import gameball", "from gameball import Gameball, Event")
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(rounds):
        for statement in statements:
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)  # noqa: S603 - the four above
            times[statement].append(time.perf_counter() - begun)
    base = statistics.median(times["import httpx"])
    print("\n| statement | times `import httpx` | ms |\n|---|---:|---:|")
    for statement in statements:
        median = statistics.median(times[statement])
        print(f"| `{statement}` | {median / base:.2f} | {median * 1000:.0f} |")


def bench_quota(objects: int) -> None:
    """Send at the documented limits to a sandbox that enforces them."""
    for kind in ("sync", "async"):
        with Sandbox(rate_limits=DOCUMENTED_LIMITS, latency=(0.0, 0.2)) as box:
            begun = time.perf_counter()
            accepted = (
                _send_quota(box.url, objects)
                if kind == "sync"
                else asyncio.run(_send_quota_async(box.url, objects))
            )
            elapsed = time.perf_counter() - begun
            refused = sum(request.status == 429 for request in box.batches)  # noqa: PLR2004 - Too Many Requests
            print(
                f"{kind}: {accepted:,} objects accepted in {elapsed:.1f} s, {refused} responses with 429",
                flush=True,
            )


def _quota_events(count: int) -> Iterator[Event]:
    return (Event(f"customer-{n}", "song_liked", {"n": n}) for n in range(count))


def _send_quota(url: str, count: int) -> int:
    with Gameball("key", "secret", base_url=url) as client:
        return client.events.send(_quota_events(count), concurrency=64).accepted


async def _send_quota_async(url: str, count: int) -> int:
    async with AsyncGameball("key", "secret", base_url=url) as client:
        return (await client.events.send(_quota_events(count), concurrency=64)).accepted


def bench_ordered(events: int, rounds: int) -> None:
    """Measure the cost of ``ordered=True`` at concurrency 8, in turn with and without it."""
    print(f"{events:,} events, {rounds} rounds, medians, concurrency 8.\n")
    print("| customers | server latency | time of ordered=True, relative | CPU, relative | noise |")
    print("|---|---:|---:|---:|---:|")
    for latency in (0.0, _LATENCY):
        with server(latency) as url:
            for customers in ("many", "few"):
                cases = [f"{customers} customers, ordered={ordered}" for ordered in (False, True)]
                runs: dict[str, list[Figures]] = {case: [] for case in cases}
                for _ in range(rounds):
                    for case in cases:
                        runs[case].append(measure(case, url, events))
                without, ordered = (medians(runs[case]) for case in cases)
                print(
                    f"| {customers} | {latency * 1000:.0f} ms "
                    f"| {ordered['seconds'] / without['seconds']:.2f} "
                    f"| {ordered['cpu'] / without['cpu']:.2f} "
                    f"| {max(spread(of_case, 'seconds') for of_case in runs.values()):.0%} |",
                    flush=True,
                )


def bench_memory(events: int) -> None:
    """Send generated events, and print how much the memory of the process grew."""
    with server(0.0) as url:
        for kind in ("sync", "async"):
            figures = measure(f"memory, {kind}", url, events)
            print(
                f"{kind}: {events:,} events in {figures['seconds']:.1f} s, memory growth "
                f"{figures['memory'] / 1024:.1f} MiB, {figures['cpu'] / events * 1e6:.2f} µs of CPU/event",
                flush=True,
            )
        for case in ("arrow, floor", "arrow, read_arrow", "sql, floor", "sql, read_sql"):
            figures = measure(case, url, events)
            print(f"{case}: {events:,} rows, memory growth {figures['memory'] / 1024:.1f} MiB", flush=True)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quota", action="store_true", help="the documented limits, enforced")
    parser.add_argument("--processes", action="store_true", help="several processes with one account")
    parser.add_argument("--memory", action="store_true", help="memory growth over many events")
    parser.add_argument("--ordered", action="store_true", help="the cost of ordered=True")
    parser.add_argument("--command", action="store_true", help="files through the command")
    parser.add_argument("--outbox", action="store_true", help="adding to an outbox and delivering it")
    parser.add_argument("--tracker", action="store_true", help="events recorded in the background")
    parser.add_argument("--before", type=Path, help="another checkout, to compare the speed with")
    parser.add_argument("--instructions", action="store_true", help="with --before: by counting instructions")
    parser.add_argument("--events", type=int, help="how many events (or objects) each case sends")
    parser.add_argument("--rounds", type=int, default=5, help="how often each case is run (%(default)s)")
    options = parser.parse_args()
    if options.instructions and not options.before:
        parser.error("--instructions needs --before")
    return options


def main() -> None:
    """Run what the command line asks for."""
    options = _read_options()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, CPython {platform.python_version()}",
        flush=True,
    )
    if options.quota:
        bench_quota(options.events or 1_000_000)
    elif options.processes:
        bench_processes(options.events or 720)
    elif options.memory:
        bench_memory(options.events or 5_000_000)
    elif options.ordered:
        bench_ordered(options.events or 200_000, options.rounds)
    elif options.outbox:
        from benchmarks.outbox import bench_outbox  # noqa: PLC0415 - needs SQLAlchemy and PostgreSQL

        with server(0.0) as url:
            bench_outbox(url, options.events or 1_000_000, options.rounds)
    elif options.tracker:
        bench_tracker(options.events or 100_000, options.rounds)
    elif options.before and options.instructions:
        with server(0.0) as url:
            bench_instructions(_OUR_CASES, url, options.before.resolve(), options.events or 4_000)
    elif options.before:
        bench_before(options.before.resolve(), options.events or 200_000, options.rounds)
    elif options.command:
        with server(0.0) as url:
            bench_command(url, options.events or 1_000_000, options.rounds)
        bench_help()
    else:
        bench_speed(options.events or 200_000, options.rounds)
        bench_latency(2 * (options.events or 200_000))
        bench_import(3 * options.rounds)


if __name__ == "__main__":
    main()
