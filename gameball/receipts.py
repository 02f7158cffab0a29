"""What became of each chunk: outcomes, receipts and reports. Pure."""

from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from typing import Protocol, Self

from attrs import field, frozen

from gameball.errors import DeliveryError, GameballError


class Outcome(StrEnum):
    """What became of a chunk: exactly one of four."""

    #: The server took it, and named the job that processes it.
    ACCEPTED = "accepted"
    #: The server refused it; it will not be recorded.
    REJECTED = "rejected"
    #: It was sent and no usable answer came: it may have been accepted, and sending it again may count twice.
    UNKNOWN = "unknown"
    #: It was not sent, or the server said that it did not take it: sending it again is safe.
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
        first: The position of its first source item in what was handed over, counted from 0. What
            ``on_invalid`` has left out is not counted.
        last: The position of its last source item; all between the two are in the chunk as well.
        objects: The number of objects in the request; 0 where none was built.
        events: The number of events.
        outcome: ACCEPTED, REJECTED, UNKNOWN or UNSENT.
        job_id: The job that processes them, when they were accepted.
        error: Why they were not accepted; otherwise None.
        attempts: How many requests were made for the chunk.
        elapsed: The seconds from the first attempt to the outcome.
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
    ) -> Self:
        """Return the receipt of a part of a source, such as a chunk."""
        return cls(
            index, part.first, part.last, part.objects, part.events, outcome, job_id, error, attempts, elapsed
        )


@frozen
class DeliveryReport:
    """What became of everything that was handed over: accepted + rejected + unknown + unsent.

    Attributes:
        receipts: A receipt for each chunk, in the order of the source.
    """

    receipts: tuple[Receipt, ...] = field(repr=lambda receipts: f"<{len(receipts)}>")

    @property
    def job_ids(self) -> list[int]:
        """The jobs that process the accepted chunks, in the order of the source."""
        return [receipt.job_id for receipt in self.receipts if receipt.job_id is not None]

    @property
    def accepted(self) -> int:
        """The number of events that the server took."""
        return self._count(Outcome.ACCEPTED)

    @property
    def rejected(self) -> int:
        """The number of events that the server refused."""
        return self._count(Outcome.REJECTED)

    @property
    def unknown(self) -> int:
        """The number of events that may or may not have been accepted."""
        return self._count(Outcome.UNKNOWN)

    @property
    def unsent(self) -> int:
        """The number of events that were not sent, or certainly not taken."""
        return self._count(Outcome.UNSENT)

    def _count(self, outcome: Outcome) -> int:
        return sum(receipt.events for receipt in self.receipts if receipt.outcome is outcome)

    def __str__(self) -> str:
        counts = ((outcome, self._count(outcome)) for outcome in Outcome)
        return ", ".join(f"{count:,} {outcome}" for outcome, count in counts if count) or "no events"

    def raise_for_failures(self) -> None:
        """Do nothing if every event was accepted.

        Raises:
            DeliveryError: Some were not. It carries this report, and its cause is the first chunk's error.
        """
        failed = next((r for r in self.receipts if r.outcome is not Outcome.ACCEPTED), None)
        if failed is None:
            return
        where = f"source items {failed.first} to {failed.last}"
        why = "" if failed.error is None else f": {failed.error}"
        raise DeliveryError(
            f"not every event was accepted ({self}); first {where} {failed.outcome}{why}", report=self
        ) from failed.error


def attach_report(error: BaseException, receipts: Iterable[Receipt]) -> None:
    """Let an exception that ended a send tell what became of the events before it, as ``error.report``."""
    report = order_receipts(receipts)
    with suppress(AttributeError):  # an exception with slots; the note still tells
        error.report = report  # type: ignore[attr-defined]
    error.add_note(f"What became of the events before this: {report}")


def order_receipts(receipts: Iterable[Receipt]) -> DeliveryReport:
    """Return the report of receipts that came in any order."""
    return DeliveryReport(tuple(sorted(receipts, key=lambda receipt: receipt.first)))
