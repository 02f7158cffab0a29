"""HTTP connections that send the keys, raise this package's errors and limit the size of responses.

``SyncConnection`` and ``AsyncConnection`` are httpx clients. They share ``BaseConnection``.
"""

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import httpx

from gameball.errors import ClientClosedError
from gameball.event_loop import EventLoopGuard
from gameball.fork_safety import renew_after_fork
from gameball.transport.api_version import with_version
from gameball.transport.base_connection import BaseConnection, NoCookies
from gameball.transport.request_trace import RequestTrace
from gameball.transport.response_content import decode
from gameball.transport.settings import ConnectionSettings

if TYPE_CHECKING:
    from collections.abc import Callable


def _forget_location(response: httpx.Response) -> None:
    """Remove ``Location``, because httpx parses it even for redirects it does not follow, and may fail."""
    if response.is_redirect:
        response.headers.pop("location", None)


async def _forget_location_async(response: httpx.Response) -> None:
    _forget_location(response)


class SyncConnection(BaseConnection, httpx.Client):
    """An ``httpx.Client`` that raises this package's errors and limits the size of responses."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self._begin()
        renew_after_fork(self)

    def _begin(self) -> None:
        hooks: dict[str, list[Callable[..., Any]]] = {"response": [_forget_location]}
        httpx.Client.__init__(self, **self.settings.options(), event_hooks=hooks)
        self._cookies = NoCookies(self._cookies)
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
        self.note_request()
        if self.is_closed:
            raise ClientClosedError
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


class AsyncConnection(BaseConnection, httpx.AsyncClient):
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
        self._cookies = NoCookies(self._cookies)
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
        self.note_request()
        if self.is_closed:
            raise ClientClosedError
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
