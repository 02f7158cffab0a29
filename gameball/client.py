"""The synchronous client."""

import os
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import httpx

from gameball.argument_checks import check_seconds
from gameball.client_parts import client_part
from gameball.credentials import look_up
from gameball.delivery.closing import DEFAULT_CLOSE_TIMEOUT
from gameball.delivery.decisions import (
    DEFAULT_MAX_ATTEMPTS,
    DEFAULT_RATE_LIMIT_TIMEOUT,
    RetryPolicy,
)
from gameball.errors import ClientClosedError, MissingCredentialsError
from gameball.events_client import Events
from gameball.jobs.clients import Jobs
from gameball.rate_limit import DOCUMENTED_LIMITS, Limiter, RateLimit
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
            seconds, even if that takes more than ``max_attempts``: 0 by default. Set it for sends that should
            continue after an outage.
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
            found, httpx.BaseTransport, base_url, api_version, timeout, transport, allow_http=allow_http
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
        then raise a ``GameballError`` with the report of their events. Trackers are closed before,
        within their own ``close_timeout``.
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
