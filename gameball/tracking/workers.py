"""The worker threads of a tracker. Each is a worker of the engine that packs its own chunks."""

import logging
import math
import time
from collections.abc import Callable
from typing import Final

import orjson
from attrs import define, field

from gameball.chunking.chunk import Chunk
from gameball.delivery.effects import AcquireSlot, DeliveryEffect, DeliveryReply, SendRequest, Sleep
from gameball.delivery.failure_outcomes import stops_everything
from gameball.delivery.pending_chunk import PendingChunk
from gameball.delivery.workers import SendContext, Worker
from gameball.errors import describe
from gameball.events import Event
from gameball.log import LOGGER
from gameball.receipts import Outcome, Receipt
from gameball.tracking.event_queue import EventQueue
from gameball.tracking.options import OnFailure
from gameball.tracking.problem_log import ProblemLog

#: The pause after a response of 401 or 403, in seconds: new keys may become valid a little later.
WRONG_KEYS_PAUSE: Final = 30.0
#: The pause after an unexpected exception, in seconds.
PROBLEM_PAUSE: Final = 1.0
#: The shortest timeout of a request that begins right before the end, in seconds.
MIN_TIMEOUT: Final = 0.05


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
    problems: ProblemLog = field(init=False, factory=ProblemLog)

    def fail(self, problem: BaseException) -> None:
        """Log a problem. Unlike a send, a tracker continues: no caller could handle an exception."""
        self.problems.log(logging.ERROR, "unexpected exception in the tracker, which continues", problem)

    def report(self, receipt: Receipt, chunk: Chunk) -> None:
        """Log a receipt, and pass it and its events to the user, if they were not accepted.

        Args:
            receipt: The receipt.
            chunk: Its chunk.
        """
        if self.is_in_child:
            return
        try:
            if receipt.outcome is not Outcome.ACCEPTED:
                outcome = "dropped" if receipt.outcome is Outcome.UNSENT else receipt.outcome.name
                why = "" if receipt.error is None else f": {describe(receipt.error)}"
                LOGGER.log(logging.WARNING, "tracked events %s: %d%s", outcome, receipt.events, why)
                if self.on_failure is not None:
                    self.on_failure(receipt, events_of(chunk))
        except BaseException as error:  # noqa: BLE001 - even sys.exit in the user's function must end no worker
            LOGGER.log(logging.ERROR, "on_failure raised an exception", exception=error)
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

    What the server certainly did not accept is retried until it is older than ``max_age``, by the engine's
    own rules; there is no limit of attempts.

    Args:
        until: When to begin no more requests, as a time of ``time.monotonic``: what is left then is dropped.

    Attributes:
        unreported: The receipts that were not reported to the user yet, with their parts of the chunk.
    """

    context: TrackerContext
    until: float = math.inf
    unreported: list[tuple[Receipt, Chunk]] = field(factory=list, init=False)

    def work(self) -> None:
        """Deliver events until the queue is closed and empty, whatever happens."""
        while not self.ended:
            try:
                super().work()
            except BaseException as error:  # noqa: BLE001 - the events need an outcome, and others a worker
                self._go_on_after(error)

    def _go_on_after(self, problem: BaseException) -> None:
        """Log an exception outside of a delivery, and give up the chunk that the worker has taken, if any."""
        context = self.context
        if context.is_in_child:
            self.ended = True
            return
        context.fail(problem)
        with context.concluding:
            if not self.abandoned:
                self.abandon_chunk()
        self.busy = False
        self.report_all()
        # It may happen again immediately.
        context.stopped.wait(PROBLEM_PAUSE)
        self.ended = context.state.stopped

    def next_chunk(self) -> PendingChunk | None:
        """Wait for events, pack them, and make sure that another worker waits for the next."""
        found = self.context.events.next_chunk(self._note_taken)
        if found is None or self.context.is_in_child:
            return None
        pending, alone = found
        if alone:
            self.context.begin_worker()
        return pending

    def _note_taken(self, pending: PendingChunk) -> None:
        # Before its delivery, so that an exception or the end of the tracker gives it an outcome.
        self.note_begun(pending)
        self.busy = True

    def finish_chunk(self, pending: PendingChunk) -> None:  # noqa: ARG002 - the engine passes it
        """Report what was abandoned. The queue already knows all outcomes."""
        self.report_all()

    def report_all(self) -> None:
        """Report the receipts that were not reported yet. It raises nothing."""
        while self.unreported:
            self.context.report(*self.unreported.pop(0))

    def carry_out(self, effect: DeliveryEffect) -> DeliveryReply:
        """Do what the delivery of a chunk asks for, but nothing after its first events are too old."""
        context = self.context
        match effect:
            case AcquireSlot():
                return context.limiter.acquire(lambda: not context.may_send, until=self._retry_until)
            case Sleep(seconds):
                context.stopped.wait(max(0.0, min(seconds, self._retry_until - time.monotonic())))
                return None
            case SendRequest() if math.isfinite(self.until):
                # No thread could abort the request.
                self.connection.timeout = max(MIN_TIMEOUT, self.until - time.monotonic())
        return super().carry_out(effect)

    @property
    def _retry_until(self) -> float:
        # An abandoned worker has none.
        expires = (self.context.events.expires(*part) for part in self.unfinished[:1])
        return min(self.until, next(expires, self.until))

    @property
    def _may_give_back(self) -> bool:
        """Whether there is still time to send events that are queued again."""
        return math.isinf(self.until) and not self.context.state.stopped

    def record_outcome(self, receipt: Receipt) -> None:
        """Count and report an outcome, or queue events again that certainly were not accepted."""
        context = self.context
        begins_pause = False
        with context.concluding:
            if self.abandoned:
                return
            index, chunk = self.unfinished[0]
            wrong_keys = receipt.outcome is Outcome.REJECTED and stops_everything(receipt.error)
            ended: Chunk | None = chunk
            if self._may_give_back and (wrong_keys or receipt.outcome is Outcome.UNSENT):
                ended, kept = context.events.divide_by_age(index, chunk)
                if kept is not None:
                    pause = WRONG_KEYS_PAUSE if wrong_keys else 0.0
                    begins_pause = context.events.give_back(PendingChunk(index, kept), pause) and wrong_keys
            if ended is not None:
                part = _receipt_of_part(receipt, ended)
                context.events.conclude(part)
                self.unreported.append((part, ended))
            self.note_receipt()
        self.report_all()
        if begins_pause:
            why = "" if receipt.error is None else describe(receipt.error)
            message = "%s; events stay queued, and the next attempt is in %.0f s"
            LOGGER.log(logging.ERROR, message, why, WRONG_KEYS_PAUSE)

    def abandon_chunk(self) -> None:
        """Give each unfinished part an outcome, or queue it again. The caller must hold ``concluding``."""
        chunks = [chunk for _, chunk in self.unfinished]
        for receipt, chunk in zip(self.abandon(None), chunks, strict=True):
            if self._may_give_back and receipt.outcome is Outcome.UNSENT:
                self.context.events.give_back(PendingChunk(receipt.index, chunk), PROBLEM_PAUSE)
            else:
                self.context.events.conclude(receipt)
                self.unreported.append((receipt, chunk))


def _receipt_of_part(receipt: Receipt, part: Chunk) -> Receipt:
    """Return a receipt for a part of the events of another one."""
    return Receipt.of(
        part,
        receipt.index,
        receipt.outcome,
        job_id=receipt.job_id,
        error=receipt.error,
        attempts=receipt.attempts,
        elapsed=receipt.elapsed,
    )
