"""The exit code of each error and outcome."""

from pathlib import Path

import pytest
from command import line, shell

from gameball import (
    AuthenticationError,
    ConnectionFailedError,
    GameballError,
    InvalidEventError,
    LedgerError,
    LedgerLockedError,
    LedgerMismatchError,
    MissingCredentialsError,
    Outcome,
    ResponseLostError,
    ServerError,
    SourceError,
)
from gameball.cli.exit_codes import (
    MEANINGS,
    ExitCode,
    code_of_beginning,
    code_of_error,
    code_of_outcome,
    worst,
)
from gameball.cli.interrupts import Terminated
from gameball.sandbox import Sandbox


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
        (MissingCredentialsError("no keys"), 5),
        (AuthenticationError("wrong", status=401), 5),
        (SourceError(source="a", line=3, reason="is not JSON"), 3),
        (SourceError(source="a", line=None, reason="cannot be read"), 2),
        (InvalidEventError(index=0, customer_id=None, field="name", reason="must not be blank"), 3),
        (LedgerMismatchError("another file"), 2),
        (LedgerLockedError("in use"), 4),
        (LedgerError("no room"), 4),
        (ConnectionFailedError("no route"), 4),
        (ResponseLostError("reset"), 4),
        (ServerError("oops", status=500), 4),
        (ValueError("an option"), 2),
        (FileNotFoundError("a file"), 2),
        (AssertionError("a bug"), 1),
    ],
)
def test_every_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert code_of_error(error) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [(LedgerError("no ledger"), 2), (LedgerLockedError("in use"), 2), (ValueError("no"), 2)],
)
def test_a_ledger_that_cannot_be_opened_is_a_usage_error(error: Exception, code: int) -> None:
    assert code_of_beginning(error) == code


@pytest.mark.parametrize(
    ("outcome", "error", "code"),
    [
        (Outcome.ACCEPTED, None, 0),
        (Outcome.REJECTED, GameballError("no"), 3),
        (Outcome.REJECTED, AuthenticationError("wrong", status=401), 5),
        (Outcome.UNSENT, AuthenticationError("wrong", status=401), 5),
        (Outcome.UNKNOWN, ResponseLostError("reset"), 4),
        (Outcome.UNSENT, None, 4),
    ],
)
def test_every_outcome_has_its_exit_code(outcome: Outcome, error: GameballError | None, code: int) -> None:
    assert code_of_outcome(outcome, error) == code


def test_the_worst_exit_code_wins() -> None:
    assert worst() is ExitCode.OK
    assert worst(ExitCode.OK, ExitCode.REJECTED, ExitCode.UNKNOWN) is ExitCode.UNKNOWN
    assert worst(ExitCode.UNKNOWN, ExitCode.CREDENTIALS) is ExitCode.CREDENTIALS
    assert worst(ExitCode.CREDENTIALS, ExitCode.INTERRUPTED) is ExitCode.INTERRUPTED


def test_the_readme_has_the_meanings_of_all_exit_codes() -> None:
    readme = Path(__file__).parents[2].joinpath("README.md").read_text()
    assert set(MEANINGS) == set(ExitCode)
    rows = [f"| {code} | {meaning} |" for code, meaning in MEANINGS.items()]
    assert "\n".join(rows) in readme


@pytest.mark.parametrize("words", ["", "--json"])
@pytest.mark.parametrize(
    "output",
    [">&-", "2>&- >&-", "| true; exit ${PIPESTATUS[0]}", "| head -c 1; exit ${PIPESTATUS[0]}"],
)
def test_output_that_nobody_reads_does_not_change_the_exit_code(
    words: str, output: str, box: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "events.jsonl").write_text(line(1) + "not an event\n" + line(2))
    command = f"gameball send events.jsonl --skip-invalid {words} {output}"
    done = shell(command, url=box.url, cwd=tmp_path, program="bash")
    assert (done.code, done.problems) == (3, "")
    assert sum(box.events.values()) == 2


@pytest.mark.parametrize("words", ["", "--json"])
def test_output_that_cannot_be_written_is_reported_after_everything_was_sent(
    words: str, box: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "events.jsonl").write_text(line(1) + line(2))
    done = shell(f"gameball send events.jsonl {words} >/dev/full", url=box.url, cwd=tmp_path)
    assert done.code == 2
    assert done.err == "gameball: standard output cannot be written: No space left on device\n"
    assert sum(box.events.values()) == 2
