"""The HTTP connections that everything travels over: keys on, errors typed, bodies ready-made."""

import math
import os
import ssl
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Final, NoReturn, Self

import httpx
import orjson
from attrs import evolve, field, frozen
from gameball_api import AuthenticatedClient
from gameball_api.models import EventsBatch

from gameball.credentials import Credentials, KeyHeaders
from gameball.errors import ResponseLostError
from gameball.transport.responses import error_from_exception, error_from_response
from gameball.version import __version__

#: Where Gameball's API is; test and live accounts share it.
DEFAULT_BASE_URL: Final = "https://api.gameball.co"
#: A batch of 1,000 objects may take its time, and giving up leaves its events UNKNOWN: seconds.
DEFAULT_TIMEOUT: Final = 60.0
_CONNECT_TIMEOUT: Final = 10.0
_LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=5.0)


@frozen
class ConnectionSettings:
    """What a connection is made of.

    Attributes:
        credentials: The two keys.
        base_url: Where the API is; checked.
        timeout: How long to wait for each step of a request, in seconds.
        transport: What to use instead of the network, or None.
        tls: How servers prove themselves; shared, because making one takes longer than a request.
        headers: What is sent besides, by name.
        cookies: What is sent as cookies, by name.
    """

    credentials: Credentials
    base_url: httpx.URL
    timeout: httpx.Timeout
    transport: Any = field(repr=False)
    tls: ssl.SSLContext = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    cookies: dict[str, str] = field(repr=False)

    @classmethod
    def find(
        cls,
        credentials: Credentials,
        base_url: str | None,
        timeout: float | httpx.Timeout,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
    ) -> Self:
        """Check what a user passed, and fill in the rest.

        Args:
            credentials: The two keys.
            base_url: Where the API is; None reads ``GAMEBALL_BASE_URL`` or else means Gameball itself.
            timeout: Seconds, or an ``httpx.Timeout``.
            transport: What to use instead of the network, or None.

        Raises:
            ValueError: The URL or the timeout cannot be used; the text says why.
        """
        address = os.environ.get("GAMEBALL_BASE_URL") or DEFAULT_BASE_URL if base_url is None else base_url
        url = check_base_url(address)
        return cls(
            credentials=credentials,
            base_url=url,
            timeout=_check_timeout(timeout),
            transport=transport,
            # Loading the certificates takes longer than a request, and plain http has no use for them.
            tls=httpx.create_ssl_context()
            if url.scheme == "https"
            else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            headers={"User-Agent": f"gameball-client/{__version__}", "Accept": "application/json"},
            cookies={},
        )

    def options(self) -> dict[str, Any]:
        """Return the arguments of httpx's clients, the same for sync and async."""
        return {
            "auth": KeyHeaders(self.credentials),
            "base_url": self.base_url,
            "timeout": self.timeout,
            "transport": self.transport,
            "verify": self.tls,
            "headers": self.headers,
            "cookies": self.cookies,
            "limits": _LIMITS,
            # Off the default because the keys would follow a redirect to wherever it leads.
            "follow_redirects": False,
            # A proxy from the environment must not be given the keys in plain text.
            "trust_env": self.base_url.scheme == "https",
        }


def check_base_url(address: str) -> httpx.URL:
    """Return an address as a URL that keys may be sent to.

    Args:
        address: ``https://host``, with a path where a gateway needs one; ``http://`` only for this machine.

    Raises:
        ValueError: It is no such URL.
    """
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise ValueError(f"base_url is not a URL: {error}") from None
    if url.userinfo or url.query or url.fragment:
        raise ValueError("base_url must be a plain https://host, without user, query or fragment")
    if not url.host or url.scheme not in {"https", "http"}:
        raise ValueError(f"base_url must begin with https:// and name a host, unlike {address!r}")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ValueError(f"base_url must be https: over http the keys would reach {url.host} in plain text")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_timeout(timeout: float | httpx.Timeout) -> httpx.Timeout:
    if isinstance(timeout, httpx.Timeout):
        return timeout
    if not (timeout > 0 and math.isfinite(timeout)):
        raise ValueError(f"timeout is {timeout}; it must be a positive number of seconds")
    return httpx.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT))


class _ReadyJSON(dict[str, Any]):
    """JSON that is already written: our connections send its bytes, and no other can send it."""

    def __init__(self, content: bytes) -> None:
        # Something no encoder takes, so that another client fails rather than sends an empty body.
        super().__init__(body=object())
        self.content = content


def _build_ready(
    build: Callable[..., httpx.Request],
    arguments: dict[str, Any],
    json: _ReadyJSON,
    urls: dict[str, httpx.URL],
) -> httpx.Request:
    """Build a request of ready-made JSON.

    Args:
        build: httpx's ``build_request``.
        arguments: Its arguments.
        json: The body.
        urls: The absolute URL of each path that such a request went to. Parsing them anew takes a tenth of
            all that a request takes.
    """
    path = arguments["url"]
    request = build(**{**arguments, "url": urls.get(path, path), "content": json.content})
    urls[path] = request.url
    return request


class _Cookies(httpx.Cookies):
    """Cookies that look for others only in answers that set some: httpx's parse the URL of each for it."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep the cookies that an answer sets."""
        if "set-cookie" in response.headers:
            super().extract_cookies(response)


class ReadyBatch(EventsBatch):
    """A batch for the generated endpoint whose JSON is already written.

    Building the generated models for 1,000 events costs many times what writing their JSON does.

    Args:
        content: The request's body.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(body=[])
        self._content = content

    def to_dict(self) -> dict[str, Any]:
        """Return what the connection recognises and sends as it is."""
        return _ReadyJSON(self._content)

    def __repr__(self) -> str:
        return f"<{len(self._content)} bytes>"


class _Response(httpx.Response):
    """A 2xx answer whose JSON, when it is none, is our error and not the decoder's."""

    def json(self, **_: Any) -> Any:  # noqa: ANN401 - as httpx declares it
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            pass
        kind = self.headers.get("content-type", "no content type") if self.content else "no body"
        raise ResponseLostError(f"the request was sent, and the answer is not JSON: {kind}")


_STANDARD_STATUSES: Final = frozenset(HTTPStatus)


def _check_response(response: httpx.Response, settings: ConnectionSettings) -> None:
    error = error_from_response(
        response.status_code, response.headers, response.content, settings.credentials
    )
    if error is not None:
        raise error
    # The generated parser turns the number into an http.HTTPStatus, which knows no 299.
    if response.status_code not in _STANDARD_STATUSES:
        response.status_code = httpx.codes.OK
    # Reclassified, because httpx lets nothing but a transport of one's own choose the class.
    response.__class__ = _Response


def _forget_location(response: httpx.Response) -> None:
    """Keep httpx from preparing a redirect that is not followed: it fails over a location that is no URL."""
    response.headers.pop("location", None)


async def _forget_location_async(response: httpx.Response) -> None:
    _forget_location(response)


class SyncConnection(httpx.Client):
    """An ``httpx.Client`` that raises our errors and sends ready-made JSON as it is."""

    def __init__(self, settings: ConnectionSettings) -> None:
        super().__init__(**settings.options(), event_hooks={"response": [_forget_location]})
        self._cookies = _Cookies(self._cookies)
        self.settings = settings
        self._urls: dict[str, httpx.URL] = {}

    def build_request(self, *args: Any, json: Any = None, **rest: Any) -> httpx.Request:  # noqa: ANN401
        """Build a request, as httpx does, from ready-made JSON too."""
        build = super().build_request
        return (
            _build_ready(build, rest, json, self._urls)
            if isinstance(json, _ReadyJSON)
            else build(*args, json=json, **rest)
        )

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Send a request, and return its answer if that is a 2xx.

        Raises:
            GameballError: Anything else came of it.
        """
        try:
            response = super().send(request, **options)
            response.read()  # a streamed answer has not been, and may be an error to describe
        except httpx.RequestError as error:
            failure = error_from_exception(error, self.settings.credentials)
        else:
            _check_response(response, self.settings)
            return response
        # Outside of the handler: inside, httpx's exception and its frames would be attached.
        raise failure


class AsyncConnection(httpx.AsyncClient):
    """An ``httpx.AsyncClient`` that raises our errors and sends ready-made JSON as it is."""

    def __init__(self, settings: ConnectionSettings) -> None:
        super().__init__(**settings.options(), event_hooks={"response": [_forget_location_async]})
        self._cookies = _Cookies(self._cookies)
        self.settings = settings
        self._urls: dict[str, httpx.URL] = {}

    def build_request(self, *args: Any, json: Any = None, **rest: Any) -> httpx.Request:  # noqa: ANN401
        """Build a request, as httpx does, from ready-made JSON too."""
        build = super().build_request
        return (
            _build_ready(build, rest, json, self._urls)
            if isinstance(json, _ReadyJSON)
            else build(*args, json=json, **rest)
        )

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Send a request, and return its answer if that is a 2xx.

        Raises:
            GameballError: Anything else came of it.
        """
        try:
            response = await super().send(request, **options)
            await response.aread()  # a streamed answer has not been, and may be an error to describe
        except httpx.RequestError as error:
            failure = error_from_exception(error, self.settings.credentials)
        else:
            _check_response(response, self.settings)
            return response
        raise failure


class RawClient(AuthenticatedClient):
    """The generated client over one of our connections, for every operation the document has.

    Args:
        connection: What its calls travel over.
    """

    def __init__(self, connection: SyncConnection | AsyncConnection) -> None:
        # The keys travel in the connection's own headers; the generated client knows of one token only.
        super().__init__(base_url=str(connection.settings.base_url), token="")
        self._connection = connection

    def get_httpx_client(self) -> httpx.Client:
        """Return the connection of ``sync`` and ``sync_detailed``.

        Raises:
            TypeError: The client is an asynchronous one.
        """
        if isinstance(self._connection, SyncConnection):
            return self._connection
        raise TypeError("the raw client of AsyncGameball takes asyncio calls; for sync ones use Gameball")

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the connection of ``asyncio`` and ``asyncio_detailed``.

        Raises:
            TypeError: The client is a synchronous one.
        """
        if isinstance(self._connection, AsyncConnection):
            return self._connection
        raise TypeError("the raw client of Gameball takes sync calls; for asyncio ones use AsyncGameball")

    # The generated with_... change the shared connection, and return a client that sends no keys.
    def with_headers(self, headers: dict[str, str]) -> "RawClient":
        """Return another client that also sends these headers. Close it by itself."""
        settings = self._connection.settings
        return self._with(evolve(settings, headers={**settings.headers, **headers}))

    def with_cookies(self, cookies: dict[str, str]) -> "RawClient":
        """Return another client that also sends these cookies. Close it by itself."""
        settings = self._connection.settings
        return self._with(evolve(settings, cookies={**settings.cookies, **cookies}))

    def with_timeout(self, timeout: httpx.Timeout) -> "RawClient":
        """Return another client with this timeout. Close it by itself."""
        return self._with(evolve(self._connection.settings, timeout=timeout))

    def _with(self, settings: ConnectionSettings) -> "RawClient":
        return RawClient(type(self._connection)(settings))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client is not pickled: create one where it is used")

    def __repr__(self) -> str:
        return f"RawClient({self._base_url!r})"
