"""Data frames and streams of Spark, with executors in processes of their own. Run by `make test-spark`."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from command import environment

from gameball import Ledger, Outcome
from gameball.sandbox import Sandbox

pytest.importorskip("pyspark", reason="Spark is in an environment of its own: make test-spark")
if shutil.which("java") is None:
    pytest.skip("there is no Java", allow_module_level=True)

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = int(os.environ.get("GAMEBALL_SPARK_ROWS", "1000000"))
GROWTH = 32  # MiB
TIMEOUT = 900.0
DRIVER = Path(__file__).with_name("driver.py")


@contextmanager
def driver(url: str, folder: Path, *words: object) -> Iterator["subprocess.Popen[str]"]:
    """Run the driver program. What it and Spark log is in `driver.log`."""
    # A name and an address of this machine that cannot be resolved would keep the executors from the driver.
    variables = environment(url, SPARK_LOCAL_IP="127.0.0.1", SPARK_LOCAL_HOSTNAME="localhost")
    del variables["PYTHONWARNINGS"]
    with (folder / "driver.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, str(DRIVER), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=variables,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        # Spark's own processes are in the group of the driver program.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def log_of(folder: Path) -> str:
    return (folder / "driver.log").read_text(errors="replace")


def descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found.extend(children.get(one, ()))
    return found[1:]


def executors(pid: int) -> list[int]:
    found = []
    for one in descendants(pid):
        try:
            command = Path(f"/proc/{one}/cmdline").read_bytes()
        except OSError:
            continue
        if b"CoarseGrainedExecutorBackend" in command and b"/java\0" in command:
            found.append(one)
    return found


def wait_for_requests(process: "subprocess.Popen[str]", box: Sandbox, requests: int, folder: Path) -> None:
    ends = time.monotonic() + TIMEOUT
    while len(box.batches) < requests:
        assert process.poll() is None, log_of(folder)
        assert time.monotonic() < ends
        time.sleep(0.01)


def kill_an_executor(process: "subprocess.Popen[str]") -> None:
    running = executors(process.pid)
    assert len(running) == 2
    os.kill(running[0], signal.SIGKILL)


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    out, _ = process.communicate(timeout=TIMEOUT)
    return process.returncode, out


def has_each_once(box: Sandbox, rows: int) -> None:
    assert len(box.events) == rows
    assert set(box.events.values()) == {1}
    number = rows - 1
    assert box.events[f"c{number}", "liked", f'{{"n":{number},"price":{number}.0}}'] == 1


def test_a_data_frame_arrives_once_in_flat_memory_although_an_executor_is_killed(tmp_path: Path) -> None:
    with Sandbox() as box, driver(box.url, tmp_path, "table", ROWS, tmp_path / "table.ledger") as process:
        wait_for_requests(process, box, ROWS // 10_000, tmp_path)
        kill_an_executor(process)
        code, out = finish(process)
        assert code == 0, log_of(tmp_path)
        accepted, growth = map(int, out.split())
        assert accepted == ROWS
        assert growth <= GROWTH
        has_each_once(box, ROWS)


def test_a_stream_restarted_from_its_checkpoint_sends_nothing_twice(tmp_path: Path) -> None:
    files, ledgers = tmp_path / "files", tmp_path / "ledgers"
    files.mkdir()
    ledgers.mkdir()
    for part in range(4):
        ids = range(part * ROWS // 4, (part + 1) * ROWS // 4)
        pq.write_table(pa.table({"id": pa.array(ids, pa.int64())}), files / f"{part}.parquet")
    words = ("stream", files, tmp_path / "checkpoint", ledgers)
    with Sandbox() as box:
        with driver(box.url, tmp_path, *words, "FAIL") as process:
            code, _ = finish(process)
        assert code != 0
        assert "the driver program fails" in log_of(tmp_path)
        sent = len(box.batches)
        assert 0 < sent < ROWS // 4_000
        with driver(box.url, tmp_path, *words) as process:
            wait_for_requests(process, box, sent + ROWS // 10_000, tmp_path)
            kill_an_executor(process)
            code, _ = finish(process)
        assert code == 0, log_of(tmp_path)
        has_each_once(box, ROWS)


def test_after_a_kill_of_the_driver_nothing_is_sent_twice_and_what_is_unknown_is_told(tmp_path: Path) -> None:
    rows, ledger = ROWS // 10, tmp_path / "table.ledger"
    with Sandbox(latency=0.02) as box:
        with driver(box.url, tmp_path, "table", rows, ledger) as process:
            wait_for_requests(process, box, rows // 4_000, tmp_path)
            process.kill()
            process.wait()
        with driver(box.url, tmp_path, "table", rows, ledger) as process:
            code, _ = finish(process)
        with Ledger(ledger) as opened:
            unknown = sum(len(positions) for positions in opened.ranges(Outcome.UNKNOWN))
        assert unknown <= 8_000
        assert set(box.events.values()) == {1}
        if unknown:
            # An unknown chunk stops the send until a person has resolved it.
            assert code != 0
            assert "DeliveryError" in log_of(tmp_path)
        else:
            assert code == 0, log_of(tmp_path)
            has_each_once(box, rows)
