"""The HTTP connections that everything travels over: keys on, errors typed, answers bounded.

``SyncConnection`` and ``AsyncConnection`` are httpx clients, and share what is in ``_Shared`` and the
functions of this module.
"""

import os
import socket
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from types import ModuleType
from typing import Any, Final
from weakref import WeakSet

import httpx
import orjson
from gameball_api.api.batches import send_events_batch
from gameball_api.models import EventsBatch

from gameball.errors import ClientClosedError, GameballError, ResponseLostError
from gameball.fork_safety import renew_after_fork
from gameball.transport.responses import error_from_exception, error_from_response
from gameball.transport.settings import ConnectionSettings

#: The most bytes that are read of an answer. Gameball's are far smaller; an endless one must not fill the
#: memory.
MAX_ANSWER: Final = 16 * 1024 * 1024
#: The most bytes that are read of an answer to a batch, and of any answer that is an error.
MAX_SHORT_ANSWER: Final = 1024 * 1024

#: The step of which httpcore tells its tracer right before a request's first byte.
_SENDING: Final = "http11.send_request_headers.started"
_CONNECTED: Final = ("connection.connect_tcp.complete", "connection.start_tls.complete")
_STANDARD_STATUSES: Final = frozenset(HTTPStatus)


class _NoCookies(httpx.Cookies):
    """The cookies that a user has set. Those of answers are not kept: the API has no use for them."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep none."""


class _Response(httpx.Response):
    """A 2xx answer whose JSON, when it is none, is our error and not the decoder's."""

    def json(self, **_: Any) -> Any:  # noqa: ANN401 - as httpx declares it
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            pass
        kind = self.headers.get("content-type", "no content type") if self.content else "no body"
        raise ResponseLostError(f"the request was sent, and the answer is not JSON: {kind}")


class Trace:
    """What httpcore tells of one request while it is under way.

    Args:
        connection: What the request travels over.

    Attributes:
        may_have_sent: Whether any byte of the request may have been sent.
    """

    def __init__(self, connection: "SyncConnection | AsyncConnection") -> None:
        self._connection = connection
        # A transport of the user's own may not tell when it begins to send.
        self.may_have_sent = connection.settings.transport is not None

    def note(self, step: str, details: Mapping[str, Any]) -> None:
        """Note a step; httpcore calls this for each."""
        if step in _CONNECTED:
            self._connection.note_stream(details["return_value"])
        elif step == _SENDING and details["request"].method != b"CONNECT":
            # What a proxy is asked for before is not the request.
            self._connection.note_sending()
            self.may_have_sent = True

    async def note_async(self, step: str, details: Mapping[str, Any]) -> None:
        """Note a step of an asynchronous connection."""
        self.note(step, details)


class _Shared:
    """What both connections are besides httpx clients.

    Attributes:
        settings: What the connection is made of.
        max_answer: The most bytes that are read of an answer.
    """

    settings: ConnectionSettings
    max_answer = MAX_ANSWER
    _streams: "WeakSet[Any]"
    _urls: dict[str, httpx.URL]

    def note_stream(self, stream: Any) -> None:  # noqa: ANN401 - httpcore's, sync or async
        """Note a stream that was opened."""
        self._streams.add(stream)

    def note_sending(self) -> None:
        """Note that a request is about to be sent."""

    def _batch(self, content: bytes) -> dict[str, Any]:
        """Return the arguments of the request for a batch whose JSON is already written."""
        # The generated function builds the request, and its answer is read by us: see ``read_job_id``. Its
        # own parser fails over what Gameball may add to the answer at any time, and the events would be
        # UNKNOWN.
        arguments = send_events_batch._get_kwargs(body=_NO_EVENTS)  # noqa: SLF001
        del arguments["json"]
        arguments["content"] = content
        # Parsing the URL anew takes a tenth of all that a request takes.
        path = arguments["url"]
        if path not in self._urls:
            self._urls[path] = self._absolute(path)
        arguments["url"] = self._urls[path]
        return arguments

    def _absolute(self, path: str) -> httpx.URL:
        base = self.settings.base_url
        return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path.encode())

    def _read_answer(
        self, response: httpx.Response, content: bytes | None
    ) -> "httpx.Response | GameballError":
        """Return an answer with its content if that is a 2xx, or else the error it stands for.

        Args:
            response: The answer, without its content.
            content: The content, or None where it was too long.
        """
        status = response.status_code
        error = error_from_response(status, response.headers, content or b"", self.settings.credentials)
        if error is not None:
            return error
        if content is None:
            return ResponseLostError(
                f"the request was sent, and the answer has more than {self.max_answer:,} bytes"
            )
        headers = response.headers.copy()
        for name in ("content-encoding", "content-length", "transfer-encoding"):
            headers.pop(name, None)
        return _Response(
            # The generated parser turns the number into an http.HTTPStatus, which knows no 299.
            status if status in _STANDARD_STATUSES else HTTPStatus.OK,
            headers=headers,
            content=content,
            request=response.request,
            extensions=response.extensions,
        )

    def _limit_for(self, response: httpx.Response) -> int:
        return self.max_answer if response.is_success else min(self.max_answer, MAX_SHORT_ANSWER)


_NO_EVENTS: Final = EventsBatch(body=[])


def read_arguments(operation: ModuleType, job_id: int) -> dict[str, Any]:
    """Return the arguments of the request of a job operation, for a connection to send.

    As for batches the generated function builds the request, and its parser, which fails over states that the
    document does not know, is left out.
    """
    arguments: dict[str, Any] = operation._get_kwargs(job_id)  # noqa: SLF001
    return arguments


def _decode(content: bytes, encoding: str, limit: int) -> bytes | None:
    """Return what a compressed answer stands for, or None where that is too long. We ask for none."""
    window = {"gzip": 31, "x-gzip": 31, "deflate": 15}.get(encoding.strip().lower())
    if window is None:
        return content
    with suppress(zlib.error):
        decoded = zlib.decompressobj(window).decompress(content, limit + 1)
        return None if len(decoded) > limit else decoded
    return content


def _forget_location(response: httpx.Response) -> None:
    """Keep httpx from preparing a redirect that is not followed: it fails over a location that is no URL."""
    response.headers.pop("location", None)


async def _forget_location_async(response: httpx.Response) -> None:
    _forget_location(response)


def _with_unread_bytes(client: httpx.Client | httpx.AsyncClient) -> Iterator[Any]:
    """Yield the idle connections of a client that hold bytes nobody asked for.

    A server that answers once too often would have its surplus answer taken for that of the next request.
    httpx and httpcore have no public way to ask for this.
    """
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001
        for connection in getattr(getattr(transport, "_pool", None), "connections", ()):
            inner = connection
            while (state := getattr(inner, "_h11_state", None)) is None:
                if (inner := getattr(inner, "_connection", None)) is None:
                    break
            if state is not None and connection.is_idle() and state.trailing_data[0]:
                yield connection


class SyncConnection(_Shared, httpx.Client):
    """An ``httpx.Client`` that raises our errors, and whose answers are bounded."""

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
        """Let go of the parent's sockets, without a word to the server, and begin with none."""
        for stream in list(self._streams):
            connection = stream.get_extra_info("socket")
            if connection is not None:
                with suppress(OSError):
                    # Past what TLS adds, which would tell the server that the parent's session ends.
                    os.close(socket.socket.detach(connection))
        closed = self.is_closed
        self._begin()
        if closed:
            self.close()

    def send_batch(self, content: bytes) -> bytes:
        """Send a batch whose JSON is already written, and return the content of its answer.

        Raises:
            GameballError: There was no answer with 2xx.
        """
        return self.request(**self._batch(content)).content

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Send a request, and return its answer if that is a 2xx.

        Raises:
            ClientClosedError: The client is closed.
            GameballError: Anything else came of it.
        """
        if self.is_closed:
            raise ClientClosedError
        trace = Trace(self)
        request.extensions = {**request.extensions, "trace": trace.note}
        try:
            response = super().send(request, **{**options, "stream": True})
            try:
                content = self._read(response)
            finally:
                response.close()
        except Exception as error:  # noqa: BLE001 - httpx's, those it does not know, and a user's transport's
            failure = error_from_exception(error, self.settings.credentials, sent=trace.may_have_sent)
        else:
            for connection in _with_unread_bytes(self):
                connection.close()
            answer = self._read_answer(response, content)
            # A server may repeat a key in its answer, and a traceback may show the locals of this frame.
            del response, content
            if isinstance(answer, httpx.Response):
                return answer
            failure = answer
        # Outside of the handler: inside, httpx's exception and its frames would be attached.
        raise failure

    def _read(self, response: httpx.Response) -> bytes | None:
        limit = self._limit_for(response)
        if response.is_stream_consumed:  # a transport of the user's own gave the whole answer
            return response.content if len(response.content) <= limit else None
        content = bytearray()
        for block in response.iter_raw():
            content += block
            if len(content) > limit:
                return None
        return _decode(bytes(content), response.headers.get("content-encoding", ""), limit)


class AsyncConnection(_Shared, httpx.AsyncClient):
    """An ``httpx.AsyncClient`` that raises our errors, and whose answers are bounded."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self._begin()
        self._of_parents: list[object] = []
        renew_after_fork(self)

    def _begin(self) -> None:
        hooks: dict[str, list[Callable[..., Any]]] = {"response": [_forget_location_async]}
        httpx.AsyncClient.__init__(self, **self.settings.options(), event_hooks=hooks)
        self._cookies = _NoCookies(self._cookies)
        self._urls = {}
        self._streams = WeakSet()

    def after_fork_in_child(self) -> None:
        """Begin with no socket. The parent's are never touched again: they are part of its event loop."""
        self._of_parents.append((self._transport, self._mounts))
        closed = self.is_closed
        self._begin()
        if closed:
            self._state = httpx._client.ClientState.CLOSED  # noqa: SLF001 - closing it would need an event loop

    async def send_batch(self, content: bytes) -> bytes:
        """Send a batch whose JSON is already written, and return the content of its answer.

        Raises:
            GameballError: There was no answer with 2xx.
        """
        return (await self.request(**self._batch(content))).content

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Send a request, and return its answer if that is a 2xx.

        Raises:
            ClientClosedError: The client is closed.
            GameballError: Anything else came of it.
        """
        if self.is_closed:
            raise ClientClosedError
        trace = Trace(self)
        request.extensions = {**request.extensions, "trace": trace.note_async}
        try:
            response = await super().send(request, **{**options, "stream": True})
            try:
                content = await self._read(response)
            finally:
                await response.aclose()
        except Exception as error:  # noqa: BLE001 - as in SyncConnection
            failure = error_from_exception(error, self.settings.credentials, sent=trace.may_have_sent)
        else:
            for connection in _with_unread_bytes(self):
                await connection.aclose()
            answer = self._read_answer(response, content)
            # A server may repeat a key in its answer, and a traceback may show the locals of this frame.
            del response, content
            if isinstance(answer, httpx.Response):
                return answer
            failure = answer
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
        return _decode(bytes(content), response.headers.get("content-encoding", ""), limit)
