"""What the user should know and do after a send. Pure."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from gameball.cli.exit_codes import ExitCode, code_of_error
from gameball.cli.send.results import SourceResult
from gameball.cli.send.tally import DESCRIBED, counted
from gameball.errors import JobTimeoutError, LedgerMismatchError, SourceError
from gameball.receipts import Outcome

#: Shown once, because it changes the type of a value.
INTEGER_IDS: Final = (
    "Customer ids that are integers are sent as text. Pass --types customer_id=text to omit this note."
)


@frozen
class Ending:
    """How a command that sent sources ended.

    Attributes:
        results: The results of the sources that were started.
        left: The names of the sources that were not started.
        words: The command line.
        rejects: The rejects file and its number of lines, or None without one or without lines.
        skip_invalid: Whether invalid lines were skipped.
    """

    results: Sequence[SourceResult]
    left: Sequence[str]
    words: Sequence[str]
    rejects: tuple[Path, int] | None
    skip_invalid: bool

    @property
    def incomplete(self) -> bool:
        """Whether something was not read."""
        return bool(self.left) or not all(_was_read(result) for result in self.results)

    @property
    def recorded(self) -> bool:
        """Whether every source has a ledger, so that the same command sends nothing twice."""
        return all(result.ledger is not None for result in self.results)

    def has(self, outcome: Outcome) -> bool:
        """Return whether any event has an outcome."""
        return any(result.tally.events[outcome] for result in self.results)

    @property
    def again(self) -> str:
        """The same command."""
        return shlex.join(["gameball", *self.words])


def advise(ending: Ending) -> list[str]:
    """Return what the user should know, and last the next step, if there is one."""
    lines = [
        f"{result.name} {'were not read to their' if result.files else 'was not read to its'} end."
        for result in ending.results
        if not (_was_read(result) or isinstance(result.error, SourceError))
    ]
    lines += [
        f"{result.name} {'were limited to their' if result.files else 'was limited to its'} first "
        f"{counted(result.limited_to, 'row')}."
        for result in ending.results
        if result.limited_to is not None
    ]
    if any(result.integer_ids for result in ending.results):
        lines.append(INTEGER_IDS)
    if ending.rejects is not None:
        path, count = ending.rejects
        lines.append(f"{counted(count, 'line')} written to {path}.")
        if ending.incomplete:
            lines.append("That file is incomplete. Do not send it if you run this command again.")
    if any(job.has_failures for result in ending.results for job in result.jobs):
        lines.append("Items that failed in a job count as accepted, so this command will not resend them.")
    # Of a source that differs from its ledger, nothing is sent again.
    if ending.has(Outcome.UNKNOWN) and not isinstance(ending.results[-1].error, LedgerMismatchError):
        lines.append(
            "Unknown events may have been accepted. --on-unknown resend sends them again: none is lost, but "
            "some may count twice."
        )
    if not ending.recorded and ending.has(Outcome.ACCEPTED) and _something_is_left(ending):
        lines.append("There is no ledger: running the same command again sends accepted events again.")
    step = next_step(ending)
    return lines if step is None else [*lines, f"Next: {step}"]


def next_step(ending: Ending) -> str | None:
    """Return the one thing to do next, or None if nothing is left to do."""
    last = ending.results[-1]
    error = last.error
    if isinstance(error, JobTimeoutError):
        shown = " ".join(map(str, error.job_ids[:DESCRIBED]))
        return f"the jobs continue on the server; wait for them with: gameball job wait {shown}"
    cure = _cure(last, ending)
    if cure is None and not ending.incomplete and (ending.rejects or not ending.has(Outcome.UNSENT)):
        return _step_after_the_end(ending)
    if not ending.recorded and ending.has(Outcome.ACCEPTED):
        line = error.line if isinstance(error, SourceError) else None
        rest = None if line is None else f"send only what comes after line {line:,}"
        return "; then ".join(part for part in (cure, rest) if part) or None
    again = f"run the same command again: {ending.again}"
    return f"{cure}, then {again}" if cure else f"to send the remaining events, {again}"


def _cure(result: SourceResult, ending: Ending) -> str | None:
    """Return what must be corrected before the same command can get further, or None."""
    error = result.error
    if isinstance(error, SourceError):
        if error.skippable:
            skip = "" if ending.skip_invalid else " or skip such lines with --skip-invalid"
            return f"correct {error.unit} {error.line:,} of {error.source}{skip}"
        return f"repair or replace {error.source}"
    if result.code is ExitCode.CREDENTIALS:
        return "correct the keys"
    if error is None or code_of_error(error) in {ExitCode.INTERRUPTED, ExitCode.TERMINATED}:
        return None
    return "correct the error above"


def _step_after_the_end(ending: Ending) -> str | None:
    """Return the next step if everything was read and sent."""
    failed = any(job.failed for result in ending.results for job in result.jobs)
    refused = ending.has(Outcome.REJECTED) or any(result.tally.invalid for result in ending.results)
    if ending.rejects is not None:
        once = ending.has(Outcome.REJECTED) or ending.has(Outcome.UNSENT)
        only = ", but do not also run the same command: that would send its lines twice" if once else ""
        return f"correct and send {ending.rejects[0]}{only}"
    if refused or failed:
        return "run the same command with --rejects FILE, which writes the lines to correct and send"
    return None


def _was_read(result: SourceResult) -> bool:
    """Return whether a source was read to its end or its limit."""
    return result.read_to_its_end or result.limited_to is not None


def _something_is_left(ending: Ending) -> bool:
    return ending.incomplete or any(result.code is not ExitCode.OK for result in ending.results)
