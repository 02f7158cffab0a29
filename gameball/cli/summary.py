"""The report at the end of a send: as text or as JSON."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from gameball.cli.exit_codes import ExitCode
from gameball.cli.options import SendCommandOptions
from gameball.cli.output import write_json, write_lines
from gameball.cli.rejects import RejectsFile
from gameball.cli.tally import DESCRIBED, Failure, Tally, counted, describe_error
from gameball.errors import JobTimeoutError, SourceError
from gameball.jobs.batch_job import BatchJob
from gameball.receipts import Outcome


@frozen
class SourceResult:
    """The result of sending one source.

    Attributes:
        name: The name of the source.
        tally: The counts.
        jobs: The jobs that were waited for and have ended.
        ledger: The ledger file, or None without one.
        seconds: How long the send took.
        error: The error that stopped it early, or None.
        lines: The first and last line of each failure, by its first position, if they were found.
        rejected: The number of lines written to the rejects.
        read_to_its_end: Whether the whole source was read.
    """

    name: str
    tally: Tally
    jobs: list[BatchJob]
    ledger: Path | None
    seconds: float
    error: BaseException | None
    lines: dict[int, tuple[int, int]]
    rejected: int
    read_to_its_end: bool

    @property
    def code(self) -> ExitCode:
        """The exit code for this source."""
        return self.tally.code


def print_results(
    results: Sequence[SourceResult],
    left: Sequence[str],
    options: SendCommandOptions,
    rejects: RejectsFile | None,
    code: ExitCode,
) -> None:
    """Print the results of all sources to standard output.

    Args:
        results: The results of the sources that were started.
        left: The names of the sources that were not started.
        options: The options of the command.
        rejects: The rejects file, or None.
        code: The exit code.
    """
    if options.json:
        report = {
            "exit_code": int(code),
            "rejects": None if rejects is None or not rejects.lines else str(rejects.path),
            "sources": [_as_json(result) for result in results],
            "not_begun": list(left),
        }
        write_json(report)
        return
    write_lines(line for result in results for line in _describe(result))
    write_lines(f"{name}: not started" for name in left)
    write_lines(advise(results, left, options, rejects, code))


def _describe(result: SourceResult) -> list[str]:
    tally = result.tally
    lines = [
        (
            f"{result.name}: {counted(sum(tally.events.values()), 'event')}, "
            f"{counted(tally.requests, 'request')}, {result.seconds:.1f} s"
        )
    ]
    for outcome, count in tally.events.items():
        if not count and outcome is not Outcome.ACCEPTED:
            continue
        before = f" ({tally.events_before:,} in earlier runs)" if tally.events_before else ""
        lines.append(f"  {count:,} {outcome}{before if outcome is Outcome.ACCEPTED else ''}")
        lines += _describe_failures(result, tally.failed(outcome))
    if tally.invalid:
        lines.append(f"  {tally.invalid:,} invalid")
        lines += [f"    {describe_error(problem)}" for problem in tally.problems]
        lines += _and_more(tally.invalid - len(tally.problems), "invalid line")
    if tally.jobs:
        shown = ", ".join(map(str, list(tally.jobs)[:DESCRIBED]))
        more = f" and {len(tally.jobs) - DESCRIBED:,} more" if len(tally.jobs) > DESCRIBED else ""
        lines.append(f"  {'job' if len(tally.jobs) == 1 else 'jobs'} {shown}{more}")
    failed = [(job.id, item) for job in result.jobs for item in job.failed]
    if failed:
        lines.append(f"  {counted(len(failed), 'item')} failed in the jobs")
        lines += [
            f"    job {number}, customer {item.customer_id}: {item.message}"
            for number, item in failed[:DESCRIBED]
        ]
        lines += _and_more(len(failed) - DESCRIBED, "failed item")
    untold = [job for job in result.jobs if job.has_failures and not job.failed]
    lines += [f"  {_describe_job(job)}" for job in untold[:DESCRIBED]]
    lines += _and_more(len(untold) - DESCRIBED, "job", " with failures")
    if result.jobs and not failed and not untold:
        lines.append(f"  {counted(len(result.jobs), 'job')} ended, no items failed")
    told = isinstance(result.error, KeyboardInterrupt) or result.error in tally.problems
    if result.error is not None and not told:
        lines.append(f"  {describe_error(result.error)}")
    return lines


def _describe_job(job: BatchJob) -> str:
    """Describe a job with failures for which Gameball does not list the failed items."""
    known = job.errors is not None and job.total is not None
    failed = f", {job.errors:,} of {job.total:,} failed" if known else ""
    return f"job {job.id} is {job.status}{failed}; Gameball does not list the failed items"


def _describe_failures(result: SourceResult, failures: Sequence[Failure]) -> list[str]:
    """Describe failures, grouped by reason."""
    by_reason: dict[str, list[Failure]] = {}
    for failure in failures:
        by_reason.setdefault(failure.reason, []).append(failure)
    lines = []
    for reason, alike in list(by_reason.items())[:DESCRIBED]:
        places = [_place(result, failure) for failure in alike[:DESCRIBED]]
        more = f" and {len(alike) - DESCRIBED:,} more" if len(alike) > DESCRIBED else ""
        lines.append(f"    {', '.join(places)}{more}: {' '.join(reason.split())}")
    return lines + _and_more(len(by_reason) - DESCRIBED, "reason")


def _place(result: SourceResult, failure: Failure) -> str:
    what, (first, last) = "lines", result.lines.get(failure.first, (0, 0))
    if not first:
        what, first, last = "items", failure.first + 1, failure.last + 1
    return f"{what[:-1]} {first:,}" if first == last else f"{what} {first:,} to {last:,}"


def _and_more(count: int, noun: str, rest: str = "") -> list[str]:
    return [f"    and {count:,} more {noun}{'' if count == 1 else 's'}{rest}"] if count > 0 else []


def advise(
    results: Sequence[SourceResult],
    left: Sequence[str],
    options: SendCommandOptions,
    rejects: RejectsFile | None,
    code: ExitCode,
) -> list[str]:
    """Return what the user can do next."""
    again = shlex.join(["gameball", *sys.argv[1:]])
    lines = []
    for result in results:
        lines += _advise_on(result, options)
    if any(result.tally.events[Outcome.UNKNOWN] for result in results):
        lines.append(
            "Unknown events may have been accepted. --on-unknown resend sends them again: none is lost, but "
            "some may count twice."
        )
    incomplete = bool(left) or not all(result.read_to_its_end for result in results)
    unsent = any(result.tally.events[Outcome.UNSENT] for result in results)
    rejected = any(result.tally.events[Outcome.REJECTED] for result in results)
    recorded = all(result.ledger is not None for result in results)
    if rejects is not None and rejects.lines:
        lines.append(f"{counted(rejects.lines, 'line')} written to {rejects.path}.")
        if not incomplete:
            or_again = (
                ", or run this command again, but not both" if recorded and (unsent or rejected) else ""
            )
            lines.append(f"Correct and send that file{or_again}.")
        else:
            lines.append("That file is incomplete. Do not send it if you run this command again.")
    if any(job.has_failures for result in results for job in result.jobs):
        lines.append("Items that failed in a job count as accepted: this command does not send them again.")
    if recorded and (incomplete or unsent):
        lines.append(f"To send the remaining events, run the same command again: {again}")
    elif (
        not recorded
        and code is not ExitCode.OK
        and any(result.tally.events[Outcome.ACCEPTED] for result in results)
    ):
        lines.append("There is no ledger: running the same command again sends accepted events again.")
    return lines


def _advise_on(result: SourceResult, options: SendCommandOptions) -> list[str]:
    error = result.error
    if isinstance(error, SourceError) and error.line is not None:
        skip = "" if options.skip_invalid else ", or skip such lines with --skip-invalid"
        return [f"{result.name} was not read after line {error.line:,}: correct that line{skip}."]
    if isinstance(error, JobTimeoutError):
        return ["Jobs that have not ended continue on the server. To wait for them: gameball job wait ID"]
    return [] if result.read_to_its_end else [f"{result.name} was not read to its end."]


def _as_json(result: SourceResult) -> dict[str, Any]:
    tally = result.tally
    failures = []
    for failure in tally.failed(*(set(Outcome) - {Outcome.ACCEPTED})):
        first_line, last_line = result.lines.get(failure.first, (None, None))
        failures.append(
            {
                "outcome": failure.outcome.value,
                "events": failure.events,
                "first_item": failure.first,
                "last_item": failure.last,
                "first_line": first_line,
                "last_line": last_line,
                "reason": failure.reason,
            }
        )
    return {
        "source": result.name,
        "exit_code": int(result.code),
        "events": {outcome.value: count for outcome, count in tally.events.items()},
        "accepted_in_earlier_runs": tally.events_before,
        "invalid": tally.invalid,
        "problems": [{"line": problem.line, "reason": problem.reason} for problem in tally.problems],
        "failures": failures,
        "requests": tally.requests,
        "objects": tally.objects,
        "job_ids": list(tally.jobs),
        "failed_in_jobs": [
            {"job_id": job.id, "customer_id": item.customer_id, "message": item.message}
            for job in result.jobs
            for item in job.failed
        ],
        "jobs_with_failures": [
            {"job_id": job.id, "status": job.status, "errors": job.errors}
            for job in result.jobs
            if job.has_failures
        ],
        "ledger": None if result.ledger is None else str(result.ledger),
        "rejected_lines": result.rejected,
        "read_to_its_end": result.read_to_its_end,
        "seconds": round(result.seconds, 3),
        "error": None if result.error is None else describe_error(result.error),
    }
