"""The asynchronous client: the same interface as the synchronous one, with ``await``."""

import os
from collections.abc import (
    Sequence,
)
from types import TracebackType
from typing import Self

import httpx

from gameball.argument_checks import check_seconds
from gameball.async_events_client import AsyncEvents
from gameball.client_parts import client_part
from gameball.credentials import look_up
from gameball.delivery.closing import DEFAULT_CLOSE_TIMEOUT
from gameball.delivery.decisions import (
    DEFAULT_MAX_ATTEMPTS,
    DEFAULT_RATE_LIMIT_TIMEOUT,
    RetryPolicy,
)
from gameball.errors import ClientClosedError, MissingCredentialsError
from gameball.jobs.clients import AsyncJobs
from gameball.rate_limit import DOCUMENTED_LIMITS, AsyncLimiter, RateLimit
from gameball.transport.api_version import ApiVersion
from gameball.transport.connection import AsyncConnection
from gameball.transport.pool import AsyncConnectionPool
from gameball.transport.raw_client import RawClient
from gameball.transport.settings import DEFAULT_TIMEOUT, ConnectionSettings


class AsyncGameball:
    """An asynchronous client for the Gameball API. Many tasks of one event loop can share one client.

    Its arguments, attributes and errors are those of ``Gameball``, except that ``transport`` is an
    ``httpx.AsyncBaseTransport``.
    """

    # If the constructor fails, a traceback may call the repr of the incomplete client.
    _base_url = ""
    events: "AsyncEvents" = client_part(lambda: AsyncEvents)
    jobs: AsyncJobs = client_part(lambda: AsyncJobs)
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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        found = look_up(api_key, secret_key, os.environ)
        # Errors raised from here on may be shown with the locals of this frame.
        del api_key, secret_key
        if isinstance(found, MissingCredentialsError):
            raise found
        policy = RetryPolicy(max_attempts, rate_limit_timeout=rate_limit_timeout, retry_for=retry_for)
        check_seconds("close_timeout", close_timeout)
        limiter = self._limiter = AsyncLimiter(rate_limits)
        settings = ConnectionSettings.find(
            found, httpx.AsyncBaseTransport, base_url, api_version, timeout, transport, allow_http=allow_http
        )
        self._base_url = str(settings.base_url)
        self._connection = AsyncConnection(settings)
        self.raw = RawClient(self._connection)
        self.events = AsyncEvents(AsyncConnectionPool(settings), limiter, policy, close_timeout)
        self.jobs = AsyncJobs(self._connection, limiter)

    @property
    def quota_used(self) -> float:
        """The current usage of the rate limit that is closest to being exhausted, from 0 to 1."""
        return self._limiter.used()

    async def close(self) -> None:
        """Close the client. It cannot be used again.

        Sends that are running in other tasks have ``close_timeout`` to finish the requests in flight, and
        then raise a ``GameballError`` with the report of their events.
        """
        if not self._connection.is_closed:
            self._limiter.check_loop()
        await self.events._close()  # noqa: SLF001 - a part of the client
        await self._connection.aclose()

    async def __aenter__(self) -> Self:
        if self._connection.is_closed:
            raise ClientClosedError
        self._limiter.check_loop()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncGameball(base_url={self._base_url!r})"
