"""The report at the end of a send: as text or as JSON."""

import sys
from collections.abc import Sequence
from typing import Any

from gameball.cli.exit_codes import ExitCode
from gameball.cli.options import SendCommandOptions
from gameball.cli.output import write_json, write_lines
from gameball.cli.send.advice import Ending, advise
from gameball.cli.send.places import as_json as place_as_json
from gameball.cli.send.rejects import RejectsFile
from gameball.cli.send.results import SourceResult
from gameball.cli.send.tally import DESCRIBED, Failure, counted, describe_error
from gameball.jobs.batch_job import BatchJob
from gameball.receipts import Outcome


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
            "total": total_of(results),
            "sources": [_as_json(result) for result in results],
            "not_begun": list(left),
        }
        write_json(report)
        return
    write_lines(line for result in results for line in _describe(result))
    write_lines(f"{name}: not started" for name in left)
    if len(results) > 1:
        write_lines(_describe_total(total_of(results)))
    given = None if rejects is None or not rejects.lines else (rejects.path, rejects.lines)
    write_lines(advise(Ending(results, left, sys.argv[1:], given, options.skip_invalid)))


def total_of(results: Sequence[SourceResult]) -> dict[str, Any]:
    """Return the sums over all sources, as they are in the JSON report."""
    tallies = [result.tally for result in results]
    return {
        "sources": sum(len(result.files) or 1 for result in results),
        "events": {outcome.value: sum(tally.events[outcome] for tally in tallies) for outcome in Outcome},
        "accepted_in_earlier_runs": sum(tally.events_before for tally in tallies),
        "invalid": sum(tally.invalid for tally in tallies),
        "requests": sum(tally.requests for tally in tallies),
        "objects": sum(tally.objects for tally in tallies),
        "rejected_lines": sum(result.rejected for result in results),
    }


def _describe_total(total: dict[str, Any]) -> list[str]:
    events = total["events"]
    before = total["accepted_in_earlier_runs"]
    shown = [
        f"{count:,} {name}{f' ({before:,} in earlier runs)' if before and name == 'accepted' else ''}"
        for name, count in {**events, "invalid": total["invalid"]}.items()
        if count or name == "accepted"
    ]
    head = f"Total of {counted(total['sources'], 'source')}: {counted(sum(events.values()), 'event')}"
    return [f"{head}, {counted(total['requests'], 'request')}", f"  {', '.join(shown)}"]


def _describe(result: SourceResult) -> list[str]:
    tally = result.tally
    lines = [
        (
            f"{result.name}: {counted(sum(tally.events.values()), 'event')}, "
            f"{counted(tally.requests, 'request')}, {result.seconds:.1f} s"
        )
    ]
    not_begun = [name for name, first in result.files.items() if first is None]
    if result.files:
        lines.append(f"  all with the ledger {result.ledger}")
    if not_begun:
        more = f" and {counted(len(not_begun) - 1, 'other file')}" if len(not_begun) > 1 else ""
        lines.append(f"  not started: {not_begun[0]}{more}")
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
    place = result.places.get(failure.first)
    if place is not None:
        return place.describe(result.name)
    first, last = failure.first + 1, failure.last + 1
    return f"item {first:,}" if first == last else f"items {first:,} to {last:,}"


def _and_more(count: int, noun: str, rest: str = "") -> list[str]:
    return [f"    and {count:,} more {noun}{'' if count == 1 else 's'}{rest}"] if count > 0 else []


def _as_json(result: SourceResult) -> dict[str, Any]:
    tally = result.tally
    failures = []
    for failure in tally.failed(*(set(Outcome) - {Outcome.ACCEPTED})):
        place = result.places.get(failure.first)
        failures.append(
            {
                "outcome": failure.outcome.value,
                "events": failure.events,
                "first_item": failure.first,
                "last_item": failure.last,
                **place_as_json(place),
                "reason": failure.reason,
            }
        )
    return {
        "source": result.name,
        "files": [{"source": name, "first_item": first} for name, first in result.files.items()],
        "exit_code": int(result.code),
        "events": {outcome.value: count for outcome, count in tally.events.items()},
        "accepted_in_earlier_runs": tally.events_before,
        "invalid": tally.invalid,
        "problems": [
            {"source": problem.source, "line": problem.line, "reason": problem.reason}
            for problem in tally.problems
        ],
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
        "limited_to": result.limited_to,
        "integer_ids_as_text": result.integer_ids,
        "seconds": round(result.seconds, 3),
        "error": None if result.error is None else describe_error(result.error),
    }
