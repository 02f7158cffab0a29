"""Runs the cases of the benchmark in separate processes, against a minimal server in another one."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).resolve().parent
#: The checkout to which this script belongs.
THIS_CHECKOUT: Final = _FOLDER.parent.parent

Figures = dict[str, float]


@contextmanager
def server(latency: float, condition: str = "responding") -> Iterator[str]:
    """Run the minimal server in another process."""
    command = [sys.executable, str(_FOLDER / "server.py"), str(latency), condition]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the server has no pipes")
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def run_script(
    name: str, *words: str, checkout: Path = THIS_CHECKOUT, under: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a script of this folder in a separate process, so that its memory is its own.

    Args:
        name: The file name of the script.
        words: Its arguments.
        checkout: The checkout whose code is measured.
        under: A command that runs the process, such as a profiler.
    """
    command = [*under, sys.executable, str(_FOLDER / name), *words]
    packages = os.pathsep.join([str(checkout), str(checkout / "generated"), str(_FOLDER.parent)])
    # The order of sets is the same in each run, and so is the work.
    environment = {**os.environ, "PYTHONPATH": packages, "PYTHONHASHSEED": "0"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment)  # noqa: S603 - our own script


def measure(case: str, url: str, events: int, checkout: Path = THIS_CHECKOUT) -> Figures:
    """Run a case, and return its figures."""
    figures: Figures = json.loads(run_script("cases.py", case, url, str(events), checkout=checkout).stdout)
    return figures


def medians(runs: list[Figures]) -> Figures:
    """Return the median of each figure."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def spread(runs: list[Figures], name: str) -> float:
    """Return how much slower the slowest run was than the fastest: the noise of the machine."""
    values = [run[name] for run in runs]
    return max(values) / min(values) - 1
