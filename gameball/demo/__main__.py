"""Sends a file of events, follows the jobs, and shows what became of everything.

``python -m gameball.demo [FILE]``: without a file, the bundled one. The events go to Gameball when its keys
are in the environment, and otherwise to a sandbox of our own.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import orjson
from rich.console import Console
from rich.table import Table

from gameball.client import Gameball
from gameball.delivery import DeliveryReport, Outcome, Receipt, order_receipts
from gameball.errors import GameballError, InvalidEventError
from gameball.events import Event
from gameball.jobs import BatchJob
from gameball.sandbox import Sandbox

_BUNDLED: Final = Path(__file__).with_name("events.jsonl")
_FAILING: Final = {"demo-customer-closed": "The customer's account is closed"}
_STYLES: Final = {
    Outcome.ACCEPTED: "green",
    Outcome.REJECTED: "red",
    Outcome.UNKNOWN: "yellow",
    Outcome.UNSENT: "magenta",
}


class LineError(Exception):
    """A line that is no event."""


def read_events(path: Path) -> Iterator[Event]:
    """Read a file with an event on each line: ``{"customer_id": ..., "name": ..., "metadata": {...}}``.

    Args:
        path: The file.

    Yields:
        The events, in order.

    Raises:
        OSError: The file cannot be read.
        LineError: A line is no event; the text names it.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = orjson.loads(line)
                yield Event(row["customer_id"], row["name"], row.get("metadata", {}))
            except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
                kind = type(error).__name__
                needed = '{"customer_id": "...", "name": "...", "metadata": {...}}'
                raise LineError(f"{path.name}, line {number} is not {needed} ({kind})") from None


def _show_chunks(report: DeliveryReport) -> Table:
    table = Table(title="Chunks", title_justify="left")
    for heading in ("chunk", "source events", "objects", "events", "outcome", "job", "seconds"):
        table.add_column(heading, justify="left" if heading == "outcome" else "right")
    for receipt in report.receipts:
        style = _STYLES[receipt.outcome]
        table.add_row(
            str(receipt.index),
            f"{receipt.first:,} to {receipt.last:,}",
            f"{receipt.objects:,}",
            f"{receipt.events:,}",
            f"[{style}]{receipt.outcome}[/]",
            "" if receipt.job_id is None else str(receipt.job_id),
            f"{receipt.elapsed:.3f}",
        )
    table.add_section()
    objects = sum(receipt.objects for receipt in report.receipts)
    events = sum(receipt.events for receipt in report.receipts)
    table.add_row(f"{len(report.receipts)}", "", f"{objects:,}", f"{events:,}", str(report), "", "")
    return table


def _show_jobs(jobs: list[BatchJob]) -> Table:
    table = Table(title="Jobs", title_justify="left")
    for heading in ("job", "status", "objects", "done", "failed"):
        table.add_column(heading, justify="left" if heading == "status" else "right")
    for job in sorted(jobs, key=lambda job: job.id):
        counts = ("" if count is None else f"{count:,}" for count in (job.total, job.finished, job.errors))
        table.add_row(str(job.id), job.status, *counts)
    return table


def _show_failures(jobs: list[BatchJob]) -> Table:
    table = Table(title="Failed items", title_justify="left")
    for heading in ("job", "customer", "reason"):
        table.add_column(heading)
    for job in jobs:
        for item in job.failed:
            table.add_row(str(job.id), item.customer_id or "", item.message)
    return table


def _send(client: Gameball, path: Path, console: Console) -> bool:
    """Send the file, follow its jobs, show all of it, and tell whether everything was accepted."""
    problem: Exception | None = None
    receipts: list[Receipt] = []
    try:
        client.events.send(read_events(path), check=False, on_receipt=receipts.append)
    except (InvalidEventError, LineError) as error:
        problem = error
    report = order_receipts(receipts)
    console.print(_show_chunks(report))
    for reason in dict.fromkeys(str(receipt.error) for receipt in receipts if receipt.error):
        console.print(reason, style="red", markup=False)
    with console.status("The jobs are running"):
        jobs = list(client.jobs.wait_all(report.job_ids))
    console.print(_show_jobs(jobs))
    if any(job.failed for job in jobs):
        console.print(_show_failures(jobs))
    if problem is not None:
        console.print(f"{problem}. What was before it is shown above.", style="red", markup=False)
    return problem is None and all(receipt.outcome is Outcome.ACCEPTED for receipt in receipts)


def main(arguments: list[str] | None = None) -> int:
    """Run the demo.

    Args:
        arguments: The words after the command; by default those of this process.

    Returns:
        The exit code: 0 everything was accepted, 1 not everything was, 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="python -m gameball.demo", description="Send a file of events.")
    parser.add_argument(
        "file", nargs="?", type=Path, default=_BUNDLED, help="JSONL; by default the bundled one"
    )
    return run_demo(parser.parse_args(arguments).file)


def run_demo(path: Path | None) -> int:
    """Send a file, and show what became of it.

    Args:
        path: The file; None for the bundled one.

    Returns:
        The exit code: 0 everything was accepted, 1 not everything was, 130 after Ctrl-C.
    """
    path = path or _BUNDLED
    console = Console()
    with ExitStack() as stack:
        try:
            if os.environ.get("GAMEBALL_API_KEY"):
                client = stack.enter_context(Gameball())
                console.print("Sending to Gameball, with the keys in the environment.")
                if console.is_terminal and console.input("Go on? \\[y/N] ").strip().lower() != "y":
                    return 1
            else:
                box = stack.enter_context(Sandbox(failing_customers=_FAILING, job_seconds=1.0))
                client = stack.enter_context(Gameball("key", "secret", base_url=box.url))
                console.print("Sending to a sandbox on this machine; it is not Gameball.")
            return 0 if _send(client, path, console) else 1
        except (GameballError, OSError) as error:
            console.print(str(error), style="red", markup=False)
            return 1
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main())
