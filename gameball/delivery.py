"""What became of each chunk: outcomes, receipts and reports. Pure."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from attrs import field, frozen

from gameball.errors import (
    APIError,
    AuthenticationError,
    ConnectionFailedError,
    DeliveryError,
    GameballError,
    InvalidEventError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from gameball.events import CustomerEvents

#: Gameball's code for "another request for the same customer is in progress", sent with 422.
_CUSTOMER_IS_BUSY: Final = 2001


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


@frozen
class Receipt:
    """What became of one chunk.

    Attributes:
        index: The chunk's number within its send, counted from 0.
        first: The position of its first source item in what was handed over, counted from 0. What
            ``on_invalid`` has left out is not counted.
        last: The position of its last source item; all between the two are in the chunk as well.
        objects: The number of objects in the request; 0 where none was built.
        events: The number of events.
        outcome: What became of them.
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
    job_id: int | None
    error: GameballError | None
    attempts: int
    elapsed: float


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


def outcome_of(error: GameballError) -> Outcome:
    """Decide what an attempt that failed means for the events in it.

    Args:
        error: How the attempt failed.

    Returns:
        UNSENT where the events were certainly not taken, REJECTED where they were refused, and otherwise
        UNKNOWN.
    """
    if isinstance(error, ConnectionFailedError | RateLimitError):
        return Outcome.UNSENT
    if isinstance(error, APIError):
        if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return Outcome.UNSENT
        if error.status == HTTPStatus.UNPROCESSABLE_ENTITY and error.code == _CUSTOMER_IS_BUSY:
            return Outcome.UNSENT
        return Outcome.UNKNOWN if isinstance(error, ServerError) else Outcome.REJECTED
    return Outcome.UNKNOWN


def stops_everything(error: GameballError | None) -> bool:
    """Tell whether no further chunk can fare better: the keys are wrong, or may not do this."""
    return isinstance(error, AuthenticationError | PermissionDeniedError)


class Handover:
    """Knows what is left of a source that a send has not read, where that can be known.

    Only a sequence tells without being read further. Its repr shows nothing of the events.

    Args:
        events: What the user handed over.
        on_invalid: What the user wants to be told of each event that is left out.
    """

    def __init__(
        self, events: object, on_invalid: Callable[[InvalidEventError], object] | None = None
    ) -> None:
        self._events = events if isinstance(events, Sequence) else ()
        self._on_invalid = on_invalid
        self._left_out: list[int] = []

    @property
    def on_invalid(self) -> Callable[[InvalidEventError], object] | None:
        """What to tell of each event that is left out; None where none is to be."""
        return None if self._on_invalid is None else self._leave_out

    def _leave_out(self, error: InvalidEventError) -> None:
        if self._on_invalid is not None:
            self._on_invalid(error)
        if self._events:
            self._left_out.append(error.index)

    def rest(self, index: int, position: int, error: GameballError | None) -> list[Receipt]:
        """Return the receipt of what was handed over and not read, or nothing where there is none.

        Args:
            index: The receipt's number.
            position: The position of the first item not read.
            error: Why it was not.
        """
        items = range(position, len(self._events) - len(self._left_out))
        if not items:
            return []
        left_out = set(self._left_out)
        kept = (item for place, item in enumerate(self._events) if place not in left_out)
        events = sum(_events_in(item) for item in itertools.islice(kept, position, None))
        return [
            Receipt(
                index=index,
                first=position,
                last=items[-1],
                objects=0,
                events=events,
                outcome=Outcome.UNSENT,
                job_id=None,
                error=error,
                attempts=0,
                elapsed=0.0,
            )
        ]


def _events_in(item: object) -> int:
    # What was not read was not checked either: it may hold anything.
    return len(item.events) if isinstance(item, CustomerEvents) and isinstance(item.events, Mapping) else 1


def attach_report(error: BaseException, receipts: Iterable[Receipt]) -> None:
    """Let an exception that ended a send tell what became of the events before it, as ``error.report``."""
    report = order_receipts(receipts)
    with suppress(AttributeError):  # an exception with slots; the note still tells
        error.report = report  # type: ignore[attr-defined]
    error.add_note(f"What became of the events before this: {report}")


def order_receipts(receipts: Iterable[Receipt]) -> DeliveryReport:
    """Return the report of receipts that came in any order."""
    return DeliveryReport(tuple(sorted(receipts, key=lambda receipt: receipt.first)))
