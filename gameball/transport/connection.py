"""HTTP connections that send the keys, raise this package's errors and limit the size of responses.

``SyncConnection`` and ``AsyncConnection`` are httpx clients. They share ``_Shared``.
"""

import os
import socket
from contextlib import suppress
from http import HTTPStatus
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

import httpx
from gameball_api.api.batches import send_events_batch
from gameball_api.models import EventsBatch

from gameball.errors import APIError, ClientClosedError, GameballError, ResponseLostError
from gameball.event_loop import EventLoopGuard
from gameball.fork_safety import renew_after_fork
from gameball.transport.api_version import version_hint, with_version
from gameball.transport.request_trace import RequestTrace
from gameball.transport.response_content import MAX_RESPONSE, MAX_SHORT_RESPONSE, SuccessResponse, decode
from gameball.transport.responses import error_from_exception, error_from_response
from gameball.transport.settings import ConnectionSettings

if TYPE_CHECKING:
    from collections.abc import Callable

_STANDARD_STATUSES: Final = frozenset(HTTPStatus)


class _NoCookies(httpx.Cookies):
    """The cookies that a user has set. Cookies of responses are ignored: the API does not use them."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Ignore the cookies of a response."""


class _Shared:
    """The parts of a connection that are the same for the synchronous and the asynchronous one.

    Attributes:
        settings: The settings of the connection.
        max_response: The maximum number of bytes read from a response.
    """

    settings: ConnectionSettings
    max_response = MAX_RESPONSE
    _streams: "WeakSet[Any]"
    _urls: dict[str, httpx.URL]

    def note_stream(self, stream: Any) -> None:  # noqa: ANN401 - httpcore's, sync or async
        """Remember a stream that was opened."""
        self._streams.add(stream)

    def note_request(self) -> None:
        """Do something before anything is done for a request; the default does nothing."""

    def note_sending(self) -> None:
        """Do something right before a request is sent; the default does nothing."""

    def _batch(self, content: bytes) -> dict[str, Any]:
        """Return the request arguments for a batch that is already encoded as JSON."""
        # The generated function builds the request, but ``read_job_id`` parses the response. The generated
        # parser would fail on fields or values that Gameball may add to the response at any time, and the
        # events would be UNKNOWN.
        arguments = send_events_batch._get_kwargs(body=_NO_EVENTS)  # noqa: SLF001
        del arguments["json"]
        arguments["content"] = content
        # Cached because parsing the URL takes a tenth of the time of a whole request.
        path = arguments["url"]
        if path not in self._urls:
            self._urls[path] = self._absolute(path)
        arguments["url"] = self._urls[path]
        return arguments

    def _absolute(self, path: str) -> httpx.URL:
        base = self.settings.base_url
        path = with_version(path, self.settings.api_version)
        return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path.encode())

    @property
    def is_aborted(self) -> bool:
        """Whether the connection was aborted; only those of workers can be."""
        return False

    def _convert(self, error: Exception, trace: RequestTrace) -> GameballError:
        """Return this package's error for what was raised while a request was sent."""
        sent, given_up = trace.may_have_sent, trace.is_given_up(error)
        return error_from_exception(error, self.settings.credentials, sent=sent, given_up=given_up)

    def _check_response(self, response: httpx.Response, content: bytes | None) -> "bytes | GameballError":
        """Return the content of a 2xx response, or the error that another response means.

        Args:
            response: The response, without its content.
            content: The content, or None if it was too long.
        """
        status = response.status_code
        error = error_from_response(status, response.headers, content or b"", self.settings.credentials)
        if error is not None:
            if isinstance(error, APIError):
                error.hint = version_hint(error, response.request.url.path, self.settings.api_version)
            return error
        if content is None:
            return ResponseLostError(
                f"the request was sent, but the response is longer than {self.max_response:,} bytes"
            )
        return content

    def _success(self, response: httpx.Response, content: bytes) -> httpx.Response:
        """Return a 2xx response with its content, as httpx returns it."""
        headers = response.headers.copy()
        for name in ("content-encoding", "content-length", "transfer-encoding"):
            headers.pop(name, None)
        return SuccessResponse(
            # The generated parser converts the status to an http.HTTPStatus, which fails for 299.
            response.status_code if response.status_code in _STANDARD_STATUSES else HTTPStatus.OK,
            headers=headers,
            content=content,
            request=response.request,
            extensions=response.extensions,
        )

    def _limit_for(self, response: httpx.Response) -> int:
        return self.max_response if response.is_success else min(self.max_response, MAX_SHORT_RESPONSE)


_NO_EVENTS: Final = EventsBatch(body=[])


def read_arguments(operation: ModuleType, job_id: int) -> dict[str, Any]:
    """Return the request arguments for a job operation.

    As for batches, the generated function builds the request, but the generated parser is not used: it fails
    on job states that are not in the API document.
    """
    arguments: dict[str, Any] = operation._get_kwargs(job_id)  # noqa: SLF001
    return arguments


def _forget_location(response: httpx.Response) -> None:
    """Remove ``Location``, because httpx parses it even for redirects it does not follow, and may fail."""
    if response.is_redirect:
        response.headers.pop("location", None)


async def _forget_location_async(response: httpx.Response) -> None:
    _forget_location(response)


class SyncConnection(_Shared, httpx.Client):
    """An ``httpx.Client`` that raises this package's errors and limits the size of responses."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self._begin()
        renew_after_fork(self)

    def _begin(self) -> None:
        hooks: dict[str, list[Callable[..., Any]]] = {"response": [_forget_location]}
        httpx.Client.__init__(self, **self.settings.options(), event_hooks=hooks)
        self._cookies = _NoCookies(self._cookies)
        self._urls = {}
        self._streams = WeakSet()

    def after_fork_in_child(self) -> None:
        """Close the copies of the parent's sockets without sending anything, and start with no connection."""
        for stream in list(self._streams):
            connection = stream.get_extra_info("socket")
            if connection is not None:
                with suppress(OSError):
                    # Bypasses the TLS layer, which would tell the server that the parent's session ends.
                    os.close(socket.socket.detach(connection))
        closed = self.is_closed
        self._begin()
        if closed:
            self.close()

    def build_request(
        self,
        method: str,
        url: httpx.URL | str,
        **options: Any,  # noqa: ANN401 - as httpx has it
    ) -> httpx.Request:
        """Build a request. The API version in a generated path becomes that of the client."""
        if isinstance(url, str):
            url = with_version(url, self.settings.api_version)
        return super().build_request(method, url, **options)

    def send_batch(self, content: bytes) -> bytes:
        """Send a batch that is already encoded as JSON, and return the content of the response.

        Raises:
            GameballError: There was no 2xx response.
        """
        return self.fetch(self.build_request(**self._batch(content)))

    def fetch(self, request: httpx.Request) -> bytes:
        """Send a request, and return the content of its 2xx response. This is faster than ``send``.

        Raises:
            ClientClosedError: The client is closed.
            GameballError: There was no 2xx response.
        """
        return self._exchange(request)[1]

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Send a request and return its 2xx response.

        Raises:
            ClientClosedError: The client is closed.
            GameballError: There was no 2xx response.
        """
        return self._success(*self._exchange(request, **options))

    def _exchange(self, request: httpx.Request, **options: Any) -> tuple[httpx.Response, bytes]:  # noqa: ANN401
        if self.is_closed:
            raise ClientClosedError
        self.note_request()
        trace = RequestTrace(self)
        trace.attach(request)
        try:
            response = super().send(request, **{**options, "stream": True})
            try:
                content = self._read(response)
            finally:
                response.close()
        except Exception as error:  # noqa: BLE001 - from httpx, from below it, or from a user's transport
            failure = self._convert(error, trace)
        else:
            checked = self._check_response(response, content)
            if isinstance(checked, bytes):
                return response, checked
            # A server may repeat a key in its response, and a traceback may show the locals of this frame.
            del response, content
            failure = checked
        # Raised outside the handler, so that httpx's exception and its frames are not attached as context.
        raise failure

    def _read(self, response: httpx.Response) -> bytes | None:
        limit = self._limit_for(response)
        if response.is_stream_consumed:  # a user's transport returned the whole response
            return response.content if len(response.content) <= limit else None
        content = bytearray()
        for block in response.iter_raw():
            content += block
            if len(content) > limit:
                return None
        return decode(bytes(content), response.headers.get("content-encoding", ""), limit)


class AsyncConnection(_Shared, httpx.AsyncClient):
    """An ``httpx.AsyncClient`` that raises this package's errors and limits the size of responses."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self._begin()
        self._of_parents: list[object] = []
        renew_after_fork(self)

    def _begin(self) -> None:
        hooks: dict[str, list[Callable[..., Any]]] = {"response": [_forget_location_async]}
        httpx.AsyncClient.__init__(self, **self.settings.options(), event_hooks=hooks)
        self._guard = EventLoopGuard()
        self._cookies = _NoCookies(self._cookies)
        self._urls = {}
        self._streams = WeakSet()

    def after_fork_in_child(self) -> None:
        """Start with no connection. The parent's sockets are not touched: they belong to its event loop."""
        self._of_parents.append((self._transport, self._mounts))
        closed = self.is_closed
        self._begin()
        if closed:
            self._state = httpx._client.ClientState.CLOSED  # noqa: SLF001 - aclose() would need an event loop

    def build_request(
        self,
        method: str,
        url: httpx.URL | str,
        **options: Any,  # noqa: ANN401 - as httpx has it
    ) -> httpx.Request:
        """Build a request. The API version in a generated path becomes that of the client."""
        if isinstance(url, str):
            url = with_version(url, self.settings.api_version)
        return super().build_request(method, url, **options)

    async def send_batch(self, content: bytes) -> bytes:
        """Send a batch that is already encoded as JSON, and return the content of the response.

        Raises:
            GameballError: There was no 2xx response.
        """
        return await self.fetch(self.build_request(**self._batch(content)))

    async def fetch(self, request: httpx.Request) -> bytes:
        """Send a request, and return the content of its 2xx response. This is faster than ``send``.

        Raises:
            ClientClosedError: The client is closed.
            GameballError: There was no 2xx response.
        """
        return (await self._exchange(request))[1]

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Send a request and return its 2xx response.

        Raises:
            ClientClosedError: The client is closed.
            GameballError: There was no 2xx response.
        """
        return self._success(*await self._exchange(request, **options))

    async def _exchange(
        self,
        request: httpx.Request,
        **options: Any,  # noqa: ANN401 - as httpx has it
    ) -> tuple[httpx.Response, bytes]:
        if self.is_closed:
            raise ClientClosedError
        self.note_request()
        self._guard.check()
        trace = RequestTrace(self)
        trace.attach(request)
        try:
            response = await super().send(request, **{**options, "stream": True})
            try:
                content = await self._read(response)
            finally:
                await response.aclose()
        except Exception as error:  # noqa: BLE001 - as in SyncConnection
            failure = self._convert(error, trace)
        else:
            checked = self._check_response(response, content)
            if isinstance(checked, bytes):
                return response, checked
            # A server may repeat a key in its response, and a traceback may show the locals of this frame.
            del response, content
            failure = checked
        raise failure

    async def _read(self, response: httpx.Response) -> bytes | None:
        limit = self._limit_for(response)
        if response.is_stream_consumed:
            return response.content if len(response.content) <= limit else None
        content = bytearray()
        async for block in response.aiter_raw():
            content += block
            if len(content) > limit:
                return None
        return decode(bytes(content), response.headers.get("content-encoding", ""), limit)
