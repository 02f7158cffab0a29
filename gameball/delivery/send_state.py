"""What is being sent, where it stands, and what stopped it. Pure."""

from collections.abc import AsyncIterable, Iterable
from typing import Self

from attrs import define, field

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk import Chunk
from gameball.delivery.decisions import OnUnknown
from gameball.delivery.event_source import EventSource
from gameball.delivery.open_ledger import OpenLedger
from gameball.delivery.options import SendOptions
from gameball.delivery.outcomes import stops_everything
from gameball.delivery.pending_chunk import PendingChunk
from gameball.errors import GameballError, LedgerMismatchError, ResponseLostError
from gameball.events import EventLike
from gameball.ledger.known_chunks import KnownChunks
from gameball.ledger.records import LedgerChunk, digest
from gameball.receipts import Outcome, Receipt

#: How many chunks exist at a time for each worker: one that is sent, and one that is ready.
READ_AHEAD = 2


@define
class SendState:
    """What is being sent, and where it stands.

    Attributes:
        concurrency: The number of workers.
        stop_on: The outcomes that stop the send; wrong keys always do.
        on_unknown: What to do with chunks that an earlier run left UNKNOWN.
        source: The events, and their chunks.
        known: What the ledger knows of the chunks of earlier runs; None without a ledger.
        frontier: The number of the next chunk, and the position of the next source item.
        open: The chunks that have no receipt yet, by their number.
        reading: Whether there may be more to read.
        cause: The error that stopped the send, once one has.
        problem: What the caller is to see in the end, once there is something.
        rest_is_known: Whether what was not sent has its receipt.
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
    rest_is_known: bool = False

    @classmethod
    def begin(
        cls,
        events: Iterable[EventLike] | AsyncIterable[EventLike],
        options: SendOptions,
        ledger: OpenLedger | None,
    ) -> Self:
        """Return the state of a send that has not begun to read.

        Args:
            events: What was handed over.
            options: How it is to be sent.
            ledger: The durable record of earlier runs; or None.
        """
        known = None if ledger is None else ledger.known
        builder = ChunkBuilder(
            max_objects=options.max_objects, max_bytes=options.max_bytes, coalesce=options.coalesce
        )
        return cls(
            concurrency=options.concurrency,
            stop_on=options.stop_on,
            on_unknown=options.on_unknown,
            source=EventSource(
                events, builder, options.on_invalid, None if known is None else known.next_boundary
            ),
            known=known,
        )

    @property
    def stopped(self) -> bool:
        """Whether nothing new is to be sent."""
        return self.cause is not None

    def wants_chunk(self) -> bool:
        """Tell whether to read a chunk now: there is more, and room for it."""
        return self.reading and not self.stopped and len(self.open) < READ_AHEAD * self.concurrency

    def examine(self, chunk: Chunk) -> PendingChunk | Receipt:
        """Find out what to do with a chunk that was read; ``advance`` is to be told when that is noted.

        Args:
            chunk: The chunk.

        Returns:
            The task of delivering it; or its receipt, when an earlier run has settled it.

        Raises:
            LedgerMismatchError: It is not the chunk that the ledger knows.
        """
        recorded = None if self.known is None else self.known.take(chunk.first)
        if recorded is not None:
            _check_same(recorded, chunk)
        elif self._known_before(chunk.last + 1):
            raise LedgerMismatchError(
                f"source items {chunk.first} to {chunk.last} were divided otherwise before"
            )
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

    def advance(self, index: int, last: int) -> None:
        """Note that a chunk is accounted for, as an open task or by its receipt; more than once is fine.

        Args:
            index: The chunk's number.
            last: The position of its last source item.
        """
        self.frontier = max(self.frontier, (index + 1, last + 1))

    def end(self, problem: BaseException | None = None) -> None:
        """Note that the source is at its end, or cannot be read on."""
        self.reading = False
        if problem is not None:
            self.problem = self.problem or problem
        elif self.known is not None and self._known_before(self.known.end):
            self.problem = LedgerMismatchError(
                f"the source ends after {self.frontier[1]} items, and the ledger knows of {self.known.end}"
            )

    def _known_before(self, position: int) -> bool:
        """Tell whether the ledger knows of a chunk that begins before a position and was not read yet."""
        first = None if self.known is None else self.known.next_first()
        return first is not None and first < position

    def note_outcome(self, receipt: Receipt) -> None:
        """Note what became of a chunk, and stop if that says so."""
        error = receipt.error
        if error is not None and (receipt.outcome in self.stop_on or stops_everything(error)):
            self.stop(error)

    def fail(self, problem: BaseException) -> None:
        """Note something that the caller must see, and stop."""
        self.problem = self.problem or problem
        self.stop(problem if isinstance(problem, GameballError) else None)

    def stop(self, cause: GameballError | None = None) -> None:
        """Let nothing new be sent."""
        self.cause = self.cause or cause or GameballError("the send was stopped before this was sent")

    def rest(self) -> list[Receipt]:
        """Return, once, the receipt of what was handed over and has none, where there is such."""
        error = self.problem if isinstance(self.problem, GameballError) else self.cause
        if self.rest_is_known or not (self.stopped or self.problem):
            return []
        self.rest_is_known = True
        return self.source.unsent(*self.frontier, error)


def _check_same(recorded: LedgerChunk, chunk: Chunk) -> None:
    if recorded.last != chunk.last or recorded.digest != digest(chunk):
        raise LedgerMismatchError(
            f"source items {recorded.first} to {recorded.last} are not those that the ledger was begun with; "
            "send the same source, or use another ledger"
        )


def _describe(recorded: LedgerChunk) -> str:
    if recorded.in_flight:
        return "it was in flight when an earlier run ended: it may have been accepted"
    return f"in an earlier run: {recorded.error}"


def _recorded_receipt(index: int, recorded: LedgerChunk, error: GameballError | None) -> Receipt:
    return Receipt.of(
        recorded,
        index,
        recorded.outcome,
        job_id=recorded.job_id,
        error=error,
        attempts=recorded.attempts,
    )
