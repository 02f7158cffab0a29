"""The lines that were not accepted: found by reading the source again, and written in a form to send."""

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

from gameball.cli.send.csv_rejects import CsvRejects, is_csv
from gameball.cli.send.tally import Failure
from gameball.errors import LedgerError, SourceError
from gameball.jobs.batch_job import BatchJob
from gameball.json_values import OPTIONS, convert, find_problem
from gameball.ledger.moving import moved_ledger
from gameball.receipts import Outcome
from gameball.sources import Row
from gameball.sources.csv.dialect import UTF_8
from gameball.sources.records.record import show_text

_WHICH_EVENT: Final = " (the job reports only the customer, who has several events in it)"


class Rereadable(Protocol):
    """A source that can be read again, such as ``gameball.sources.Source``."""

    @property
    def name(self) -> str:
        """Its name in messages."""

    def rows(self, *, max_bytes: int) -> Iterable[Row]:
        """Read it again from the start."""


@frozen
class Reject:
    """A line that was not accepted.

    Attributes:
        row: The line.
        outcome: The outcome of its request, ``invalid``, or ``failed`` if it failed in its job.
        reason: Why it was not accepted.
        failure: The part of the source that it belongs to, if its request was not accepted.
    """

    row: Row
    outcome: str
    reason: str
    failure: Failure | None = None


@define
class FailedJob:
    """A job with failed items: its source items, and its messages by customer."""

    job_id: int
    items: range
    messages: dict[str, list[str]] = field(factory=dict)
    found: dict[str, list[Row]] = field(factory=dict)


def failed_jobs(jobs: Sequence[BatchJob], items: Mapping[int, range]) -> list[FailedJob]:
    """Return the jobs with failed items, in the order of the source."""
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
    """Read a source again, and find the lines that were not accepted.

    Args:
        source: The source, with the same options as when it was sent.
        failures: The parts that were not accepted, in the order of the source.
        jobs: The jobs with failed items, in the order of the source.
        end: The number of source items that were read.
        max_bytes: The maximum size of a request, as in the send.

    Yields:
        The lines, in the order of the source. Lines that failed in a job follow the last line of the job.
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
        # The send failed at the same place and has reported it.
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
        # Some of these may have been counted, so they must not be sent again unless the user asks for it.
        uncertain = len(rows) > len(messages)
        outcome, which = (Outcome.UNKNOWN.value, _WHICH_EVENT) if uncertain else ("failed", "")
        for row in rows:
            said = "; ".join(dict.fromkeys(messages))
            yield Reject(row, outcome, f"in job {job.job_id}: {said}{which}")


def encode_reject(reject: Reject) -> bytes:
    """Encode a reject as a line of JSON, which can be sent once it is corrected.

    Args:
        reject: The reject.

    Returns:
        The fields of the row, or its text if it could not be parsed, with ``_rejected``; and a newline.
    """
    row = reject.row
    mark = {"source": row.source, "line": row.line, "outcome": reject.outcome, "reason": reject.reason}
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
        # The line was refused because of this value. Its text is better than nothing.
        return str(value)


class RejectsFile:
    """A rejects file, created when it is complete. An existing file is renamed, not overwritten.

    Args:
        path: The file. If it is CSV by its name, the rejects are rows of the CSV file that is sent.
        encoding: The encoding of that CSV file.
    """

    def __init__(self, path: Path, encoding: str = UTF_8) -> None:
        #: The final path of the rejects.
        self.path = path
        self._part = Path()
        self._file: IO[bytes] | None = None
        self.lines = 0
        self._csv = CsvRejects(encoding) if is_csv(path) else None

    def add(self, reject: Reject) -> None:
        """Write a reject.

        Raises:
            OSError: It cannot be written.
        """
        if self._file is not None:
            # Flushed line by line, so that a full disk fails here and not at the end.
            data = (
                encode_reject(reject)
                if self._csv is None
                else self._csv.encode(reject.row, reject.outcome, reject.reason)
            )
            self._file.write(data)
            self._file.flush()
            self.lines += 1

    def __enter__(self) -> Self:
        # Created before anything is sent, so that a path that cannot be written fails early.
        try:
            # A unique name: another command may be writing rejects with the same name.
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
        """Move the file to its path, even if it is incomplete, so that its lines are not lost."""
        if self._file is not None:
            with suppress(OSError):  # a failed write was reported when it happened
                self._file.close()
        if self.lines == 0 and exc_type is not None:
            self._part.unlink(missing_ok=True)
            return
        try:
            keep_aside(self.path)
        except LedgerError:
            # The existing file is being sent: it keeps its name, and the new one gets another name.
            self.path = unused_name(self.path)
        if self.lines:
            self._part.replace(self.path)
        else:
            self._part.unlink(missing_ok=True)


def beside(source: Path) -> Path:
    """Return the default path of the ledger of a file."""
    return source.with_name(f"{source.name}.ledger")


def keep_aside(path: Path) -> None:
    """Rename an existing file, because a user may be correcting it.

    Raises:
        LedgerError: Its ledger is in use, or the record is incomplete. Both files stay as they are.
    """
    if not path.exists():
        return
    aside = unused_name(path)
    # Its ledger is renamed with it: with the old ledger, the lines of a new file would count as sent.
    moving = moved_ledger(beside(path), beside(aside)) if beside(path).exists() else nullcontext()
    with moving:
        path.rename(aside)


def unused_name(path: Path) -> Path:
    """Return the path with the first numeric suffix that is used neither by a file nor by its ledger."""
    numbered = (path.with_name(f"{path.name}.{number}") for number in count(1))
    return next(name for name in numbered if not (name.exists() or beside(name).exists()))
