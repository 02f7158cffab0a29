"""Sends events: ``gb.events``."""

import os
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from functools import partial

from attrs import evolve

from gameball.chunking.chunk_events import OnInvalid
from gameball.chunking.limits import DEFAULT_MAX_BYTES, MAX_OBJECTS
from gameball.delivery.closing import DEFAULT_CLOSE_TIMEOUT
from gameball.delivery.decisions import (
    OnUnknown,
    RetryPolicy,
)
from gameball.delivery.durable_record import DurableRecord
from gameball.delivery.event_source import check_events
from gameball.delivery.open_ledger import open_ledger
from gameball.delivery.options import DEFAULT_CONCURRENCY, SendOptions
from gameball.delivery.receipt_stream import ReceiptStream
from gameball.delivery.send_state import SendState, receipts_of_unbegun
from gameball.delivery.sender import Sender
from gameball.errors import ClientClosedError, GameballError
from gameball.events import EventLike
from gameball.fork_safety import renew_after_fork
from gameball.ledger.ledger import Ledger
from gameball.rate_limit import Limiter
from gameball.receipts import DeliveryReport, Outcome, Receipt, attach_report, order_receipts
from gameball.tracking.open_trackers import OpenTrackers
from gameball.tracking.tracker_methods import TrackerMethods
from gameball.transport.pool import ConnectionPool


class Events(TrackerMethods):
    """Sends events. Use it as ``Gameball.events``.

    Args:
        pool: The connections to send over.
        limiter: The client's rate limits.
        policy: The retry policy.
        close_timeout: The grace period of requests in flight after an interrupt, in seconds.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        limiter: Limiter,
        policy: RetryPolicy,
        close_timeout: float = DEFAULT_CLOSE_TIMEOUT,
    ) -> None:
        self._pool = pool
        self._limiter = limiter
        self._policy = policy
        self._close_timeout = close_timeout
        self._closed = False
        self._trackers = OpenTrackers()
        self.after_fork_in_child()
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Forget the running sends, which belong to the parent process."""
        self._lock = threading.Lock()
        self._senders: set[Sender] = set()

    def send(
        self,
        events: Iterable[EventLike],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        max_objects: int = MAX_OBJECTS,
        max_bytes: int = DEFAULT_MAX_BYTES,
        coalesce: bool = True,
        ordered: bool = False,
        on_unknown: OnUnknown = "report",
        stop_on_error: bool | Collection[Outcome] = True,
        on_invalid: OnInvalid | None = None,
        ledger: Ledger | str | os.PathLike[str] | None = None,
        deadline: float | None = None,
        on_receipt: Callable[[Receipt], object] | None = None,
        check: bool = True,
    ) -> DeliveryReport:
        """Send events and report the outcome of each.

        Args:
            events: Any iterable of ``Event``, ``CustomerEvents`` or ``(customer_id, name, metadata)``. A
                generator is read only as fast as chunks are sent.
            concurrency: The number of requests in flight at a time, 4 by default. At most twice as many
                chunks are held in memory.
            max_objects: The maximum number of objects in a request: 1 to 1,000, the limit that Gameball
                documents.
            max_bytes: The maximum size of a request, in bytes: 2,000,000 by default. Gameball documents no
                limit.
            coalesce: Whether events of one customer may share an object if their names differ.
            ordered: Whether each customer's events keep their order across requests: a request is sent only
                after every earlier one with one of its customers has its outcome. With few customers,
                requests are then sent one at a time. With ``stop_on_error=False``, later events of a customer
                are sent even if earlier ones are UNKNOWN or UNSENT.
            on_unknown: What to do with a chunk that may have been accepted. ``report`` returns it as UNKNOWN.
                ``resend`` sends it again: no event is lost, but some may be counted twice.
            stop_on_error: Whether to stop reading at the first chunk that is not accepted, and finish the
                requests in flight. Pass outcomes to stop only at those. Wrong keys always stop the send.
            on_invalid: Called with the error of each event that cannot be sent. The event is skipped;
                positions count it. Without it, the first such event ends the send.
            ledger: A path or an open ``Ledger``, which makes the send resumable: when the same source is
                sent again with it, accepted chunks are skipped.
            deadline: The maximum time from the call to its end, in seconds, whatever it waits for: the rate
                limits, retries, responses, or with ``stream`` the caller. Then nothing more is read or sent;
                what was not sent is UNSENT, and what is in flight is aborted and UNKNOWN. The call may end
                up to half a second after the deadline, and later if the source blocks the thread. None, the
                default, means no deadline.
            on_receipt: Called with the receipt of each chunk as soon as its outcome is known.
            check: Whether to raise ``DeliveryError`` if any event was not accepted.

        Returns:
            The report of all events.

        Raises:
            DeliveryError: Not every event was accepted, and ``check`` is true. Its ``report`` has the
                outcomes.
            InvalidEventError: An event cannot be sent. The events before it were sent; their outcomes are in
                its ``report``.
            LedgerMismatchError: The source or its division into chunks differs from what the ledger records.
            LedgerLockedError: Another process, or another send, is using the ledger.
            LedgerError: The ledger cannot be read or written. No chunk is sent without being recorded first.
            ValueError: An argument is out of range or of the wrong type.
            TypeError: ``events`` is not an iterable of events, but for example a single event.
            ClientClosedError: The client is closed.
            GameballError: Another thread closed the client during the send.
            BaseException: Any exception that ``events`` or ``on_receipt`` raises, and Ctrl-C. It is raised
                after the requests in flight have had ``close_timeout`` to finish, with the report as its
                ``report``.
        """
        check_events(events)
        options = SendOptions(
            concurrency=concurrency,
            max_objects=max_objects,
            max_bytes=max_bytes,
            coalesce=coalesce,
            on_unknown=on_unknown,
            stop_on=stop_on_error,
            on_invalid=on_invalid,
            ledger=ledger,
            deadline=deadline,
            ordered=ordered,
        )
        sender: Sender | None = None
        receipts: list[Receipt] = []
        unbegun = partial(receipts_of_unbegun, events, options)
        try:
            sender = self._begin(events, options)
            for receipt in sender.receipts():
                receipts.append(receipt)
                if on_receipt is not None:
                    on_receipt(receipt)
            self._end(sender)
            report = order_receipts(receipts)
            failure = report.failure() if check else None
        except BaseException as error:
            try:
                self._finish_with_report(sender, receipts, error, unbegun)
            except BaseException as second:
                # A second interrupt: the requests in flight were aborted, so this is quick.
                self._finish_with_report(sender, receipts, second, unbegun)
                raise
            raise
        # Nothing is called from here on, so no interrupt can come before the caller has the report.
        if failure is not None:
            raise failure
        return report

    def stream(
        self,
        events: Iterable[EventLike],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        max_objects: int = MAX_OBJECTS,
        max_bytes: int = DEFAULT_MAX_BYTES,
        coalesce: bool = True,
        ordered: bool = False,
        on_unknown: OnUnknown = "report",
        stop_on_error: bool | Collection[Outcome] = True,
        on_invalid: OnInvalid | None = None,
        ledger: Ledger | str | os.PathLike[str] | None = None,
        deadline: float | None = None,
    ) -> Iterator[Receipt]:
        """Send events in constant memory, yielding the receipt of each chunk as soon as its outcome is known.

        Nothing is sent before iteration starts. A chunk that was not accepted raises no error: check the
        outcome of each receipt.

        The arguments are those of ``send``, except that there is no ``on_receipt`` and no ``check``. With
        ``deadline``, the time that the caller takes between receipts counts too.

        Returns:
            An iterator of receipts. All errors below except ``ValueError`` and ``TypeError`` are raised while
            iterating.

        Raises:
            ValueError: An argument is out of range or of the wrong type.
            TypeError: ``events`` is not an iterable of events, but for example a single event.
            ClientClosedError: The client is closed.
            InvalidEventError: An event cannot be sent. The events before it have their receipts.
            LedgerMismatchError: The source or its division into chunks differs from what the ledger records.
            LedgerLockedError: Another process, or another send, is using the ledger.
            LedgerError: The ledger cannot be read or written. No chunk is sent without being recorded first.
            GameballError: The client was closed during the send.
            BaseException: Any exception that ``events`` raises. Its ``report`` has the receipts that were
                not yielded yet.
        """
        check_events(events)
        options = SendOptions(
            concurrency=concurrency,
            max_objects=max_objects,
            max_bytes=max_bytes,
            coalesce=coalesce,
            on_unknown=on_unknown,
            stop_on=stop_on_error,
            on_invalid=on_invalid,
            ledger=ledger,
            deadline=deadline,
            ordered=ordered,
        )
        held: list[Receipt] = []
        return ReceiptStream(self._stream(events, options, held), held)

    def _stream(
        self, events: Iterable[EventLike], options: SendOptions, held: list[Receipt]
    ) -> Generator[Receipt, None, None]:
        sender: Sender | None = None
        given: Receipt | None = None
        unbegun = partial(receipts_of_unbegun, events, options)
        try:
            sender = self._begin(events, options)
            for receipt in sender.receipts():
                # The stream clears this when the user asks for the next one, and so has this one.
                held.append(receipt)
                given = receipt
                yield receipt
            self._end(sender)
        except BaseException as error:
            try:
                self._finish_with_report(sender, held, error, unbegun, given)
            except BaseException as second:
                self._finish_with_report(sender, held, second, unbegun, given)
                raise
            raise

    def _begin(
        self,
        events: Iterable[EventLike],
        options: SendOptions,
        durable_record: DurableRecord | None = None,
    ) -> Sender:
        with self._lock:
            if self._closed:
                raise ClientClosedError
        ledger = open_ledger(options, self._pool.base_url, self._pool.account)
        try:
            sender = Sender(
                SendState.begin(events, options, None if ledger is None else ledger.known),
                policy=evolve(self._policy, on_unknown=options.on_unknown),
                limiter=self._limiter,
                pool=self._pool,
                durable_record=durable_record or ledger,
                close_timeout=self._close_timeout,
            )
            with self._lock:
                closed = self._closed
                self._senders.add(sender)
        except BaseException:
            # Otherwise an interrupt would leave the ledger locked. Nothing was sent.
            if ledger is not None:
                ledger.end_run()
            raise
        if closed:  # by another thread, since the first check
            self._end(sender)
            raise ClientClosedError
        return sender

    def _finish_with_report(
        self,
        sender: Sender | None,
        receipts: list[Receipt],
        error: BaseException,
        unbegun: Callable[[], list[Receipt]],
        given: Receipt | None = None,
    ) -> None:
        """Finish a send that an exception ended, and attach the report to it.

        Args:
            sender: The send, or None if it did not begin, so that nothing was sent.
            receipts: The receipts that the report begins with.
            error: The exception. Without a send, only an interrupt gets a report: it may come at any time.
            unbegun: Returns the receipts if the send did not begin.
            given: The last receipt that a stream has yielded, or None. It is left out, unless it is among
                ``receipts``.
        """
        last = receipts[-1] if receipts else given
        # The sender returns the last receipt again, if the interrupt came before it was noted as yielded.
        if sender is None and isinstance(error, Exception):
            return
        rest = unbegun() if sender is None else sender.finish()
        found = receipts + [receipt for receipt in rest if receipt is not last]
        if sender is not None:
            self._end(sender)
        if not isinstance(error, GeneratorExit):
            attach_report(error, found)

    def _end(self, sender: Sender) -> None:
        sender.finish()
        with self._lock:
            self._senders.discard(sender)

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            senders = list(self._senders)
        self._trackers.close()
        for sender in senders:
            sender.interrupt(GameballError("the client was closed while it was sending"))
        for sender in senders:
            sender.wait()
        self._pool.close()
