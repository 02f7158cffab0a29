"""The exit codes, and the code of each error and outcome."""

from enum import IntEnum

from gameball.errors import (
    AuthenticationError,
    GameballError,
    InvalidEventError,
    InvalidRequestError,
    LedgerError,
    LedgerLockedError,
    LedgerMismatchError,
    MissingCredentialsError,
    NotFoundError,
    PermissionDeniedError,
    SourceError,
)
from gameball.receipts import Outcome


class Terminated(KeyboardInterrupt):
    """The process received SIGTERM, or SIGHUP because its terminal was closed."""


class ExitCode(IntEnum):
    """The exit codes of every command."""

    #: Everything was accepted, or done as asked.
    OK = 0
    #: An internal error, which is a bug.
    INTERNAL = 1
    #: Usage error: a wrong option, a missing file, a ledger of another source or one that cannot be opened.
    USAGE = 2
    #: Events were rejected, invalid or failed in their job.
    REJECTED = 3
    #: Events are unknown or unsent.
    UNKNOWN = 4
    #: The keys are missing or wrong, or lack permission.
    CREDENTIALS = 5
    #: Ctrl-C.
    INTERRUPTED = 130
    #: The process was terminated (SIGTERM).
    TERMINATED = 143


#: The order of precedence if several codes apply.
_WEIGHT = (
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

    At that point, a ledger that cannot be opened is a usage error; one that fails later leaves events unsent.
    A ledger that another process is using is not a usage error: the same command works later.

    Args:
        error: The error.
    """
    if isinstance(error, LedgerError) and not isinstance(error, LedgerLockedError):
        return ExitCode.USAGE
    return code_of_error(error)


def code_of_outcome(outcome: Outcome, error: GameballError | None) -> ExitCode:
    """Return the exit code for an outcome."""
    if error is not None and code_of_error(error) is ExitCode.CREDENTIALS:
        return ExitCode.CREDENTIALS
    if outcome is Outcome.ACCEPTED:
        return ExitCode.OK
    return ExitCode.REJECTED if outcome is Outcome.REJECTED else ExitCode.UNKNOWN
