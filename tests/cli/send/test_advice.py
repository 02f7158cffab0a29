"""The next step after each ending."""

from pathlib import Path

import pytest

from gameball import (
    AuthenticationError,
    GameballError,
    JobTimeoutError,
    LedgerError,
    Outcome,
    Receipt,
    SourceError,
)
from gameball.cli.exit_codes import ExitCode
from gameball.cli.interrupts import Terminated
from gameball.cli.send.advice import Ending, advise, next_step
from gameball.cli.send.results import SourceResult
from gameball.cli.send.tally import Tally

AGAIN = "run the same command again: gameball send a.jsonl"


def result(
    *outcomes: Outcome, error: BaseException | None = None, ledger: bool = True, read: bool = True
) -> SourceResult:
    tally = Tally()
    for index, outcome in enumerate(outcomes):
        problem = None if outcome is Outcome.ACCEPTED else GameballError("no")
        tally.add(Receipt(index, index, index, 1, 1, outcome, error=problem, attempts=1), 0.0)
    if error is not None:
        tally.end(error)
    path = Path("a.jsonl.ledger") if ledger else None
    return SourceResult("a.jsonl", tally, [], path, 1.0, error, {}, 0, read)


def ending(of: SourceResult, rejects: int = 0, left: tuple[str, ...] = (), *, skip: bool = False) -> Ending:
    return Ending([of], left, ["send", "a.jsonl"], (Path("r.jsonl"), rejects) if rejects else None, skip)


BAD_LINE = SourceError(source="a.jsonl", line=7, reason="is not JSON")
DAMAGE = SourceError(source="a.jsonl", line=7, reason="is truncated", skippable=False)
NO_HEADER = SourceError(source="a.jsonl", line=None, reason="has no header line")


@pytest.mark.parametrize(
    ("how", "step"),
    [
        (ending(result(Outcome.ACCEPTED)), None),
        (
            ending(result(error=BAD_LINE, read=False)),
            f"correct line 7 of a.jsonl or skip such lines with --skip-invalid, then {AGAIN}",
        ),
        (
            ending(result(error=DAMAGE, read=False), skip=True),
            f"repair or replace a.jsonl, then {AGAIN}",
        ),
        (ending(result(error=NO_HEADER, read=False)), f"repair or replace a.jsonl, then {AGAIN}"),
        (
            ending(result(Outcome.ACCEPTED, error=DAMAGE, ledger=False, read=False)),
            "repair or replace a.jsonl; then send only what comes after line 7",
        ),
        (
            ending(result(Outcome.ACCEPTED, error=KeyboardInterrupt(), read=False)),
            f"to send the remaining events, {AGAIN}",
        ),
        (ending(result(error=Terminated(), read=False)), f"to send the remaining events, {AGAIN}"),
        (ending(result(Outcome.ACCEPTED, error=KeyboardInterrupt(), ledger=False, read=False)), None),
        (ending(result(Outcome.UNSENT, read=False)), f"to send the remaining events, {AGAIN}"),
        (ending(result(Outcome.UNSENT)), f"to send the remaining events, {AGAIN}"),
        (
            ending(result(Outcome.UNSENT), rejects=1),
            "correct and send r.jsonl, but do not also run the same command: that would send its lines twice",
        ),
        (ending(result(Outcome.UNKNOWN), rejects=1), "correct and send r.jsonl"),
        (ending(result(Outcome.UNKNOWN)), None),
        (
            ending(result(Outcome.REJECTED)),
            "run the same command with --rejects FILE, which writes the lines to correct and send",
        ),
        (
            ending(result(error=AuthenticationError("wrong", status=401), read=False)),
            f"correct the keys, then {AGAIN}",
        ),
        (ending(result(error=LedgerError("no room"), read=False)), f"correct the error above, then {AGAIN}"),
        (
            ending(result(error=JobTimeoutError("slow", job=None, job_ids=(4, 5)))),
            "the jobs continue on the server; wait for them with: gameball job wait 4 5",
        ),
        (ending(result(Outcome.ACCEPTED), left=("b.jsonl",)), f"to send the remaining events, {AGAIN}"),
    ],
)
def test_each_ending_has_one_next_step(how: Ending, step: str | None) -> None:
    assert next_step(how) == step
    told = [line for line in advise(how) if line.startswith("Next: ")]
    assert told == ([] if step is None else [f"Next: {step}"])


def test_without_a_ledger_the_user_is_warned_not_to_repeat_the_command() -> None:
    of = result(Outcome.ACCEPTED, Outcome.UNSENT, ledger=False)
    assert any("There is no ledger" in line for line in advise(ending(of)))
    assert not any(
        "There is no ledger" in line for line in advise(ending(result(Outcome.ACCEPTED, ledger=False)))
    )


def test_what_may_count_twice_is_said_for_unknown_events() -> None:
    assert any("may count twice" in line for line in advise(ending(result(Outcome.UNKNOWN))))
    assert result(Outcome.UNKNOWN).code == ExitCode.UNKNOWN
