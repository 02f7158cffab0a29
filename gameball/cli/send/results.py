"""The result of sending one source."""

from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from gameball.cli.exit_codes import ExitCode
from gameball.cli.send.places import Place
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
        places: The lines of each failure, by its first position, if they were found.
        rejected: The number of lines written to the rejects.
        read_to_its_end: Whether the whole source was read.
        limited_to: The number of rows after which reading ended as asked for, or None.
        integer_ids: Whether customer ids that were integers became text.
        files: If it has several files, the position of the first item of each by its name; None for files
            that were not begun.
    """

    name: str
    tally: Tally
    jobs: list[BatchJob]
    ledger: Path | None
    seconds: float
    error: BaseException | None
    places: dict[int, Place]
    rejected: int
    read_to_its_end: bool
    limited_to: int | None = None
    integer_ids: bool = False
    files: Mapping[str, int | None] = field(factory=dict)

    @property
    def code(self) -> ExitCode:
        """The exit code for this source."""
        return self.tally.code
