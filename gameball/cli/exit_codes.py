"""What the command's exit codes mean. Pure, and quick to import."""

from enum import IntEnum


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
