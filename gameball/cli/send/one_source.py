"""Send one source: read and send it, wait for its jobs, and find the lines that were not accepted."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from attrs import define, field
from rich.console import Console

from gameball.cli.exit_codes import ExitCode, code_of_beginning, code_of_error, worst
from gameball.cli.interrupts import Interrupts
from gameball.cli.options import SendCommandOptions
from gameball.cli.send.display import SendProgress, showing
from gameball.cli.send.places import Place, add_row
from gameball.cli.send.rejects import RejectsFile, failed_jobs, find_rejects
from gameball.cli.send.results import SourceResult
from gameball.cli.send.several_files import FileLog
from gameball.cli.send.source_ledger import describe_files, describe_source, fit_to_ledger, ledger_path
from gameball.cli.send.tally import READ, Tally, counted, place_of_invalid
from gameball.client import Gameball
from gameball.errors import (
    GameballError,
    InvalidEventError,
    JobTimeoutError,
    LedgerMismatchError,
    SourceError,
)
from gameball.jobs.batch_job import BatchJob
from gameball.ledger.ledger import Ledger, store_of
from gameball.receipts import DeliveryReport, Outcome, Receipt
from gameball.sources import Reading, Source
from gameball.sources.joined import JoinedSource


def _explain(error: LedgerMismatchError, explanation: str) -> LedgerMismatchError:
    """Return an error with one more sentence."""
    explained = LedgerMismatchError(f"{error}. {explanation}", items=error.items)
    explained.report = error.report
    return explained


@define
class SourceSend:
    """The send of one source."""

    client: Gameball
    source: Source | JoinedSource
    options: SendCommandOptions
    interrupts: Interrupts
    rejects: RejectsFile | None = None
    #: Called with each receipt; once more for some of them if the send is stopped by an error.
    on_receipt: Callable[[Receipt], object] | None = None
    tally: Tally = field(factory=Tally)
    jobs: list[BatchJob] = field(factory=list)
    note: str = ""
    begun: float = field(factory=time.monotonic)
    #: The path of the ledger, or None without one.
    path: Path | None = None
    #: The bytes of the source, or None. Asked once: there may be a hundred thousand files.
    size: int | None = None
    reading: Reading | None = None
    #: The files that were begun, if there are several with one ledger.
    files: FileLog | None = None
    error: BaseException | None = None
    #: Whether the error occurred while waiting for the jobs, after everything was sent.
    error_of_jobs: bool = False
    places: dict[int, Place] = field(factory=dict)
    rejected: int = 0

    @property
    def ends_everything(self) -> bool:
        """Whether the sources after this one are skipped."""
        if isinstance(self.error, KeyboardInterrupt):
            return True
        codes = {ExitCode.OK, ExitCode.REJECTED}
        goes_on = self.options.keep_going or (self.error is None and not self._was_stopped())
        return self.tally.code not in codes | ({ExitCode.UNKNOWN} if goes_on else set())

    def run(self) -> SourceResult:
        """Send the source, wait for its jobs, and find the lines that were not accepted.

        An interrupt ends this with what is known by then.

        Raises:
            GameballError: The send could not start.
        """
        try:
            with self.interrupts.raising(sending=True):
                self._run()
        except KeyboardInterrupt as error:
            # It came outside the send, which has a report of its own. There is only one such interrupt.
            self.error = error
            self.tally.code = worst(self.tally.code, code_of_error(error))
        return self._result()

    def _run(self) -> None:
        path = self.path = ledger_path(self.source, self.options)
        console = Console(stderr=True)
        with nullcontext() if path is None else Ledger(path) as ledger:
            if path is not None and ledger is not None:
                self.source = fit_to_ledger(self.source, store_of(ledger), path)
            self.size = self.source.size
            self.reading = self._read(path)
            with showing(self._progress, console):
                self._send(ledger)
                # The lines before an invalid line were accepted, and their jobs are running.
                if self.options.wait and (self.error is None or isinstance(self.error, SourceError)):
                    self._follow_jobs()
                try:
                    self._find_lines()
                except OSError as error:
                    self.places, self.rejected = {}, 0
                    self.error = OSError(f"the rejects are incomplete: {error}")
                    self.tally.code = worst(self.tally.code, ExitCode.USAGE)

    def _read(self, path: Path | None) -> Reading:
        on_problem = self._leave_out if self.options.skip_invalid else None
        if isinstance(self.source, Source) or path is None:
            return self.source.read(on_problem)
        self.files = FileLog(path)
        return self.source.read(on_problem, self.files.begin)

    def refused(self, error: Exception) -> SourceResult:
        """Return the result of a source whose send could not start."""
        self.error = error
        self.tally.code = code_of_beginning(error)
        return self._result()

    def _result(self) -> SourceResult:
        return SourceResult(
            name=self.source.name,
            tally=self.tally,
            jobs=self.jobs,
            ledger=self.path,
            seconds=time.monotonic() - self.begun,
            error=self.error,
            places=self.places,
            rejected=self.rejected,
            read_to_its_end=self._was_read() and not self._was_limited(),
            limited_to=self.source.limit if self._was_read() and self._was_limited() else None,
            integer_ids=self.reading is not None and self.reading.integer_ids,
            files={} if isinstance(self.source, Source) else self._positions(self.source),
        )

    def _positions(self, source: JoinedSource) -> dict[str, int | None]:
        begun = {} if self.files is None else self.files.positions()
        return {file.name: begun.get(file.name) for file in source.files}

    def _send(self, ledger: Ledger | None) -> None:
        options = self.options
        store = None if ledger is None else store_of(ledger)
        if store is not None:
            if self.files is not None and ledger is not None:
                store.follow_files(self.files.begun)
            # A source that is refused must not overwrite the description of the one that was sent.
            if not store.is_bound():
                store.note(describe_source(self.source, options, store.path))
            elif isinstance(self.source, JoinedSource):
                store.note(describe_files(self.source, store.path))
        stop_on = () if options.keep_going else (Outcome.UNKNOWN, Outcome.UNSENT)
        try:
            self.client.events.send(
                self.reading or (),
                concurrency=options.concurrency,
                max_objects=options.max_objects,
                max_bytes=options.max_bytes,
                on_unknown=options.on_unknown,
                stop_on_error=stop_on,
                on_invalid=self._take_invalid,
                ledger=ledger,
                on_receipt=self._count,
                check=False,
            )
        except (Exception, KeyboardInterrupt) as error:
            report = getattr(error, "report", None)
            if not isinstance(report, DeliveryReport):
                raise
            self._end(error, report)
        if store is not None and not isinstance(self.error, LedgerMismatchError):
            read = self._was_read() and not self._was_limited()
            store.note({**describe_source(self.source, options, store.path), READ: "yes" if read else "no"})

    def _end(self, error: BaseException, report: DeliveryReport) -> None:
        """Record the error that stopped the send. The report includes receipts that were already counted."""
        if isinstance(error, LedgerMismatchError):
            if self._was_limited():
                # The last request of this send may be shorter than the recorded one.
                error = _explain(
                    error,
                    f"If the source is the same, --limit {self.source.limit} ends within a request that was "
                    "recorded already: use a larger limit, or none",
                )
            if self.options.on_unknown == "resend" and self.options.skip_invalid:
                error = _explain(
                    error,
                    "If lines that may have been accepted were skipped before, copy them to a file of their "
                    "own, and send that",
                )
            if self.files is not None and error.items is not None:
                error = _explain(error, f"These items are in {self.files.describe(error.items)}")
        # A library may have turned the interrupt into an error of its own.
        error = self.interrupts.error or error
        before = self.tally
        self.tally = Tally(invalid=before.invalid, problems=before.problems)
        self.error = error
        for receipt in report.receipts:
            self._count(receipt)
        self.tally.end(error)
        if isinstance(error, SourceError) and error.line is not None:
            self.tally.leave_out(error)
        if code_of_error(error) is ExitCode.INTERNAL:
            raise error

    def _count(self, receipt: Receipt) -> None:
        self.tally.add(receipt, time.monotonic())
        if self.on_receipt is not None:
            self.on_receipt(receipt)

    def _leave_out(self, error: SourceError) -> None:
        self.tally.leave_out(error)

    def _take_invalid(self, error: InvalidEventError) -> None:
        """Skip an event that cannot be sent, or raise its problem to stop the send."""
        problem = place_of_invalid(error, self.source.name, self.reading)
        if not self.options.skip_invalid:
            raise problem
        self._leave_out(problem)

    def _follow_jobs(self) -> None:
        left = set(self.tally.jobs)
        try:
            self.note = f"waiting for {counted(len(left), 'job')}"
            for job in self.client.jobs.wait_all(self.tally.jobs, timeout=self.options.wait_timeout):
                self.jobs.append(job)
                left.discard(job.id)
                self.note = f"waiting for {counted(len(left), 'job')}"
                if job.has_failures:
                    self.tally.code = worst(self.tally.code, ExitCode.REJECTED)
        except JobTimeoutError as error:
            self.error, self.error_of_jobs = error, True
            self.tally.code = worst(self.tally.code, ExitCode.UNKNOWN)
        except (GameballError, KeyboardInterrupt) as error:
            self.error, self.error_of_jobs = error, self.error is None
            self.tally.code = worst(self.tally.code, code_of_error(error))
        finally:
            self.note = ""

    def _find_lines(self) -> None:
        """Find the lines that were not accepted, and write them to the rejects."""
        tally = self.tally
        failures = tally.failed(Outcome.REJECTED, Outcome.UNKNOWN, Outcome.UNSENT)
        something = failures or tally.invalid or any(job.failed for job in self.jobs)
        # A pipe cannot be read again: opening it would block forever.
        if not something or not (self.source.is_file or self.rejects is not None):
            return
        self.note = "finding the lines that were not accepted"
        for reject in find_rejects(
            self.source,
            failures,
            failed_jobs(self.jobs, tally.jobs),
            tally.end_position,
            self.options.max_bytes,
        ):
            if reject.failure is not None:
                first = reject.failure.first
                self.places[first] = add_row(self.places.get(first), reject.row)
            if self.rejects is not None:
                self.rejects.add(reject)
                self.rejected += 1
        self.note = ""

    def _was_read(self) -> bool:
        """Return whether the source was read to its end."""
        keys = self.tally.code is ExitCode.CREDENTIALS and not self.error_of_jobs
        ended = self.error is not None and not self.error_of_jobs
        return not (ended or keys or (self._was_stopped() and not self.options.keep_going))

    def _was_limited(self) -> bool:
        """Return whether reading ended because of --limit."""
        return self.reading is not None and self.reading.reached_limit

    def _was_stopped(self) -> bool:
        """Return whether this run has left events unknown or unsent."""
        # What an earlier run left unknown does not stop this run.
        return any(
            failure.outcome is not Outcome.REJECTED and not failure.from_ledger
            for failure in self.tally.failures
        )

    def _share(self) -> float | None:
        """Return the part of the source, in bytes, whose events have an outcome."""
        size, reading = self.size, self.reading
        if not size or reading is None:
            return None
        done = self.tally.items / reading.items_read if reading.items_read else 0.0
        return min(reading.bytes_read / size, 1.0) * min(done, 1.0)

    def _progress(self) -> SendProgress:
        tally = self.tally
        now = time.monotonic()
        per_second, requests_per_second = tally.rates(now)
        return SendProgress(
            name=self.source.name,
            share=self._share(),
            seconds=now - self.begun,
            events_per_second=per_second,
            requests_per_second=requests_per_second,
            quota=self.client.quota_used,
            events=tally.events,
            invalid=tally.invalid,
            note=self.interrupts.note or self.note,
        )
