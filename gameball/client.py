"""The synchronous client: a thin shell over the pure core."""

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

import httpx
from attrs import evolve

from gameball.chunking.chunk_events import OnInvalid
from gameball.chunking.limits import DEFAULT_MAX_BYTES, MAX_OBJECTS
from gameball.credentials import look_up
from gameball.delivery.open_ledger import open_ledger
from gameball.delivery.options import DEFAULT_CONCURRENCY, SendOptions
from gameball.delivery.retries import DEFAULT_MAX_ATTEMPTS, OnUnknown, RetryPolicy
from gameball.delivery.send_state import SendState
from gameball.delivery.sender import CLOSE_TIMEOUT, Sender
from gameball.errors import ClientClosedError, GameballError, MissingCredentialsError
from gameball.events import EventLike
from gameball.fork_safety import renew_after_fork
from gameball.jobs.clients import Jobs
from gameball.ledger.ledger import Ledger
from gameball.rate_limit import DOCUMENTED_LIMITS, Limiter, RateLimit
from gameball.receipts import DeliveryReport, Outcome, Receipt, attach_report, order_receipts
from gameball.transport.connection import SyncConnection
from gameball.transport.pool import ConnectionPool
from gameball.transport.raw_client import RawClient
from gameball.transport.settings import DEFAULT_TIMEOUT, ConnectionSettings


class Gameball:
    """A client of the Gameball API. One client may be used from many threads at once.

    Args:
        api_key: The account's API key; by default the environment's ``GAMEBALL_API_KEY``.
        secret_key: The account's secret key; by default the environment's ``GAMEBALL_SECRET_KEY``.
        base_url: Where the API is; by default the environment's ``GAMEBALL_BASE_URL``, or else
            ``https://api.gameball.co``. Plain ``http://`` is only taken for this very machine.
        timeout: How long to wait for each step of a request: seconds, 60 by default, of which connecting may
            take 10 at most; or an ``httpx.Timeout``, taken as it is.
        rate_limits: How many requests the account may make, for sends and job polling together; Gameball
            documents 30 per second and 360 per 30 seconds. None switches limiting off.
        max_attempts: How often a chunk is sent at most, 5 by default, when it was certainly not accepted, or
            with ``on_unknown="resend"``. The parts of one that the server found too large count anew.
        transport: What to use instead of the network, for tests and unusual stacks. A forked child shares it
            as it is, while our own connections belong to one process.

    Attributes:
        events: Sends events.
        jobs: Follows the jobs that process them.
        raw: The generated client for every operation of the API, with these credentials and typed errors.

    Raises:
        MissingCredentialsError: A key is neither passed nor in the environment, or cannot be one.
        ValueError: ``base_url``, ``timeout`` or ``max_attempts`` cannot be used.
    """

    # When the constructor fails, the traceback may show the half-made client.
    _base_url = ""

    def __init__(
        self,
        api_key: str | None = None,
        secret_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        rate_limits: Sequence[RateLimit] | None = DOCUMENTED_LIMITS,
        max_attempts: int = DEFAULT_MAX_ATTEMPTS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        found = look_up(api_key, secret_key, os.environ)
        # What fails from here on may be shown with this frame's locals.
        del api_key, secret_key
        if isinstance(found, MissingCredentialsError):
            raise found
        settings = ConnectionSettings.find(found, base_url, timeout, transport)
        self._base_url = str(settings.base_url)
        self._connection = SyncConnection(settings)
        self.raw = RawClient(self._connection)
        limiter = self._limiter = Limiter(rate_limits)
        self.events = Events(ConnectionPool(settings), limiter, RetryPolicy(max_attempts))
        self.jobs = Jobs(self._connection, limiter)

    @property
    def quota_used(self) -> float:
        """How much of the rate limit that is nearest to its end is taken at the moment, from 0 to 1."""
        return self._limiter.used()

    def close(self) -> None:
        """Close the client. It cannot be used after that.

        Sends that are going on in other threads end within a grace time of 5 seconds, and raise a
        ``GameballError`` there, with the report of what became of their events.
        """
        self.events._close()  # noqa: SLF001 - a part of the client
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Gameball(base_url={self._base_url!r})"


class Events:
    """Sends events; it is ``Gameball.events``.

    Args:
        pool: The connections to send over.
        limiter: The client's rate limits.
        policy: How often and how soon to try again.
    """

    def __init__(self, pool: ConnectionPool, limiter: Limiter, policy: RetryPolicy) -> None:
        self._pool = pool
        self._limiter = limiter
        self._policy = policy
        self._closed = False
        self.after_fork_in_child()
        renew_after_fork(self)

    def after_fork_in_child(self) -> None:
        """Leave the sends under way to the parent."""
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
        on_unknown: OnUnknown = "report",
        stop_on_error: bool | Collection[Outcome] = True,
        on_invalid: OnInvalid | None = None,
        ledger: Ledger | str | os.PathLike[str] | None = None,
        on_receipt: Callable[[Receipt], object] | None = None,
        check: bool = True,
    ) -> DeliveryReport:
        """Send events, and account for every one of them.

        Args:
            events: ``Event``, ``CustomerEvents`` or ``(customer_id, name, metadata)``, in any iterable; a
                generator is read no further than needed.
            concurrency: How many requests are under way at a time, 4 by default; at most twice as many chunks
                exist.
            max_objects: The most objects of a request, 1 to 1,000, as Gameball documents.
            max_bytes: The most bytes of a request, 2,000,000 by default. Gameball documents no limit.
            coalesce: Let events of one customer share an object while their names differ.
            on_unknown: What to do with a chunk that may have been accepted: ``report`` it, or ``resend`` it,
                so that nothing is lost and something may count twice.
            stop_on_error: Stop reading at the first chunk that is not accepted, and finish what is in
                flight; or only at the outcomes given. Wrong keys always stop.
            on_invalid: Called with the error of each event that cannot be sent, which is left out: receipts
                count what is left. Without it, the first one ends the send.
            ledger: A file, or an open ``Ledger``, that makes the send resumable: send the same source again
                with it, and what was accepted is skipped.
            on_receipt: Called with each chunk's receipt as it ends.
            check: Raise an error if any event was not accepted; otherwise the report is all there is.

        Returns:
            What became of the events.

        Raises:
            DeliveryError: Not every event was accepted, and ``check`` is on. It carries the report.
            InvalidEventError: An event cannot be sent. All before it were sent; ``report`` tells how.
            LedgerMismatchError: The source or its division is not the one that the ledger was begun with.
            LedgerLockedError: Another process, or another send, is using the ledger.
            LedgerError: The ledger cannot be read or written; nothing is sent that it could not note.
            ValueError: An argument is out of its range, or of another kind.
            ClientClosedError: The client is closed.
            GameballError: The client was closed meanwhile, by another thread.
            BaseException: Whatever ``events`` or ``on_receipt`` raise, and Ctrl-C, after what is in flight
                has had up to 5 seconds to end; with the report as its ``report``.
        """
        options = SendOptions(
            concurrency, max_objects, max_bytes, coalesce, on_unknown, stop_on_error, on_invalid, ledger
        )
        sender = self._begin(events, options)
        receipts: list[Receipt] = []
        try:
            for receipt in sender.receipts():
                receipts.append(receipt)
                if on_receipt is not None:
                    on_receipt(receipt)
        except BaseException as error:
            try:
                # The last one may be among those again: the interrupt came before it was noted as given.
                receipts += [rest for rest in sender.finish() if rest not in receipts[-1:]]
            finally:
                attach_report(error, receipts)
            raise
        finally:
            self._end(sender)
        report = order_receipts(receipts)
        if check:
            report.raise_for_failures()
        return report

    def stream(
        self,
        events: Iterable[EventLike],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        max_objects: int = MAX_OBJECTS,
        max_bytes: int = DEFAULT_MAX_BYTES,
        coalesce: bool = True,
        on_unknown: OnUnknown = "report",
        stop_on_error: bool | Collection[Outcome] = True,
        on_invalid: OnInvalid | None = None,
        ledger: Ledger | str | os.PathLike[str] | None = None,
    ) -> Iterator[Receipt]:
        """Send events in constant memory, giving each chunk's receipt as it ends.

        Nothing is sent before the first receipt is asked for, and nothing is checked: look at each receipt's
        outcome.

        Args:
            events: ``Event``, ``CustomerEvents`` or ``(customer_id, name, metadata)``, in any iterable.
            concurrency: How many requests are under way at a time, 4 by default; at most twice as many chunks
                exist.
            max_objects: The most objects of a request, 1 to 1,000, as Gameball documents.
            max_bytes: The most bytes of a request, 2,000,000 by default. Gameball documents no limit.
            coalesce: Let events of one customer share an object while their names differ.
            on_unknown: What to do with a chunk that may have been accepted: ``report`` it, or ``resend`` it,
                so that nothing is lost and something may count twice.
            stop_on_error: Stop reading at the first chunk that is not accepted, and finish what is in
                flight; or only at the outcomes given. Wrong keys always stop.
            on_invalid: Called with the error of each event that cannot be sent, which is left out: receipts
                count what is left. Without it, the first one ends the send.
            ledger: A file, or an open ``Ledger``, that makes the send resumable: send the same source again
                with it, and what was accepted is skipped.

        Returns:
            An iterator of receipts.

        Raises:
            ValueError: An argument is out of its range, or of another kind.
            ClientClosedError: While iterating, as all that follows: the client is closed.
            InvalidEventError: An event cannot be sent. All before it have their receipts.
            LedgerMismatchError: The source or its division is not the one that the ledger was begun with.
            LedgerLockedError: Another process, or another send, is using the ledger.
            LedgerError: The ledger cannot be read or written; nothing is sent that it could not note.
            GameballError: The client was closed meanwhile.
            BaseException: Whatever ``events`` raise. What has no receipt yet then is in its ``report``.
        """
        options = SendOptions(
            concurrency, max_objects, max_bytes, coalesce, on_unknown, stop_on_error, on_invalid, ledger
        )
        return self._stream(events, options)

    def _stream(self, events: Iterable[EventLike], options: SendOptions) -> Iterator[Receipt]:
        sender = self._begin(events, options)
        given: Receipt | None = None
        try:
            for given in sender.receipts():
                yield given
        except BaseException as error:
            # The last one may be among those again, as in send.
            rest = [receipt for receipt in sender.finish() if receipt is not given]
            if rest and not isinstance(error, GeneratorExit):
                attach_report(error, rest)
            raise
        finally:
            self._end(sender)

    def _begin(self, events: Iterable[EventLike], options: SendOptions) -> Sender:
        with self._lock:
            if self._closed:
                raise ClientClosedError
        ledger = open_ledger(options, self._pool.base_url, self._pool.account)
        sender = Sender(
            SendState.begin(events, options, ledger),
            policy=evolve(self._policy, on_unknown=options.on_unknown),
            limiter=self._limiter,
            pool=self._pool,
            ledger=ledger,
        )
        with self._lock:
            closed = self._closed
            self._senders.add(sender)
        if closed:  # by another thread, since it was asked first
            self._end(sender)
            raise ClientClosedError
        return sender

    def _end(self, sender: Sender) -> None:
        sender.finish()
        with self._lock:
            self._senders.discard(sender)

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            senders = list(self._senders)
        for sender in senders:
            sender.interrupt(GameballError("the client was closed while it was sending"))
        for sender in senders:
            sender.wait(CLOSE_TIMEOUT)
        self._pool.close()
