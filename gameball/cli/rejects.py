"""The lines that were not accepted: found by reading their source once more, and written to be sent again."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Protocol, Self

import orjson
from attrs import define, field, frozen

from gameball.cli.tally import Failure
from gameball.errors import LedgerError, SourceError
from gameball.events import OPTIONS, convert, find_problem
from gameball.jobs.batch_job import BatchJob
from gameball.ledger.file import moved_ledger
from gameball.receipts import Outcome
from gameball.sources import Row
from gameball.sources.records import show_text

_WHICH_EVENT: Final = " (the job names the customer, and this customer has several events in it)"


class Rereadable(Protocol):
    """A source as this module needs it: ``gameball.sources.Source``."""

    @property
    def name(self) -> str:
        """What to call it."""

    def rows(self, *, max_bytes: int) -> Iterable[Row]:
        """Read it anew."""


@frozen
class Reject:
    """A line that was not accepted.

    Attributes:
        row: The line.
        outcome: What became of it: an outcome, ``invalid``, or ``failed`` within its job.
        reason: Why.
        failure: The part of the source that it belongs to, where its request was not accepted.
    """

    row: Row
    outcome: str
    reason: str
    failure: Failure | None = None


@define
class FailedJob:
    """A job in which something failed: the items it is of, and what it says of each customer."""

    job_id: int
    items: range
    messages: dict[str, list[str]] = field(factory=dict)
    found: dict[str, list[Row]] = field(factory=dict)


def failed_jobs(jobs: Sequence[BatchJob], items: Mapping[int, range]) -> list[FailedJob]:
    """Return the jobs in which something failed, in the order of the source."""
    failed = []
    for job in jobs:
        if job.failed and job.id in items:
            of_job = FailedJob(job.id, items[job.id])
            for item in job.failed:
                of_job.messages.setdefault(item.customer_id or "", []).append(item.message)
            failed.append(of_job)
    return sorted(failed, key=lambda job: job.items.start)


def find_rejects(
    source: Rereadable, failures: Sequence[Failure], jobs: Sequence[FailedJob], end: int, max_bytes: int
) -> Iterator[Reject]:
    """Read a source once more, and find the lines that were not accepted.

    Args:
        source: The source, as it was read.
        failures: What was not accepted, in the order of the source.
        jobs: The jobs in which something failed, in the order of the source.
        end: How many source items were read.
        max_bytes: What limited the size of a request.

    Yields:
        The lines, in the order of the source but for those that failed in a job, which come with its last.
    """
    open_failures = list(failures)
    open_jobs = list(jobs)
    try:
        for row in source.rows(max_bytes=max_bytes):
            if row.position is None:
                yield Reject(row, "invalid", row.problem or "")
                continue
            while open_jobs and open_jobs[0].items.stop <= row.position:
                yield from _failed_rows(open_jobs.pop(0))
            if row.position >= end:
                break
            while open_failures and open_failures[0].last < row.position:
                open_failures.pop(0)
            if open_failures and open_failures[0].first <= row.position:
                failure = open_failures[0]
                yield Reject(row, failure.outcome.value, failure.reason, failure)
            elif open_jobs and row.position in open_jobs[0].items:
                _match(open_jobs[0], row)
    except SourceError:
        # It broke off when it was sent, too, and that was told then.
        pass
    for job in open_jobs:
        yield from _failed_rows(job)


def _match(job: FailedJob, row: Row) -> None:
    fields = row.fields or {}
    customer = fields.get("customer_id", fields.get("customerId"))
    if customer in job.messages:
        job.found.setdefault(str(customer), []).append(row)


def _failed_rows(job: FailedJob) -> Iterator[Reject]:
    for customer, rows in job.found.items():
        messages = job.messages[customer]
        # Some of them may have counted: nobody is to send them again without saying so.
        uncertain = len(rows) > len(messages)
        outcome, which = (Outcome.UNKNOWN.value, _WHICH_EVENT) if uncertain else ("failed", "")
        for row in rows:
            said = "; ".join(dict.fromkeys(messages))
            yield Reject(row, outcome, f"in job {job.job_id}: {said}{which}")


def encode_reject(reject: Reject, source: str) -> bytes:
    """Write a reject as a line of JSON, which can be sent once it is corrected.

    Args:
        reject: The reject.
        source: What its source is called.

    Returns:
        The fields of the row, or the text of what is no row, with ``_rejected``; and a newline.
    """
    row = reject.row
    mark = {"source": source, "line": row.line, "outcome": reject.outcome, "reason": reject.reason}
    try:
        fields: dict[str, Any] = {"text": row.text} if row.fields is None else dict(row.fields)
        if row.fields is not None and find_problem(row.fields, "") is not None:
            # JSON has no form for some value of a table. As a text it could be sent uncorrected by mistake.
            fields = {"text": show_text(orjson.dumps(fields, _convert, OPTIONS))}
        # A row that is refused for such a mark keeps it: it may warn that the event may have been accepted.
        fields.setdefault("_rejected", mark)
        return orjson.dumps(fields, _convert, OPTIONS | orjson.OPT_APPEND_NEWLINE)
    except (TypeError, RecursionError):
        # orjson writes 254 levels and reads 1,024: it once ended here after all events were delivered.
        text = "nested too deeply to be written here; see the line in its source"
        return orjson.dumps({"text": text, "_rejected": mark}, option=orjson.OPT_APPEND_NEWLINE)


def _convert(value: object) -> object:
    try:
        return convert(value)
    except TypeError:
        # It is what the line was refused for; its text is better than nothing.
        return str(value)


class RejectsFile:
    """A file of rejects, there once it is complete; one that was there before is kept under another name.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        #: Where the rejects are, in the end.
        self.path = path
        self._part = Path()
        self._file: IO[bytes] | None = None
        self.lines = 0

    def add(self, reject: Reject, source: str) -> None:
        """Write a reject.

        Raises:
            OSError: It cannot be written.
        """
        if self._file is not None:
            # Each line by itself, so that a disk that is full fails here and not at the end.
            self._file.write(encode_reject(reject, source))
            self._file.flush()
            self.lines += 1

    def __enter__(self) -> Self:
        # Before anything is sent: what cannot be written should be known then.
        try:
            # Under a name of its own: another command may be writing rejects of the same name.
            descriptor, name = tempfile.mkstemp(
                prefix=f"{self.path.name}.", suffix=".part", dir=self.path.parent
            )
            self._part, self._file = Path(name), os.fdopen(descriptor, "wb")
        except OSError as error:
            raise ValueError(f"--rejects {self.path} cannot be written: {error.strerror}") from None
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put the file in its place, also when not all could be found: what is there is not lost."""
        if self._file is not None:
            with suppress(OSError):  # what was not written was told when it failed
                self._file.close()
        if self.lines == 0 and exc_type is not None:
            self._part.unlink(missing_ok=True)
            return
        try:
            keep_aside(self.path)
        except LedgerError:
            # Somebody is sending the file that is there: it stays, and the new one gets another name.
            self.path = unused_name(self.path)
        if self.lines:
            self._part.replace(self.path)
        else:
            self._part.unlink(missing_ok=True)


def beside(source: Path) -> Path:
    """Return where the ledger of a file is unless told otherwise."""
    return source.with_name(f"{source.name}.ledger")


def keep_aside(path: Path) -> None:
    """Give a file that is there another name: somebody may be correcting it.

    Raises:
        LedgerError: Its ledger is in use, or its record is not complete. Both files stay as they are.
    """
    if not path.exists():
        return
    aside = unused_name(path)
    # Its ledger goes with it, should it have been sent: by the old one, new lines would be taken for sent.
    moving = moved_ledger(beside(path), beside(aside)) if beside(path).exists() else nullcontext()
    with moving:
        path.rename(aside)


def unused_name(path: Path) -> Path:
    """Return the path with the first number behind it that neither a file has nor a ledger of one."""
    numbered = (path.with_name(f"{path.name}.{number}") for number in count(1))
    return next(name for name in numbered if not (name.exists() or beside(name).exists()))
