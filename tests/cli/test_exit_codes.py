"""The exit code of each error and outcome."""

import pytest

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
    ExitCode,
    Terminated,
    code_of_beginning,
    code_of_error,
    code_of_outcome,
    worst,
)


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
    [(LedgerError("no ledger"), 2), (LedgerLockedError("in use"), 4), (ValueError("no"), 2)],
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
