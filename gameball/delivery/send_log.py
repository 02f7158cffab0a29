"""What a send logs. Neither Gameball's messages, which may quote a request, nor events are logged."""

import time
from collections.abc import Iterable

from attrs import define, field

from gameball.chunking.chunk import Chunk
from gameball.delivery.effects import (
    AcquireSlot,
    DeliveryEffect,
    DeliveryReply,
    PauseAll,
    RecordSplit,
    SendRequest,
    Sleep,
)
from gameball.errors import GameballError, describe
from gameball.log import LOGGER
from gameball.receipts import Outcome, Receipt

# In seconds. Shorter waits for the rate limits are not logged: they are only overhead.
_NOT_WAITED = 0.001


def log_before(effect: DeliveryEffect, chunk: Chunk) -> None:
    """Log what a worker is about to do with its chunk."""
    match effect:
        case Sleep(seconds):
            LOGGER.debug("source items %d to %d: retry in %.2f s", chunk.first, chunk.last, seconds)
        case PauseAll(seconds):
            LOGGER.warning("429: the account's rate limit is reached; no request for %.2f s", seconds)
        case RecordSplit(_, (_, second)):
            LOGGER.debug(
                "source items %d to %d: too large, split at %d", chunk.first, chunk.last, second.first
            )


def log_after(effect: DeliveryEffect, reply: DeliveryReply, seconds: float) -> None:
    """Log what a worker has done, and how long it took, in seconds."""
    match effect:
        case AcquireSlot() if seconds > _NOT_WAITED:
            LOGGER.debug("waited %.2f s for the rate limits", seconds)
        case SendRequest(chunk):
            said = describe(reply) if isinstance(reply, GameballError) else f"job {reply}"
            LOGGER.debug(
                "source items %d to %d: request of %d bytes, %.3f s: %s",
                chunk.first,
                chunk.last,
                chunk.size,
                seconds,
                said,
            )


@define
class SendLog:
    """Logs the receipts and the end of one send."""

    _begun: float = field(factory=time.monotonic, init=False)
    _chunks: int = field(default=0, init=False)
    _events: dict[Outcome, int] = field(factory=lambda: dict.fromkeys(Outcome, 0), init=False)
    _last: Receipt | None = field(default=None, init=False)
    _ended: bool = field(default=False, init=False)

    def note(self, receipt: Receipt) -> None:
        """Count a receipt, and log it if its events were not accepted."""
        # After an interrupt, the last receipt may be given again.
        if self._ended or receipt is self._last:
            return
        self._last = receipt
        self._chunks += 1
        self._events[receipt.outcome] += receipt.events
        if receipt.outcome is not Outcome.ACCEPTED:
            said = "" if receipt.error is None else f": {describe(receipt.error)}"
            LOGGER.warning(
                "source items %d to %d (events: %d): %s%s",
                receipt.first,
                receipt.last,
                receipt.events,
                receipt.outcome.name,
                said,
            )

    def end(self, rest: Iterable[Receipt], problem: BaseException | None) -> None:
        """Log the end of the send.

        Args:
            rest: The receipts that were not noted yet.
            problem: The exception that the send ends with, or None. Its text may name a field of an event.
        """
        for receipt in rest:
            self.note(receipt)
        self._ended = True
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self._events.items() if count)
        LOGGER.info(
            "send ended%s after %.2f s: events: %s; chunks: %d",
            "" if problem is None else f" with {type(problem).__name__}",
            time.monotonic() - self._begun,
            counts or "none",
            self._chunks,
        )
