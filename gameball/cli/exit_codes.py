"""The exit codes, and which of them each error and outcome gives."""

from enum import IntEnum

from gameball.cli.interrupts import Terminated
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


class ExitCode(IntEnum):
    """The exit codes of every command."""

    #: Everything was accepted, or done as asked.
    OK = 0
    #: An error of this program's own.
    INTERNAL = 1
    #: The command was used wrongly: an option, a file that is not there, a ledger of another source or that
    #: cannot be opened.
    USAGE = 2
    #: Something was rejected or is invalid, or failed in its job.
    REJECTED = 3
    #: Something is unknown or unsent.
    UNKNOWN = 4
    #: The keys are missing or wrong, or may not do this.
    CREDENTIALS = 5
    #: Ctrl-C.
    INTERRUPTED = 130
    #: The system asked the process to end (SIGTERM).
    TERMINATED = 143


#: Which code counts where several apply: the first of these.
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
    """Return the code that says the most."""
    return min(codes, key=_WEIGHT.index, default=ExitCode.OK)


def code_of_error(error: BaseException) -> ExitCode:
    """Return the exit code for an error that ended a command.

    Args:
        error: What was raised.
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
    """Return the exit code for an error that left nothing begun.

    A ledger that cannot be opened is wrong use then; one that fails later leaves events unsent. One that
    another process is using is neither: the same command will do later.

    Args:
        error: What was raised.
    """
    if isinstance(error, LedgerError) and not isinstance(error, LedgerLockedError):
        return ExitCode.USAGE
    return code_of_error(error)


def code_of_outcome(outcome: Outcome, error: GameballError | None) -> ExitCode:
    """Return the exit code for something that ended so."""
    if error is not None and code_of_error(error) is ExitCode.CREDENTIALS:
        return ExitCode.CREDENTIALS
    if outcome is Outcome.ACCEPTED:
        return ExitCode.OK
    return ExitCode.REJECTED if outcome is Outcome.REJECTED else ExitCode.UNKNOWN
