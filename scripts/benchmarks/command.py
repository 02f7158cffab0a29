"""The command's benchmark: files of a million lines through ``gameball send``, as a separate process.

python scripts/bench.py --command
"""

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from attrs import frozen

from benchmarks.cases import rows
from benchmarks.measuring import measure

_GAMEBALL: Final = Path(sys.executable).with_name("gameball")
_FEW: Final = 1_000
_MEMORY: Final = "memory, events.send"
#: Cases that call the library directly, without the command.
_IN_PROCESS: Final = ("arrow, read_arrow", "sql, read_sql", "wide rows, read_arrow", "wide rows, to_pylist")
_HELP_ROUNDS: Final = 15


@frozen
class Sent:
    """The figures of sending one file.

    Attributes:
        seconds: From the first line to the last receipt.
        wall: From the start of the process to its end, in seconds.
        memory: The peak memory of the process, in KiB.
    """

    seconds: float
    wall: float
    memory: float


def _flat(count: int) -> Iterator[dict[str, object]]:
    """Return flat rows, as CSV and Parquet have them."""
    different = rows()
    for number in range(count):
        customer, metadata = different[number % len(different)]
        yield {
            "customer_id": customer,
            "name": "song_liked",
            "song_id": metadata["song_id"],
            "genre": "Pop",
            "length": metadata["length"],
        }


def _write_jsonl(path: Path, count: int) -> None:
    lines = [
        json.dumps({"customer_id": customer, "name": "song_liked", "metadata": metadata}) + "\n"
        for customer, metadata in rows()
    ]
    with path.open("w") as file:
        for number in range(count):
            file.write(lines[number % len(lines)])


def _write_csv(path: Path, count: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["customer_id", "name", "song_id", "genre", "length"])
        writer.writeheader()
        writer.writerows(_flat(count))


def _write_parquet(path: Path, count: int) -> None:
    # In another process, so that the measured processes do not inherit pyarrow's memory.
    code = (
        "import sys, pyarrow as pa, pyarrow.csv as c, pyarrow.parquet as p;"
        "options = c.ConvertOptions(column_types={'song_id': pa.string()});"
        "p.write_table(c.read_csv(sys.argv[1], convert_options=options), sys.argv[2])"
    )
    table = path.with_suffix(".table.csv")
    _write_csv(table, count)
    subprocess.run([sys.executable, "-c", code, str(table), str(path)], check=True)  # noqa: S603 - the code above
    table.unlink()


WRITERS: Final[dict[str, Callable[[Path, int], None]]] = {
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "parquet": _write_parquet,
}


def send_query(path: Path, url: str, *words: str) -> Sent:
    """Send the rows of a Parquet file with a query."""
    return send(f"--sql=SELECT * FROM '{path}'", url, *words)  # noqa: S608 - a path of our own


def send(source: Path | str, url: str, *words: str) -> Sent:
    """Send a file with the command, and measure the process."""
    command = [str(_GAMEBALL), "send", str(source), "--rate-limit", "none", "--json", *words]
    keys = {"GAMEBALL_API_KEY": "key", "GAMEBALL_SECRET_KEY": "secret", "GAMEBALL_BASE_URL": url}
    begun = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, env={**os.environ, **keys}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    if process.stdout is None:
        raise RuntimeError("the command has no output")
    with process.stdout as out:
        report = json.loads(out.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"the command ended with {process.returncode}")
    return Sent(report["sources"][0]["seconds"], time.perf_counter() - begun, usage.ru_maxrss)


def bench_command(url: str, events: int, rounds: int) -> None:
    """Send files of each format and the same events from memory, round by round.

    Args:
        url: The address of the minimal server.
        events: The number of lines.
        rounds: How often to measure each case.
    """
    cases = {
        "jsonl": ("jsonl", ["--no-ledger"]),
        "jsonl, with its ledger": ("jsonl", []),
        "csv": ("csv", ["--no-ledger"]),
        "parquet": ("parquet", ["--no-ledger"]),
        "sql": ("parquet", ["--no-ledger"]),
    }
    with tempfile.TemporaryDirectory() as folder:
        for suffix, write in WRITERS.items():
            write(Path(folder, f"many.{suffix}"), events)
            write(Path(folder, f"few.{suffix}"), _FEW)
        seconds: dict[str, list[float]] = {case: [] for case in (_MEMORY, *_IN_PROCESS, *cases)}
        walls: dict[str, list[float]] = {case: [] for case in cases}
        growth: dict[str, list[float]] = {case: [] for case in cases}
        for _ in range(rounds):
            for case in (_MEMORY, *_IN_PROCESS):
                seconds[case].append(measure(case, url, events)["seconds"])
            for case, (suffix, words) in cases.items():
                for ledger in Path(folder).glob("*.ledger*"):
                    ledger.unlink()
                sent = send_query if case == "sql" else send
                few = sent(Path(folder, f"few.{suffix}"), url, *words)
                many = sent(Path(folder, f"many.{suffix}"), url, *words)
                seconds[case].append(many.seconds)
                walls[case].append(many.wall)
                growth[case].append(many.memory - few.memory)
    base = statistics.median(seconds[_MEMORY])
    print(f"{events:,} lines through `gameball send`, {rounds} rounds, medians")
    print()
    print("| source | events/s | relative to memory | events/s of the whole process | memory growth |")
    print("|---|---:|---:|---:|---:|")
    for case in (_MEMORY, *_IN_PROCESS):
        median = statistics.median(seconds[case])
        print(f"| {case} | {events / median:,.0f} | {base / median:.2f} | | |")
    for case in cases:
        median = statistics.median(seconds[case])
        print(
            f"| {case} | {events / median:,.0f} | {base / median:.2f} "
            f"| {events / statistics.median(walls[case]):,.0f} | {max(growth[case]) / 1024:.1f} MiB |"
        )


def bench_help() -> None:
    """Measure how long ``gameball --help`` takes, and importing cyclopts alone, in turn."""
    times: dict[str, list[float]] = {"import cyclopts": [], "gameball --help": []}
    commands = {
        "import cyclopts": [sys.executable, "-c", "import cyclopts"],
        "gameball --help": [str(_GAMEBALL), "--help"],
    }
    for _ in range(_HELP_ROUNDS):
        for name, command in commands.items():
            begun = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - the two above
            times[name].append(time.perf_counter() - begun)
    ours, base = (statistics.median(times[name]) for name in ("gameball --help", "import cyclopts"))
    print(f"\n`gameball --help` takes {ours / base:.2f} times as long as `python -c 'import cyclopts'`")
