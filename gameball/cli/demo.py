"""``gameball demo``: send a file of events, wait for its jobs, and show all outcomes.

The events are sent to Gameball if its keys are in the environment, and otherwise to a local sandbox.
"""

import os
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from gameball.cli.exit_codes import ExitCode, code_of_error
from gameball.cli.interrupts import Interrupts
from gameball.cli.options import SendCommandOptions
from gameball.cli.output import escape
from gameball.cli.send.command import find_sources
from gameball.cli.send.one_source import SourceSend
from gameball.cli.send.tally import describe_error
from gameball.client import Gameball
from gameball.errors import GameballError
from gameball.jobs.batch_job import BatchJob
from gameball.receipts import DeliveryReport, Outcome, Receipt, order_receipts
from gameball.sandbox import Sandbox

_FAILING: Final = {"demo-customer-closed": "The customer's account is closed"}
_STYLES: Final = {
    Outcome.ACCEPTED: "green",
    Outcome.REJECTED: "red",
    Outcome.UNKNOWN: "yellow",
    Outcome.UNSENT: "magenta",
}


def _show_chunks(report: DeliveryReport) -> Table:
    table = Table(title="Chunks", title_justify="left")
    for heading in ("chunk", "positions", "objects", "events", "outcome", "job", "seconds"):
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
        table.add_row(str(job.id), escape(job.status), *counts)
    return table


def _show_failures(jobs: list[BatchJob]) -> Table:
    table = Table(title="Failed items", title_justify="left")
    for heading in ("job", "customer", "reason"):
        table.add_column(heading)
    for job in jobs:
        for item in job.failed:
            table.add_row(str(job.id), escape(item.customer_id or ""), escape(item.message))
    return table


def _send(client: Gameball, path: Path, console: Console, interrupts: Interrupts) -> ExitCode:
    """Send the file as ``gameball send --wait`` does, and show all outcomes. Return the exit code."""
    receipts: dict[int, Receipt] = {}

    def keep(receipt: Receipt) -> None:
        receipts[receipt.first] = receipt

    options = SendCommandOptions(no_ledger=True, wait=True)
    [source] = find_sources([str(path)], options)
    interrupts.hold()
    result = SourceSend(client, source, options, interrupts, on_receipt=keep).run()
    report = order_receipts(receipts.values())
    console.print(_show_chunks(report))
    for reason in dict.fromkeys(str(receipt.error) for receipt in report.receipts if receipt.error):
        console.print(escape(reason), style="red", markup=False)
    console.print(_show_jobs(result.jobs))
    if any(job.failed for job in result.jobs):
        console.print(_show_failures(result.jobs))
    if result.error is not None:
        said = f"{describe_error(result.error)}. The events before it are shown above."
        console.print(escape(said), style="red", markup=False, soft_wrap=True)
    return result.code


def run_demo(path: Path | None, interrupts: Interrupts, *, yes: bool) -> ExitCode:
    """Send a file, and show all outcomes.

    Args:
        path: The file; None for the bundled one.
        interrupts: What signals do.
        yes: Send the bundled sample events to Gameball without asking.

    Returns:
        The exit code, the same as of ``gameball send --wait``.
    """
    agreed = yes or path is not None
    console = Console()
    with ExitStack() as stack:
        if path is None:
            bundled = files("gameball.demo") / "events.jsonl"
            path = stack.enter_context(as_file(bundled))
        try:
            if os.environ.get("GAMEBALL_API_KEY"):
                client = stack.enter_context(Gameball())
                console.print("Sending to Gameball with the keys from the environment.")
                if not (agreed or _ask(console)):
                    return ExitCode.USAGE
            else:
                box = stack.enter_context(Sandbox(failing_customers=_FAILING, job_seconds=1.0))
                client = stack.enter_context(Gameball("key", "secret", base_url=box.url))
                console.print("Sending to a local sandbox, not to Gameball.")
            return _send(client, path, console, interrupts)
        except (GameballError, OSError, ValueError) as error:
            console.print(escape(str(error)), style="red", markup=False, soft_wrap=True)
            return code_of_error(error)
        except KeyboardInterrupt as error:
            return code_of_error(error)


def _ask(console: Console) -> bool:
    """Ask whether to send sample events to a real account."""
    if console.is_terminal:
        return (
            console.input("The bundled events are sample data. Send them to Gameball? \\[y/N] ")
            .strip()
            .lower()
            == "y"
        )
    console.print("The bundled events are sample data: give a file of your own, or send them with --yes.")
    return False
