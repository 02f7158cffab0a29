"""Outcomes, receipts and reports. No I/O."""

from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from typing import Protocol, Self

from attrs import frozen

from gameball.errors import DeliveryError, GameballError


class Outcome(StrEnum):
    """The outcome of a chunk. Every chunk has exactly one."""

    #: The server accepted the chunk and returned the id of the job that processes it.
    ACCEPTED = "accepted"
    #: The server rejected the chunk. Its events will not be counted.
    REJECTED = "rejected"
    #: The chunk was sent, but no usable response was received. It may have been accepted, so sending it again
    #: may count its events twice.
    UNKNOWN = "unknown"
    #: The chunk was not sent, or the server certainly did not accept it. Sending it again is safe.
    UNSENT = "unsent"


class Part(Protocol):
    """A part of a source: consecutive items, such as those of a chunk."""

    @property
    def first(self) -> int:
        """The position of the first item."""

    @property
    def last(self) -> int:
        """The position of the last item."""

    @property
    def objects(self) -> int:
        """The number of objects in the request."""

    @property
    def events(self) -> int:
        """The number of events."""


@frozen
class Receipt:
    """The outcome of one chunk.

    Attributes:
        index: The chunk's number within its send, counted from 0.
        first: The position of its first item in the source, counted from 0. Items that ``on_invalid`` skipped
            are counted.
        last: The position of its last item in the source. The chunk holds all items from first to last,
            except skipped ones: ``events[first : last + 1]`` are the items of the chunk.
        objects: The number of objects in the request, or 0 if no request was built.
        events: The number of events.
        outcome: ACCEPTED, REJECTED, UNKNOWN or UNSENT.
        job_id: The id of the job that processes the chunk, or None if it was not accepted.
        error: Why the chunk was not accepted, or None if it was.
        attempts: The number of requests made for the chunk.
        elapsed: The time from the first attempt to the outcome, in seconds.
        from_ledger: Whether the outcome is one of an earlier run, so that nothing was sent in this one.
    """

    index: int
    first: int
    last: int
    objects: int
    events: int
    outcome: Outcome
    job_id: int | None = None
    error: GameballError | None = None
    attempts: int = 0
    elapsed: float = 0.0
    from_ledger: bool = False

    @classmethod
    def of(
        cls,
        part: Part,
        index: int,
        outcome: Outcome,
        *,
        job_id: int | None = None,
        error: GameballError | None = None,
        attempts: int = 0,
        elapsed: float = 0.0,
        from_ledger: bool = False,
    ) -> Self:
        """Return the receipt of a part of a source, such as a chunk."""
        return cls(
            index,
            part.first,
            part.last,
            part.objects,
            part.events,
            outcome,
            job_id=job_id,
            error=error,
            attempts=attempts,
            elapsed=elapsed,
            from_ledger=from_ledger,
        )


@frozen
class DeliveryReport:
    """The outcomes of all events of a send: accepted + rejected + unknown + unsent.

    Attributes:
        receipts: The receipts of all chunks, in the order of the source.
    """

    receipts: tuple[Receipt, ...]

    @property
    def job_ids(self) -> list[int]:
        """The ids of the jobs that process the accepted chunks, in the order of the source."""
        return [receipt.job_id for receipt in self.receipts if receipt.job_id is not None]

    @property
    def accepted(self) -> int:
        """The number of events that the server accepted."""
        return self._count(Outcome.ACCEPTED)

    @property
    def rejected(self) -> int:
        """The number of events that the server rejected."""
        return self._count(Outcome.REJECTED)

    @property
    def unknown(self) -> int:
        """The number of events that may or may not have been accepted."""
        return self._count(Outcome.UNKNOWN)

    @property
    def unsent(self) -> int:
        """The number of events that were not sent, or certainly not accepted."""
        return self._count(Outcome.UNSENT)

    def _count(self, outcome: Outcome) -> int:
        return sum(receipt.events for receipt in self.receipts if receipt.outcome is outcome)

    def ranges(self, outcome: Outcome) -> list[range]:
        """Return the positions of the source items with an outcome, as ``Ledger.ranges`` does.

        Items that ``on_invalid`` skipped may lie within a range. ::

            for positions in report.ranges(Outcome.UNSENT):
                gb.events.send(events[positions.start : positions.stop])

        Args:
            outcome: The outcome.

        Returns:
            A range for each receipt with the outcome, in the order of the source.
        """
        return [range(r.first, r.last + 1) for r in self.receipts if r.outcome is outcome]

    def __repr__(self) -> str:
        return f"<DeliveryReport: {self}>"

    def __str__(self) -> str:
        counts = ((outcome, self._count(outcome)) for outcome in Outcome)
        return ", ".join(f"{count:,} {outcome}" for outcome, count in counts if count) or "no events"

    def raise_for_failures(self) -> None:
        """Raise an error unless every event was accepted.

        Raises:
            DeliveryError: Some events were not accepted. Its ``report`` is this report, and its ``__cause__``
                is the error of the first chunk that was not accepted.
        """
        if (failure := self.failure()) is not None:
            raise failure

    def failure(self) -> DeliveryError | None:
        """Return the error that ``raise_for_failures`` raises, or None if every event was accepted."""
        failed = next((r for r in self.receipts if r.outcome is not Outcome.ACCEPTED), None)
        if failed is None:
            return None
        where = f"source items {failed.first} to {failed.last}"
        why = "" if failed.error is None else f": {failed.error}"
        error = DeliveryError(
            f"not every event was accepted ({self}); first failure: {where} {failed.outcome}{why}",
            report=self,
        )
        error.__cause__ = failed.error
        return error


def attach_report(error: BaseException, receipts: Iterable[Receipt]) -> None:
    """Attach the outcomes of the events before an exception that ended a send, as ``error.report``."""
    report = order_receipts(receipts)
    with suppress(AttributeError):  # an exception with slots; the note still has the counts
        error.report = report  # type: ignore[attr-defined]
    error.add_note(f"Outcomes of the events before this error: {report}")


def order_receipts(receipts: Iterable[Receipt]) -> DeliveryReport:
    """Return a report with receipts sorted by their position in the source."""
    return DeliveryReport(tuple(sorted(receipts, key=lambda receipt: receipt.first)))
