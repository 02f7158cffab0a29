"""Sends events asynchronously: ``gb.events`` of ``AsyncGameball``."""

import asyncio
import os
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
)

from attrs import evolve

from gameball.chunking.chunk_events import OnInvalid
from gameball.chunking.limits import DEFAULT_MAX_BYTES, MAX_OBJECTS
from gameball.delivery.async_sender import AsyncSender
from gameball.delivery.closing import DEFAULT_CLOSE_TIMEOUT
from gameball.delivery.decisions import (
    OnUnknown,
    RetryPolicy,
)
from gameball.delivery.event_source import check_events
from gameball.delivery.open_ledger import open_ledger
from gameball.delivery.options import DEFAULT_CONCURRENCY, SendOptions
from gameball.delivery.receipt_stream import AsyncReceiptStream
from gameball.delivery.send_state import SendState
from gameball.errors import ClientClosedError, GameballError
from gameball.events import EventLike
from gameball.events_client import Events
from gameball.fork_safety import renew_after_fork
from gameball.ledger.ledger import Ledger
from gameball.rate_limit import AsyncLimiter, Limiter
from gameball.receipts import DeliveryReport, Outcome, Receipt, attach_report, order_receipts
from gameball.tracking.open_trackers import OpenTrackers
from gameball.tracking.tracker_methods import AsyncTrackerMethods
from gameball.transport.pool import AsyncConnectionPool, ConnectionPool

AnyEvents = Iterable[EventLike] | AsyncIterable[EventLike]


class AsyncEvents(AsyncTrackerMethods):
    """Sends events. Use it as ``AsyncGameball.events``.

    Args:
        pool: The connections to send over.
        limiter: The client's rate limits.
        policy: The retry policy.
        close_timeout: The grace period of requests in flight after an interrupt, in seconds.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool,
        limiter: AsyncLimiter,
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
        self._senders: set[AsyncSender] = set()

    def _events_for_threads(self, pool: ConnectionPool, limiter: Limiter) -> Events:
        """Return the ``Events`` with which the threads of a tracker deliver an outbox."""
        return Events(pool, limiter, self._policy, self._close_timeout)

    async def send(
        self,
        events: AnyEvents,
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
        """Send events and report the outcome of each; see ``Events.send``.

        ``events`` may also be an async iterable. A client that was used in another event loop raises
        ``EventLoopError``.
        """
        check_events(events, takes_async=True)
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
        sender = self._begin(events, options)
        receipts: list[Receipt] = []
        try:
            async for receipt in sender.receipts():
                receipts.append(receipt)
                if on_receipt is not None:
                    on_receipt(receipt)
            await self._end(sender)
            report = order_receipts(receipts)
            failure = report.failure() if check else None
        except BaseException as error:
            await self._finish_with_report(sender, receipts, error)
            raise
        if failure is not None:
            raise failure
        return report

    def stream(
        self,
        events: AnyEvents,
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
    ) -> AsyncIterator[Receipt]:
        """Send events in constant memory, yielding the receipt of each chunk; see ``Events.stream``.

        ``events`` may also be an async iterable. While iterating, a client that was used in another event
        loop raises ``EventLoopError``.
        """
        check_events(events, takes_async=True)
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
        return AsyncReceiptStream(self._stream(events, options))

    async def _stream(self, events: AnyEvents, options: SendOptions) -> AsyncGenerator[Receipt, None]:
        sender = self._begin(events, options)
        try:
            async for receipt in sender.receipts():
                yield receipt
            await self._end(sender)
        except BaseException as error:
            await self._finish_with_report(sender, [], error)
            raise

    def _begin(self, events: AnyEvents, options: SendOptions) -> AsyncSender:
        if self._closed:
            raise ClientClosedError
        self._limiter.check_loop()
        ledger = open_ledger(options, self._pool.base_url, self._pool.account)
        sender = AsyncSender(
            SendState.begin(events, options, None if ledger is None else ledger.known),
            policy=evolve(self._policy, on_unknown=options.on_unknown),
            limiter=self._limiter,
            pool=self._pool,
            durable_record=ledger,
            close_timeout=self._close_timeout,
        )
        self._senders.add(sender)
        return sender

    async def _finish_with_report(
        self, sender: AsyncSender, receipts: list[Receipt], error: BaseException
    ) -> None:
        """Finish a send that an exception ended, and attach the report to it; see ``Events``."""
        try:
            rest = await sender.finish()
        except BaseException as second:
            # A second cancellation: the requests in flight were aborted, so this is quick.
            attach_report(second, receipts + await sender.finish())
            raise
        finally:
            await self._end(sender)
        if not isinstance(error, GeneratorExit):
            attach_report(error, receipts + rest)

    async def _end(self, sender: AsyncSender) -> None:
        await sender.finish()
        self._senders.discard(sender)

    async def _close(self) -> None:
        self._closed = True
        # In a loop that was forked while it was running, waiting for a thread may never end.
        if not self._trackers.close_if_none():
            await asyncio.to_thread(self._trackers.close)
        senders = list(self._senders)
        for sender in senders:
            sender.interrupt(GameballError("the client was closed while it was sending"))
        for sender in senders:
            await sender.wait()
        await self._pool.close()
