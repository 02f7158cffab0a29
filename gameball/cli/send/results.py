"""The result of sending one source."""

from pathlib import Path

from attrs import frozen

from gameball.cli.exit_codes import ExitCode
from gameball.cli.send.tally import Tally
from gameball.jobs.batch_job import BatchJob


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
        limited_to: The number of rows after which reading ended as asked for, or None.
        integer_ids: Whether customer ids that were integers became text.
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
    limited_to: int | None = None
    integer_ids: bool = False

    @property
    def code(self) -> ExitCode:
        """The exit code for this source."""
        return self.tally.code
