"""The synchronous client."""

import os
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

import httpx
from attrs import evolve

from gameball.chunking.chunk_events import OnInvalid
from gameball.chunking.limits import DEFAULT_MAX_BYTES, MAX_OBJECTS
from gameball.client_parts import client_part
from gameball.credentials import look_up
from gameball.delivery.deadline import check_seconds
from gameball.delivery.decisions import (
    DEFAULT_MAX_ATTEMPTS,
    DEFAULT_RATE_LIMIT_TIMEOUT,
    OnUnknown,
    RetryPolicy,
)
from gameball.delivery.durable_record import DurableRecord
from gameball.delivery.event_source import check_events
from gameball.delivery.open_ledger import open_ledger
from gameball.delivery.options import DEFAULT_CONCURRENCY, SendOptions
from gameball.delivery.receipt_stream import ReceiptStream
from gameball.delivery.send_state import SendState
from gameball.delivery.sender import DEFAULT_CLOSE_TIMEOUT, Sender
from gameball.errors import ClientClosedError, GameballError, MissingCredentialsError
from gameball.events import EventLike
from gameball.fork_safety import renew_after_fork
from gameball.jobs.clients import Jobs
from gameball.ledger.ledger import Ledger
from gameball.rate_limit import DOCUMENTED_LIMITS, Limiter, RateLimit
from gameball.receipts import DeliveryReport, Outcome, Receipt, attach_report, order_receipts
from gameball.tracking.tracker_methods import OpenTrackers, TrackerMethods
from gameball.transport.api_version import ApiVersion
from gameball.transport.connection import SyncConnection
from gameball.transport.pool import ConnectionPool
from gameball.transport.raw_client import RawClient
from gameball.transport.settings import DEFAULT_TIMEOUT, ConnectionSettings


class Gameball:
    """A client for the Gameball API. It is thread-safe: many threads can share one client.

    Args:
        api_key: The account's API key. Defaults to the environment variable ``GAMEBALL_API_KEY``.
        secret_key: The account's secret key. Defaults to the environment variable ``GAMEBALL_SECRET_KEY``.
        base_url: The URL of the API. Defaults to the environment variable ``GAMEBALL_BASE_URL``, and without
            it to ``https://api.gameball.co``. It does not contain the path of the API. Plain ``http://`` is
            accepted only for a loopback address, unless ``allow_http`` is true.
        api_version: The version of the API, ``v4.0`` or ``v4.1``. Defaults to the environment variable
            ``GAMEBALL_API_VERSION``, and without it to ``v4.0``. An account can require a minimum version.
        allow_http: Whether ``base_url`` may be plain ``http://`` for any host, for example for a sandbox in
            another container. The keys are then sent in plain text. Defaults to the environment variable
            ``GAMEBALL_ALLOW_HTTP`` (1 or 0), and without it to False.
        timeout: The timeout of each step of a request, in seconds: 60 by default, and at most 10 for
            connecting. The maximum is 86,400. An ``httpx.Timeout`` is used unchanged.
        rate_limits: How many requests the account may make, for sends and job polling together. Defaults to
            the limits that Gameball documents: 30 per second and 360 per 30 seconds. None disables limiting.
        max_attempts: The maximum number of times a chunk is sent, 5 by default. A chunk is sent again when
            it was certainly not accepted, or with ``on_unknown="resend"``. If a chunk is split because the
            server found it too large, the attempts of each part are counted from 0. A 429 response does not
            count.
        rate_limit_timeout: How long a chunk is retried after its first 429 response, in seconds: 300 by
            default. Other processes may be using the account.
        retry_for: How long a chunk that was certainly not accepted is retried after its first failure, in
            seconds, even if that takes more than ``max_attempts``: 0 by default. Set it for loads that should
            outlast an outage.
        close_timeout: How long requests in flight may take to finish after an interrupt, ``close`` or an
            error of the source, in seconds: 5 by default. Then they are aborted.
        transport: An httpx transport to use instead of the network, for tests and special setups. A forked
            child process shares this transport, while it opens its own network connections.

    Attributes:
        events: Sends events.
        jobs: Reads, stops and waits for the jobs that process events.
        raw: The generated client for every operation of the API, with the same credentials and typed errors.

    Raises:
        MissingCredentialsError: A key is neither passed nor set in the environment, or is not a valid key.
        ValueError: Another argument, or the environment variable that it defaults to, is invalid.
    """

    # If the constructor fails, a traceback may call the repr of the incomplete client.
    _base_url = ""
    events: "Events" = client_part(lambda: Events)
    jobs: Jobs = client_part(lambda: Jobs)
    raw: RawClient = client_part(lambda: RawClient)

    def __init__(
        self,
        api_key: str | None = None,
        secret_key: str | None = None,
        *,
        base_url: str | None = None,
        api_version: ApiVersion | None = None,
        allow_http: bool | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        rate_limits: Sequence[RateLimit] | None = DOCUMENTED_LIMITS,
        max_attempts: int = DEFAULT_MAX_ATTEMPTS,
        rate_limit_timeout: float = DEFAULT_RATE_LIMIT_TIMEOUT,
        retry_for: float = 0.0,
        close_timeout: float = DEFAULT_CLOSE_TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        found = look_up(api_key, secret_key, os.environ)
        # Errors raised from here on may be shown with the locals of this frame.
        del api_key, secret_key
        if isinstance(found, MissingCredentialsError):
            raise found
        policy = RetryPolicy(max_attempts, rate_limit_timeout=rate_limit_timeout, retry_for=retry_for)
        check_seconds("close_timeout", close_timeout)
        limiter = self._limiter = Limiter(rate_limits)
        settings = ConnectionSettings.find(
            found,
            httpx.BaseTransport,
            base_url=base_url,
            api_version=api_version,
            allow_http=allow_http,
            timeout=timeout,
            transport=transport,
        )
        self._base_url = str(settings.base_url)
        self._connection = SyncConnection(settings)
        self.raw = RawClient(self._connection)
        pool = ConnectionPool(settings)
        self.events = Events(pool, limiter, policy, close_timeout)
        self.jobs = Jobs(self._connection, limiter, pool)

    @property
    def quota_used(self) -> float:
        """The current usage of the rate limit that is closest to being exhausted, from 0 to 1."""
        return self._limiter.used()

    def close(self) -> None:
        """Close the client. It cannot be used again.

        Sends that are running in other threads have ``close_timeout`` to finish the requests in flight, and
        then raise a ``GameballError`` with the report of their events. Trackers are closed, within theirs.
        """
        self.events._close()  # noqa: SLF001 - a part of the client
        self._connection.close()

    def __enter__(self) -> Self:
        if self._connection.is_closed:
            raise ClientClosedError
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
                what was not sent is UNSENT, and what is in flight is aborted and UNKNOWN. It takes up to half
                a second more, and a source that blocks the thread is waited for. None, the default, means no
                deadline.
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
            concurrency,
            max_objects,
            max_bytes,
            coalesce,
            on_unknown,
            stop_on_error,
            on_invalid,
            ledger,
            deadline,
            ordered,
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
                # The last receipt may be returned again, if the interrupt came before it was marked as given.
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
        ordered: bool = False,
        on_unknown: OnUnknown = "report",
        stop_on_error: bool | Collection[Outcome] = True,
        on_invalid: OnInvalid | None = None,
        ledger: Ledger | str | os.PathLike[str] | None = None,
        deadline: float | None = None,
    ) -> Iterator[Receipt]:
        """Send events in constant memory, yielding the receipt of each chunk as soon as its outcome is known.

        Nothing is sent before iteration starts. A chunk that was not accepted raises no error: check the
        outcome of each receipt. The arguments are those of ``send``, without ``on_receipt`` and ``check``.
        With ``deadline``, the time that the caller takes between receipts counts too.

        Returns:
            An iterator of receipts. All errors below except ``ValueError`` are raised while iterating.

        Raises:
            ValueError: An argument is out of range or of the wrong type.
            TypeError: ``events`` is not an iterable of events, but for example a single event.
            ClientClosedError: The client is closed.
            InvalidEventError: An event cannot be sent. The events before it have their receipts.
            LedgerError: The ledger cannot be used, or does not match the source; see ``send``.
            GameballError: The client was closed during the send.
            BaseException: Any error of ``events``. Its ``report`` has the receipts not yielded yet.
        """
        check_events(events)
        options = SendOptions(
            concurrency,
            max_objects,
            max_bytes,
            coalesce,
            on_unknown,
            stop_on_error,
            on_invalid,
            ledger,
            deadline,
            ordered,
        )
        return ReceiptStream(self._stream(events, options))

    def _stream(self, events: Iterable[EventLike], options: SendOptions) -> Generator[Receipt, None, None]:
        sender = self._begin(events, options)
        given: Receipt | None = None
        try:
            for given in sender.receipts():
                yield given
        except BaseException as error:
            # The last receipt may be returned again, as in send.
            rest = [receipt for receipt in sender.finish() if receipt is not given]
            if rest and not isinstance(error, GeneratorExit):
                attach_report(error, rest)
            raise
        finally:
            self._end(sender)

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
        if closed:  # by another thread, since the first check
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
        self._trackers.close()
        for sender in senders:
            sender.interrupt(GameballError("the client was closed while it was sending"))
        for sender in senders:
            sender.wait()
        self._pool.close()
