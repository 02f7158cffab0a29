"""The exit codes, and the code of each error and outcome."""

from enum import IntEnum
from typing import Final

from gameball.cli.interrupts import Terminated
from gameball.errors import (
    AuthenticationError,
    GameballError,
    InvalidEventError,
    InvalidRequestError,
    LedgerMismatchError,
    MissingCredentialsError,
    NotFoundError,
    PermissionDeniedError,
    RecordError,
    SourceError,
)
from gameball.receipts import Outcome


class ExitCode(IntEnum):
    """The exit codes of every command. What each means is in ``MEANINGS``."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    REJECTED = 3
    UNKNOWN = 4
    CREDENTIALS = 5
    INTERRUPTED = 130
    TERMINATED = 143


#: What each exit code means. ``gameball --help`` and the README show it.
MEANINGS: Final = {
    ExitCode.OK: "everything was accepted, or the command succeeded",
    ExitCode.USAGE: "an invalid option, file or ledger, a ledger in use, or output that cannot be written",
    ExitCode.REJECTED: "something was rejected, is invalid, or failed in its job",
    ExitCode.UNKNOWN: (
        "something is unknown or unsent, a job did not end in time, or Gameball could not be reached"
    ),
    ExitCode.CREDENTIALS: "the keys are missing or wrong, or lack permission",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
    ExitCode.TERMINATED: "terminated by SIGTERM, or by SIGHUP when its terminal was closed",
    ExitCode.INTERNAL: "an internal error: a bug in this command",
}

#: The order of precedence if several codes apply.
_WEIGHT: Final = (
    ExitCode.INTERRUPTED,
    ExitCode.TERMINATED,
    ExitCode.INTERNAL,
    ExitCode.USAGE,
    ExitCode.CREDENTIALS,
    ExitCode.UNKNOWN,
    ExitCode.REJECTED,
    ExitCode.OK,
)


def worst(*codes: ExitCode) -> ExitCode:
    """Return the code with the highest precedence."""
    return min(codes, key=_WEIGHT.index, default=ExitCode.OK)


def code_of_error(error: BaseException) -> ExitCode:
    """Return the exit code for an error that stopped a command.

    Args:
        error: The error.
    """
    if isinstance(error, Terminated):
        return ExitCode.TERMINATED
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    if isinstance(error, MissingCredentialsError | AuthenticationError | PermissionDeniedError):
        return ExitCode.CREDENTIALS
    if isinstance(error, SourceError) and error.line is None:
        return ExitCode.USAGE
    if isinstance(error, SourceError | InvalidEventError | InvalidRequestError | NotFoundError):
        return ExitCode.REJECTED
    if isinstance(error, LedgerMismatchError | ValueError | OSError):
        return ExitCode.USAGE
    return ExitCode.UNKNOWN if isinstance(error, GameballError) else ExitCode.INTERNAL


def code_of_beginning(error: BaseException) -> ExitCode:
    """Return the exit code for an error before anything was started.

    At that point, a ledger or an outbox that is in use or cannot be opened is a usage error: nothing was
    sent. One that fails later leaves events unsent.

    Args:
        error: The error.
    """
    if isinstance(error, RecordError):
        return ExitCode.USAGE
    return code_of_error(error)


def code_of_outcome(outcome: Outcome, error: GameballError | None) -> ExitCode:
    """Return the exit code for an outcome."""
    if error is not None and code_of_error(error) is ExitCode.CREDENTIALS:
        return ExitCode.CREDENTIALS
    if outcome is Outcome.ACCEPTED:
        return ExitCode.OK
    return ExitCode.REJECTED if outcome is Outcome.REJECTED else ExitCode.UNKNOWN
