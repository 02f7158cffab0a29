"""``gameball send --dry-run``: read and check everything, and send nothing."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk_events import build_chunks
from gameball.cli.exit_codes import ExitCode
from gameball.cli.options import SendCommandOptions
from gameball.cli.output import write_json, write_lines
from gameball.cli.send.advice import INTEGER_IDS
from gameball.cli.send.dry_ledger import RecordedEvents, recorded_events
from gameball.cli.send.several_files import check_not_sent_alone
from gameball.cli.send.source_ledger import ledger_path
from gameball.cli.send.tally import DESCRIBED, counted, describe_error, place_of_invalid
from gameball.errors import InvalidEventError, LedgerMismatchError, SourceError
from gameball.ledger.known_chunks import KnownChunks
from gameball.rate_limit import RateLimit
from gameball.sources import Reading, Source
from gameball.sources.joined import JoinedSource

_SAMPLES: Final = 3
#: How many times fewer requests are worth a hint.
_FAR_FEWER: Final = 3


def least_seconds(requests: int, rate_limits: Sequence[RateLimit]) -> float:
    """Return the minimum duration of a number of requests under rate limits, in seconds.

    Args:
        requests: The number of requests.
        rate_limits: The limits, all of which apply. Each window is used as early as possible.
    """
    times: list[float] = []
    for number in range(requests):
        freed = (
            times[number - limit.requests] + limit.seconds
            for limit in rate_limits
            if number >= limit.requests
        )
        times.append(max(freed, default=0.0))
    return times[-1] if times else 0.0


@define
class _DryRun:
    """The dry run of one source."""

    source: Source | JoinedSource
    options: SendCommandOptions
    chunks: int = 0
    objects: int = 0
    events: int = 0
    size: int = 0
    invalid: int = 0
    problems: list[SourceError] = field(factory=list)
    samples: list[str] = field(factory=list)
    reading: Reading | None = None
    ledger: Path | None = None
    recorded: RecordedEvents | None = None
    #: The number of requests that a send would make.
    requests: int = 0

    def run(self) -> None:
        path = ledger_path(self.source, self.options)
        if path is None or not path.is_file():
            if isinstance(self.source, JoinedSource) and path is not None:
                self._check_not_sent_alone(self.source, path)
            self._read()
            return
        with recorded_events(path, self.source, self.options) as recorded:
            self.ledger, self.recorded, self.source = path, recorded, recorded.source
            self._read()

    def _check_not_sent_alone(self, source: JoinedSource, path: Path) -> None:
        try:
            check_not_sent_alone(source.files, path)
        except LedgerMismatchError as error:
            self.ledger = path
            self.recorded = RecordedEvents(source, KnownChunks.of(()), problem=str(error))

    def _read(self) -> None:
        options = self.options
        known = None if self.recorded is None else self.recorded.known
        builder = ChunkBuilder(max_objects=options.max_objects, max_bytes=options.max_bytes, coalesce=True)
        self.reading = self.source.read(self._leave_out)
        try:
            for chunk in build_chunks(self.reading, builder, known, self._take_invalid):
                self.chunks += 1
                self.requests += self.recorded is None or self.recorded.take(chunk)
                self.objects += chunk.objects
                self.events += chunk.events
                self.size += chunk.size
        except SourceError as error:
            if error.line is None:
                raise
            self._leave_out(error)
        # Standard input can be read only once, and a query may take long.
        if self.source.is_file:
            self._take_samples()

    def _take_samples(self) -> None:
        builder = ChunkBuilder(max_objects=1, max_bytes=self.options.max_bytes, coalesce=False)
        with self.source.read(lambda _: None) as items, suppress(SourceError):
            for chunk in islice(build_chunks(items, builder, on_invalid=lambda _: None), _SAMPLES):
                text = chunk.content.decode()
                self.samples.append("".join(sign if sign.isprintable() else "?" for sign in text))

    def _leave_out(self, error: SourceError) -> None:
        self.invalid += 1
        if len(self.problems) < DESCRIBED:
            self.problems.append(error)

    def _take_invalid(self, error: InvalidEventError) -> None:
        self._leave_out(place_of_invalid(error, self.source.name, self.reading))

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source.name,
            "events": self.events,
            "objects": self.objects,
            "requests": self.chunks,
            "requests_to_send": self.requests,
            "bytes": self.size,
            "invalid": self.invalid,
            "limited": self.reading is not None and self.reading.reached_limit,
            "integer_ids_as_text": self.reading is not None and self.reading.integer_ids,
            "ledger": None if self.ledger is None else str(self.ledger),
            "recorded": None if self.recorded is None else _count(self.recorded),
            "ledger_problem": None if self.recorded is None else self.recorded.problem,
            "samples": self.samples,
            "problems": [
                {"source": problem.source, "line": problem.line, "reason": problem.reason}
                for problem in self.problems
            ],
        }

    def _describe_recorded(self) -> list[str]:
        lines = []
        if self.reading is not None and self.reading.reached_limit:
            lines.append(f"  limited to the first {counted(self.source.limit or 0, 'row')}")
        if self.recorded is None:
            return lines
        if self.recorded.problem is not None:
            return [
                *lines,
                f"  A send with the ledger {self.ledger} would be refused: {self.recorded.problem}",
            ]
        counts = {outcome: count for outcome, count in self.recorded.events.items() if count}
        total = sum(counts.values())
        parts = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
        lines.append(
            f"  recorded in {self.ledger}: {total:,} of {counted(self.events, 'event')}"
            + (f" ({parts})" if parts else "")
        )
        return [*lines, f"  left to send: {counted(self.requests, 'request')}"]

    def describe(self) -> list[str]:
        more = self.invalid - len(self.problems)
        return [
            (
                f"{self.source.name}: {counted(self.events, 'event')} in {counted(self.objects, 'object')}, "
                f"{counted(self.chunks, 'request')}, {counted(self.size, 'byte')}"
            ),
            *self._describe_recorded(),
            *([f"  {self.invalid:,} invalid"] if self.invalid else []),
            *(f"    {describe_error(problem)}" for problem in self.problems),
            *([f"    and {more:,} more"] if more else []),
            *(["  The first events, as they would be sent:"] if self.samples else []),
            *(f"    {sample}" for sample in self.samples),
        ]


def _count(recorded: RecordedEvents) -> dict[str, int]:
    return {outcome.value: count for outcome, count in recorded.events.items()}


def _advise_one_ledger(runs: Sequence[_DryRun], options: SendCommandOptions) -> list[str]:
    """Return how many requests small files would take together, if that is far fewer and none was sent."""
    objects, size = sum(run.objects for run in runs), sum(run.size for run in runs)
    fewest = max(-(-objects // options.max_objects), -(-size // options.max_bytes))
    requests = sum(run.requests for run in runs)
    if not fewest or requests < _FAR_FEWER * fewest or any(run.recorded for run in runs):
        return []
    return [f"With one ledger for all files, --ledger FILE, it would be about {counted(fewest, 'request')}."]


def run_dry(
    sources: Sequence[Source | JoinedSource],
    options: SendCommandOptions,
    rate_limits: Sequence[RateLimit] | None,
) -> ExitCode:
    """Report what sending sources would do.

    Args:
        sources: The sources.
        options: The options of the command.
        rate_limits: The rate limits of the account; None for no limits.

    Returns:
        The exit code: 3 if a line cannot be sent.
    """
    runs = [_DryRun(source, options) for source in sources]
    for run in runs:
        run.run()
    requests = sum(run.requests for run in runs)
    seconds = least_seconds(requests, rate_limits or ())
    if options.json:
        report = {
            "dry_run": True,
            "seconds_at_least": seconds,
            "total": {
                "sources": sum(
                    len(run.source.files) if isinstance(run.source, JoinedSource) else 1 for run in runs
                ),
                "events": sum(run.events for run in runs),
                "requests": requests,
                "invalid": sum(run.invalid for run in runs),
            },
            "sources": [run.as_json() for run in runs],
        }
        write_json(report)
    else:
        write_lines(line for run in runs for line in run.describe())
        least = f"{counted(requests, 'request')} would take at least {seconds:,.0f} s under the rate limits."
        if any(run.reading is not None and run.reading.integer_ids for run in runs):
            write_lines([INTEGER_IDS])
        write_lines([f"{least} Nothing was sent.", *_advise_one_ledger(runs, options)])
    return ExitCode.REJECTED if any(run.invalid for run in runs) else ExitCode.OK
