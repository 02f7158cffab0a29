"""bench.py --before PATH --instructions: two checkouts, by the instructions they execute for an event.

Valgrind counts them. Other work on the machine hardly changes the counts, so they show differences of one per
cent, which times do not. They leave out waiting, and what the system does.
"""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks.measuring import THIS_CHECKOUT, run_script

_VALGRIND: Final = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
_TOTAL: Final = re.compile(r"Collected : (\d+)")


def bench_instructions(cases: Iterable[str], url: str, before: Path, events: int) -> None:
    """Count the instructions of each case in both checkouts, and print the ratios.

    Args:
        cases: The names of the cases.
        url: The address of the server.
        before: The other checkout.
        events: The number of events of the short run. The long run has four times as many; the difference of
            both leaves out the start of the process.
    """
    if shutil.which(_VALGRIND[0]) is None:
        raise SystemExit("--instructions needs valgrind, which is not installed")
    print(f"Instructions for an event, in {before} and here. Above 1 this checkout needs fewer.")
    print("\n| case | before | now | speed, relative |\n|---|---:|---:|---:|")
    for case in cases:
        was, now = (_count_for_event(case, url, events, checkout) for checkout in (before, THIS_CHECKOUT))
        print(f"| {case} | {was:,.0f} | {now:,.0f} | {was / now:.3f} |", flush=True)


def _count_for_event(case: str, url: str, events: int, checkout: Path) -> float:
    short, long = (_count(case, url, many, checkout) for many in (events, 4 * events))
    return (long - short) / (3 * events)


def _count(case: str, url: str, events: int, checkout: Path) -> int:
    done = run_script("cases.py", case, url, str(events), checkout=checkout, under=_VALGRIND)
    total = _TOTAL.search(done.stderr)
    if total is None:
        raise RuntimeError(f"valgrind printed no total: {done.stderr[-500:]}")
    return int(total[1])
