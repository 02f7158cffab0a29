"""The worker threads of a tracker. Each is a worker of the engine that packs its own chunks."""

import time
from collections.abc import Callable
from typing import Final

import orjson
from attrs import define, field

from gameball.chunking.chunk import Chunk
from gameball.delivery.effects import AcquireSlot, DeliveryEffect, DeliveryReply, Sleep
from gameball.delivery.outcomes import stops_everything
from gameball.delivery.pending_chunk import PendingChunk
from gameball.delivery.send_context import Done
from gameball.delivery.workers import SendContext, Worker
from gameball.errors import describe
from gameball.events import Event
from gameball.log import LOGGER
from gameball.receipts import Outcome, Receipt
from gameball.tracking.event_queue import EventQueue
from gameball.tracking.options import OnFailure

#: The pause after a response of 401 or 403, in seconds: new keys may become valid a little later.
WRONG_KEYS_PAUSE: Final = 30.0


@define(eq=False, kw_only=True)
class TrackerContext(SendContext):
    """The objects that the workers of one tracker share.

    Args:
        events: The queue.
        on_failure: Called with each receipt of events that were not accepted, and the events.
        begin_worker: Starts one more worker.
    """

    events: EventQueue
    on_failure: OnFailure | None
    begin_worker: Callable[[], object] = field(init=False, default=lambda: None)

    def fail(self, problem: BaseException) -> None:
        """Log a problem. Unlike a send, a tracker goes on: nobody is there to handle an exception."""
        LOGGER.error("an unexpected %s while sending", type(problem).__name__, exc_info=problem)

    def tell(self, result: Receipt | Done | None) -> None:
        """Count and log a receipt whose delivery was abandoned."""
        if isinstance(result, Receipt):
            self.events.conclude(result)
            self.report(result, None)

    def report(self, receipt: Receipt, chunk: Chunk | None) -> None:
        """Log a receipt, and pass it and its events to the user, if they were not accepted.

        Args:
            receipt: The receipt.
            chunk: Its chunk, or None to call no user's function: it could keep an exit from ending.
        """
        try:
            if receipt.outcome is not Outcome.ACCEPTED:
                outcome = "dropped" if receipt.outcome is Outcome.UNSENT else receipt.outcome.name
                why = "" if receipt.error is None else f": {describe(receipt.error)}"
                LOGGER.warning("tracked events %s: %d%s", outcome, receipt.events, why)
                if self.on_failure is not None and chunk is not None:
                    self.on_failure(receipt, events_of(chunk))
        except Exception:  # noqa: BLE001 - from a user's function; logged, because nobody could handle it
            LOGGER.exception("on_failure raised an exception")
        finally:
            self.events.note_reported(receipt)


def events_of(chunk: Chunk) -> list[Event]:
    """Return the events of a chunk, in order, read from its JSON."""
    return [
        Event(orjson.loads(customer), name, metadata)
        for customer, events in chunk.items()
        for name, metadata in orjson.loads(b"{" + events + b"}").items()
    ]


@define(eq=False)
class TrackerWorker(Worker):
    """A worker thread of a tracker.

    A chunk that the server certainly did not accept is retried until it is older than ``max_age``, by the
    engine's own rules; there is no limit of attempts.
    """

    context: TrackerContext

    def next_chunk(self) -> PendingChunk | None:
        """Wait for events, pack them, and make sure that another worker waits for the next."""
        return self.context.events.next_chunk(lambda alone: self.context.begin_worker() if alone else None)

    def finish_chunk(self, pending: PendingChunk) -> None:
        """Do nothing: the queue already knows all outcomes."""

    def carry_out(self, effect: DeliveryEffect) -> DeliveryReply:
        """Do what the delivery of a chunk asks for, but nothing after the events are too old."""
        context = self.context
        match effect:
            case AcquireSlot():
                return context.limiter.acquire(lambda: context.state.stopped, until=self._expires)
            case Sleep(seconds):
                context.stopped.wait(max(0.0, min(seconds, self._expires - time.monotonic())))
                return None
        return super().carry_out(effect)

    @property
    def _expires(self) -> float:
        index, _ = self.unfinished[0]
        return self.context.events.expires(index)

    def record_outcome(self, receipt: Receipt) -> None:
        """Count and report an outcome; or, if the keys are wrong, queue the events again."""
        context = self.context
        with context.concluding:
            if self.abandoned:
                return
            chunk = self.unfinished[0][1]
            keep = self._waits_for_keys(receipt)
            if not keep:
                context.events.conclude(receipt)
            self.note_receipt()
        if not keep:
            context.report(receipt, chunk)
        elif context.events.give_back(PendingChunk(receipt.index, chunk), WRONG_KEYS_PAUSE):
            why = "" if receipt.error is None else describe(receipt.error)
            LOGGER.error("%s; events stay queued, and the next attempt is in %.0f s", why, WRONG_KEYS_PAUSE)

    def _waits_for_keys(self, receipt: Receipt) -> bool:
        """Return whether events stay queued: nothing was accepted, and the keys may become valid."""
        return (
            receipt.outcome is Outcome.REJECTED
            and stops_everything(receipt.error)
            and not self.context.state.stopped
            and time.monotonic() < self.context.events.expires(receipt.index)
        )
