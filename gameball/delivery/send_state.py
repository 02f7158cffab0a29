"""The state of a send: its source, its progress, and what stopped it. No I/O."""

import sys
from collections.abc import AsyncIterable, Iterable
from contextlib import suppress
from typing import Final, Self

from attrs import define, field

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk import Chunk
from gameball.delivery.customer_order import CustomerOrder
from gameball.delivery.deadline import Deadline
from gameball.delivery.decisions import OnUnknown
from gameball.delivery.event_source import EventSource
from gameball.delivery.failure_outcomes import stops_everything
from gameball.delivery.options import SendOptions
from gameball.delivery.pending_chunk import PendingChunk, abandoned_error
from gameball.errors import GameballError, LedgerError, LedgerMismatchError, ResponseLostError
from gameball.events import EventLike
from gameball.ledger.known_chunks import SAME_SOURCE, KnownChunks
from gameball.ledger.records import LedgerChunk
from gameball.receipts import Outcome, Receipt

_NOT_COMPARED: Final = (
    "the send ended before it compared these items with the ledger, so an earlier run may have sent them"
)
#: The number of chunks in memory for each worker: one that is being sent, and one that is ready.
READ_AHEAD = 2


@define
class SendState:
    """The state of a send.

    Attributes:
        concurrency: The number of workers.
        stop_on: The outcomes that stop the send. Wrong keys always stop it.
        on_unknown: What to do with chunks that an earlier run left UNKNOWN.
        source: The events and their chunks.
        known: The chunks of earlier runs, or None without a ledger.
        frontier: The number of the next chunk, and the position of the next source item.
        open: The chunks that have no receipt yet, by their number.
        reading: Whether there may be more to read.
        cause: The error that stopped the send, or None.
        problem: The exception to raise to the caller at the end, or None.
        deadline: When the send must have ended, or None.
        expired: Whether the deadline has passed.
        order: Decides which chunks must wait for others, or None if none must.
    """

    concurrency: int
    stop_on: frozenset[Outcome]
    on_unknown: OnUnknown
    source: EventSource
    known: KnownChunks | None
    frontier: tuple[int, int] = (0, 0)
    open: dict[int, PendingChunk] = field(factory=dict)
    reading: bool = True
    cause: GameballError | None = None
    problem: BaseException | None = None
    deadline: Deadline | None = None
    expired: bool = False
    order: CustomerOrder | None = None
    # The items after the frontier that earlier runs may have sent, or None if that was not found out.
    _sent_earlier: list[range] | None = None

    @classmethod
    def begin(
        cls,
        events: Iterable[EventLike] | AsyncIterable[EventLike],
        options: SendOptions,
        known: KnownChunks | None,
    ) -> Self:
        """Return the state of a new send.

        Args:
            events: The events to send.
            options: The options of the send.
            known: The chunks of earlier runs, or None without a ledger.
        """
        builder = ChunkBuilder(
            max_objects=options.max_objects,
            max_bytes=options.max_bytes,
            coalesce=options.coalesce,
            keep_customers=options.ordered,
        )
        return cls(
            concurrency=options.concurrency,
            stop_on=options.stop_on,
            on_unknown=options.on_unknown,
            source=EventSource(events, builder, options.on_invalid, known),
            known=known,
            deadline=options.deadline,
            order=CustomerOrder() if options.ordered else None,
        )

    @property
    def stopped(self) -> bool:
        """Whether the send was stopped, so that no new requests are sent."""
        return self.cause is not None

    def wants_chunk(self) -> bool:
        """Return whether to read a chunk now: there may be more, and the read-ahead limit is not reached."""
        return self.reading and not self.stopped and len(self.open) < READ_AHEAD * self.concurrency

    def examine(self, chunk: Chunk) -> PendingChunk | Receipt:
        """Decide what to do with a chunk that was read. Call ``advance`` once the result is stored.

        Args:
            chunk: The chunk.

        Returns:
            The chunk to be delivered, or its receipt if an earlier run has already determined its outcome.

        Raises:
            LedgerMismatchError: The chunk differs from the one in the ledger.
        """
        recorded = None if self.known is None else self.known.match(chunk)
        index, _ = self.frontier
        ambiguous = None
        if recorded is not None:
            if recorded.outcome is Outcome.ACCEPTED:
                return _recorded_receipt(index, recorded, None)
            if recorded.outcome is Outcome.UNKNOWN:
                ambiguous = ResponseLostError(_describe(recorded))
                if self.on_unknown == "report":
                    return _recorded_receipt(index, recorded, ambiguous)
        return PendingChunk(index, chunk, ambiguous)

    def may_send(self, pending: PendingChunk) -> bool:
        """Return whether a chunk may be sent now, or must wait until ``note_end`` returns it."""
        return self.order is None or self.order.add(pending.index, pending.chunk.customers())

    def note_end(self, pending: PendingChunk) -> list[PendingChunk]:
        """Record that a worker has finished with a chunk, and return the chunks that may be sent now."""
        ready = [] if self.order is None else self.order.end(pending.index)
        return [self.open[index] for index in ready if index in self.open]

    def waiting(self) -> list[PendingChunk]:
        """Return the chunks that wait for others, because nothing more is sent. Later calls return none."""
        released = [] if self.order is None else self.order.release()
        return [self.open[index] for index in released if index in self.open]

    def advance(self, index: int, last: int) -> None:
        """Record that a chunk is open or has its receipt. It is safe to call this more than once.

        Args:
            index: The number of the chunk.
            last: The position of its last source item.
        """
        self.frontier = max(self.frontier, (index + 1, last + 1))

    def end(self, problem: BaseException | None = None) -> None:
        """Record that the source has ended, or that reading it failed."""
        self.reading = False
        if problem is not None:
            self.problem = self.problem or problem
        elif self.known is not None and self.known.has_unmatched_before(self.known.end):
            self.problem = LedgerMismatchError(
                f"the source ends after {self.frontier[1]} items, but the ledger has records of "
                f"{self.known.end}; {SAME_SOURCE}",
                items=range(self.frontier[1], self.known.end),
            )

    def note_outcome(self, receipt: Receipt) -> None:
        """Record the outcome of a chunk, and stop the send if the options or wrong keys require it."""
        error = receipt.error
        if error is not None and (receipt.outcome in self.stop_on or stops_everything(error)):
            self.stop(error)

    def fail(self, problem: BaseException) -> None:
        """Stop the send because of a problem, which is raised to the caller at the end."""
        self.problem = self.problem or problem
        self.stop(problem if isinstance(problem, GameballError) else None)

    def stop(self, cause: GameballError | None = None) -> None:
        """Stop the send: no new requests are sent."""
        self.cause = self.cause or cause or GameballError("the send was stopped before this was sent")

    def expire(self) -> None:
        """Stop the send because its deadline has passed."""
        self.expired = True
        self.stop(abandoned_error(self.deadline, sent=False))

    @property
    def passed_deadline(self) -> Deadline | None:
        """The deadline if it has passed, otherwise None."""
        return self.deadline if self.expired else None

    def find_sent_earlier(self) -> None:
        """Find out which items without a receipt earlier runs may have sent. The ledger must be open."""
        if self.known is None:
            return
        _, position = self.frontier
        with suppress(LedgerError):
            if not self._source_differs:
                # No further than necessary: an interrupt must not wait for a million chunks to be read.
                self._sent_earlier = self.known.sent_between(position, self.source.end)
            elif self.known.has_sent_from(position):
                # An item that was inserted or removed has moved all others.
                self._sent_earlier = [range(position, sys.maxsize)]
            else:
                self._sent_earlier = []

    def rest(self) -> list[Receipt]:
        """Return the receipts of the items without one, if there are any.

        What an earlier run may have sent is UNKNOWN. It was once UNSENT, and was sent twice because of that.
        """
        if not (self.stopped or self.problem):
            return []
        index, position = self.frontier
        why_unsent = self.problem if isinstance(self.problem, GameballError) else self.cause
        why_unknown = why_unsent if self._source_differs else GameballError(_NOT_COMPARED)
        return [
            Receipt(
                index + number,
                part.first,
                part.last,
                objects=0,
                events=part.events,
                outcome=Outcome.UNKNOWN if part.was_sent else Outcome.UNSENT,
                error=why_unknown if part.was_sent else why_unsent,
            )
            for number, part in enumerate(self.source.rest(position, self._sent_after(position)))
        ]

    def _sent_after(self, position: int) -> list[range]:
        """Return the positions of the items that earlier runs may have sent, from a position on."""
        if self.known is None or self.known.end <= position:
            return []
        if self._sent_earlier is not None:
            return self._sent_earlier
        return [range(position, sys.maxsize if self._source_differs else self.known.end)]

    @property
    def _source_differs(self) -> bool:
        return isinstance(self.problem, LedgerMismatchError)


def receipts_of_unbegun(
    events: Iterable[EventLike] | AsyncIterable[EventLike], options: SendOptions
) -> list[Receipt]:
    """Return the receipts of a send that was interrupted before it could begin. It has read nothing.

    Args:
        events: The events to send.
        options: The options of the send.
    """
    # The ledger was not read, so anything may have been sent.
    known = None if options.ledger is None else KnownChunks(lambda *_: [], sys.maxsize)
    state = SendState.begin(events, options, known)
    state.stop()
    return state.rest()


def _describe(recorded: LedgerChunk) -> str:
    if recorded.in_flight:
        return "in flight when an earlier run ended: it may have been accepted"
    return f"in an earlier run: {recorded.error}"


def _recorded_receipt(index: int, recorded: LedgerChunk, error: GameballError | None) -> Receipt:
    return Receipt.of(
        recorded,
        index,
        recorded.outcome,
        job_id=recorded.job_id,
        error=error,
        attempts=recorded.attempts,
        from_ledger=True,
    )
