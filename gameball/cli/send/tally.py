"""The counts of one source so far, behind everything that is shown. Pure."""

from collections import deque
from typing import Final

from attrs import Factory, define, field, frozen

from gameball.cli.exit_codes import ExitCode, code_of_error, code_of_outcome, worst
from gameball.errors import GameballError, InvalidEventError, LedgerError, SourceError
from gameball.receipts import Outcome, Receipt
from gameball.sources import Reading

#: How many problems of each kind are described. All of them are counted and written to the rejects.
DESCRIBED = 10
# In seconds: a rate over several receipts is steadier than one over the last alone.
_RATE_WINDOW = 5.0


_STOPPED: Final = "not sent, because the send was stopped"

#: A time in seconds, and the number of events and requests up to it.
_Moment = tuple[float, int, int]


@frozen
class Failure:
    """A part of a source that was not accepted.

    Attributes:
        first: The position of its first item, counted from 0.
        last: The position of its last item.
        outcome: Its outcome.
        reason: Why it was not accepted.
        events: The number of its events.
        from_ledger: Whether this is the outcome of an earlier run.
    """

    first: int
    last: int
    outcome: Outcome
    reason: str
    events: int
    from_ledger: bool = False


#: The note in a ledger that records whether the latest send read the source to its end.
READ: Final = "read_to_its_end"


@define
class Tally:
    """Counts the outcomes of a source.

    Attributes:
        events: The number of events with each outcome.
        items: The number of source items with a receipt.
        events_before: The number of events accepted in earlier runs, of those that this run has reached.
        objects: The number of objects sent in this run.
        requests: The number of requests made in this run.
        chunks: The number of chunks with a receipt, without those of earlier runs.
        jobs: The jobs of accepted chunks, with the source items of each.
        failures: The parts that were not accepted.
        invalid: The number of lines that cannot be sent.
        problems: The first problems of invalid lines.
        code: The exit code so far.
    """

    events: dict[Outcome, int] = field(factory=lambda: dict.fromkeys(Outcome, 0))
    items: int = 0
    events_before: int = 0
    objects: int = 0
    requests: int = 0
    chunks: int = 0
    jobs: dict[int, range] = field(factory=dict)
    failures: list[Failure] = field(factory=list)
    invalid: int = 0
    problems: list[SourceError] = field(factory=list)
    code: ExitCode = ExitCode.OK
    _recent: deque[_Moment] = Factory(deque)
    _span: tuple[_Moment, _Moment] = ((0.0, 0, 0), (0.0, 0, 0))

    def add(self, receipt: Receipt, now: float) -> None:
        """Count a receipt.

        Args:
            receipt: The receipt.
            now: The time, in seconds.
        """
        self.events[receipt.outcome] += receipt.events
        self.items += receipt.last - receipt.first + 1
        if receipt.from_ledger and receipt.outcome is Outcome.ACCEPTED:
            self.events_before += receipt.events
        elif not receipt.from_ledger:
            self.chunks += 1
            self.objects += receipt.objects
            self.requests += receipt.attempts
        if receipt.job_id is not None:
            self.jobs[receipt.job_id] = range(receipt.first, receipt.last + 1)
        if receipt.outcome is not Outcome.ACCEPTED:
            reason = _STOPPED if _was_stopped(receipt) else str(receipt.error or "unknown reason")
            self.failures.append(
                Failure(
                    receipt.first,
                    receipt.last,
                    receipt.outcome,
                    reason,
                    receipt.events,
                    from_ledger=receipt.from_ledger,
                )
            )
        self.code = worst(self.code, code_of_outcome(receipt.outcome, receipt.error))
        moment = (now, sum(self.events.values()), self.requests)
        self._recent.append(moment)
        while now - self._recent[0][0] > _RATE_WINDOW:
            self._recent.popleft()
        # The display thread reads it, so it is replaced in one step.
        self._span = (self._recent[0], moment)

    def leave_out(self, error: SourceError) -> None:
        """Count a line that cannot be sent."""
        self.invalid += 1
        self.code = worst(self.code, ExitCode.REJECTED)
        if len(self.problems) < DESCRIBED:
            self.problems.append(error)

    def end(self, error: BaseException) -> None:
        """Count the exit code of an error that stopped the send."""
        self.code = worst(self.code, code_of_error(error))

    def rates(self, now: float) -> tuple[float, float]:
        """Return the recent events and requests per second."""
        (begun, events, requests), (_, events_now, requests_now) = self._span
        seconds = max(now - begun, 1e-9)
        return (events_now - events) / seconds, (requests_now - requests) / seconds

    @property
    def end_position(self) -> int:
        """The position after the last source item that was read and has a receipt."""
        ends = [items.stop for items in self.jobs.values()] + [failure.last + 1 for failure in self.failures]
        return max(ends, default=0)

    def failed(self, *outcomes: Outcome) -> list[Failure]:
        """Return the failures with one of some outcomes, in the order of the source."""
        return sorted((f for f in self.failures if f.outcome in outcomes), key=lambda failure: failure.first)


def _was_stopped(receipt: Receipt) -> bool:
    """Return whether a chunk was not sent because of another one, whose error its receipt then has."""
    own = isinstance(receipt.error, LedgerError)
    return receipt.outcome is Outcome.UNSENT and not receipt.attempts and not own


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 request``, ``2 requests``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def place_of_invalid(error: InvalidEventError, name: str, reading: Reading | None) -> SourceError:
    """Return the problem of an event that cannot be sent, with its place in the source.

    Args:
        error: The error of the event.
        name: The name of the source, for an event of which nothing is known.
        reading: The reading that yielded the event, or None if it is not known.
    """
    return SourceError(
        source=name if reading is None else reading.name,
        line=None if reading is None else reading.line_of(error.index),
        reason=f"{error.field} {error.reason}",
        unit="line" if reading is None else reading.unit,
    )


def describe_error(error: GameballError | BaseException) -> str:
    """Return the text of an error in one line."""
    return " ".join(str(error).split()) or type(error).__name__
