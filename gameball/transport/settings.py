"""The settings of a connection, checked before any other object holds a key."""

import os
import re
import ssl
from ipaddress import ip_address
from typing import Any, Final, Self, TypeGuard

import httpx
from attrs import field, frozen

from gameball.credentials import Credentials, KeyHeaders
from gameball.transport.api_version import API_VERSION_VARIABLE, ApiVersion, check_api_version
from gameball.version import __version__

#: The URL of Gameball's API, for test and live accounts.
DEFAULT_BASE_URL: Final = "https://api.gameball.co"
#: In seconds. It is long because a batch of 1,000 objects may take long, and a timeout leaves its events
#: UNKNOWN.
DEFAULT_TIMEOUT: Final = 60.0
_CONNECT_TIMEOUT: Final = 10.0
# In seconds: one day. Sockets fail with longer timeouts than 24 days.
_MAX_TIMEOUT: Final = 86_400
_MAX_PORT: Final = 65_535
_ALLOW_HTTP: Final = "GAMEBALL_ALLOW_HTTP"
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"", "0", "false", "no", "off"})
_API_PATH: Final = re.compile(r"/api/v4(\.[0-9]+)?(/.*)?$")
_LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=5.0)


@frozen
class ConnectionSettings:
    """The settings of a connection.

    Attributes:
        credentials: The two keys.
        base_url: The URL of the API, checked.
        api_version: The version of the API, which is part of every path.
        timeout: The timeout of each step of a request, in seconds.
        transport: An httpx transport to use instead of the network, or None.
        tls: The TLS context. It is shared, because creating one takes longer than a request.
        headers: Additional headers, by name.
        cookies: The cookies, by name.
    """

    credentials: Credentials
    base_url: httpx.URL
    api_version: ApiVersion
    timeout: httpx.Timeout
    transport: Any = field(repr=False)
    tls: ssl.SSLContext = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    cookies: dict[str, str] = field(repr=False)

    @classmethod
    def find(  # noqa: PLR0917 - one line in both clients, instead of nine
        cls,
        credentials: Credentials,
        transport_type: type[httpx.BaseTransport] | type[httpx.AsyncBaseTransport],
        base_url: str | None,
        api_version: ApiVersion | None,
        timeout: float | httpx.Timeout,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
        *,
        allow_http: bool | None,
    ) -> Self:
        """Check the user's arguments and add the defaults.

        Args:
            credentials: The two keys.
            transport_type: The type that a transport must have.
            base_url: The URL of the API, or None for ``GAMEBALL_BASE_URL`` or else Gameball's own URL.
            api_version: The version of the API, or None for ``GAMEBALL_API_VERSION`` or else the default.
            timeout: The timeout in seconds, or an ``httpx.Timeout``.
            transport: An httpx transport to use instead of the network, or None.
            allow_http: Whether plain http is accepted for any host, or None for ``GAMEBALL_ALLOW_HTTP``.

        Raises:
            ValueError: An argument or an environment variable is invalid.
        """
        address = os.environ.get("GAMEBALL_BASE_URL") or DEFAULT_BASE_URL if base_url is None else base_url
        url = check_base_url(address, allow_http=_check_allow_http(allow_http, os.environ.get(_ALLOW_HTTP)))
        _check_transport(transport, transport_type)
        return cls(
            credentials=credentials,
            base_url=url,
            api_version=check_api_version(api_version, os.environ.get(API_VERSION_VARIABLE)),
            timeout=_check_timeout(timeout),
            transport=transport,
            # Loading the certificates takes longer than a request, and plain http does not use them.
            tls=httpx.create_ssl_context()
            if url.scheme == "https"
            else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            headers={
                "User-Agent": f"gameball-client/{__version__}",
                "Accept": "application/json",
                # A compressed response of a few kilobytes may expand to gigabytes.
                "Accept-Encoding": "identity",
            },
            cookies={},
        )

    def options(self) -> dict[str, Any]:
        """Return the arguments of the httpx client, the same for sync and async."""
        return {
            "auth": KeyHeaders(self.credentials),
            "base_url": self.base_url,
            "timeout": self.timeout,
            "transport": self.transport,
            "verify": self.tls,
            "headers": self.headers,
            "cookies": self.cookies,
            "limits": _LIMITS,
            # The keys would be sent to wherever a redirect leads.
            "follow_redirects": False,
            # A proxy from the environment must not receive the keys in plain text.
            "trust_env": self.base_url.scheme == "https",
        }


def check_base_url(address: str, *, allow_http: bool = False) -> httpx.URL:
    """Check that keys may be sent to an address, and return it as a URL.

    Args:
        address: ``https://host``, with a path if a gateway needs one. ``http://`` is accepted only for
            loopback addresses.
        allow_http: Whether ``http://`` is accepted for any host.

    Raises:
        ValueError: Keys must not be sent to this address, or it is not a URL.
    """
    if not isinstance(address, str | httpx.URL):
        raise ValueError(  # noqa: TRY004 - as documented
            f"base_url must be a string such as {DEFAULT_BASE_URL!r}, got {type(address).__name__}"
        )
    try:
        url = httpx.URL(address)
        port = url.port or 0
    except (httpx.InvalidURL, ValueError) as error:  # httpx does not convert all errors of a host's name
        raise ValueError(f"base_url is not a URL: {error}") from None
    if port > _MAX_PORT:
        raise ValueError(f"base_url has the port {port}, but ports end at {_MAX_PORT}")
    if url.userinfo or url.query or url.fragment:
        raise ValueError("base_url must be a plain https://host, without user, query or fragment")
    if not url.host or url.scheme not in {"https", "http"}:
        raise ValueError(f"base_url must begin with https:// and have a host, got {address!r}")
    if match := _API_PATH.search(url.path):
        wanted = str(url.copy_with(path=url.path[: match.start()] or "/")).rstrip("/")
        raise ValueError(
            f"base_url must not contain the path of the API, got {str(url)!r}; write {wanted!r}, and choose "
            "the version with api_version"
        )
    if url.scheme == "http" and not (allow_http or _is_loopback(url.host)):
        raise ValueError(
            f"base_url must use https: over http the keys would reach {url.host} in plain text. For a "
            f"sandbox in a network that you trust, pass allow_http=True or set {_ALLOW_HTTP}=1"
        )
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_allow_http(given: object, variable: str | None) -> bool:
    # The functions that raise get only the variable they need: a traceback would show the whole environment.
    if given is None:
        text = (variable or "").strip().lower()
        if text not in _YES | _NO:
            raise ValueError(f"{_ALLOW_HTTP} must be 1 or 0, got {text!r}")
        return text in _YES
    if not isinstance(given, bool):
        raise ValueError(f"allow_http must be True or False, got {given!r}")  # noqa: TRY004 - as documented
    return given


def _check_timeout(timeout: object) -> httpx.Timeout:
    if isinstance(timeout, httpx.Timeout):
        for step, value in timeout.as_dict().items():
            if value is not None and not _is_timeout(value):
                raise ValueError(
                    f"the {step} timeout must be None or {_TIMEOUT_RANGE}, got {value!r}; write for example "
                    "timeout=httpx.Timeout(60, connect=10)"
                )
        return timeout
    if not _is_timeout(timeout):
        raise ValueError(
            f"timeout must be {_TIMEOUT_RANGE}, got {timeout!r}; write for example timeout=60, "
            "timeout=httpx.Timeout(60, connect=10) for different ones, or httpx.Timeout(None) for none"
        )
    return httpx.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT))


_TIMEOUT_RANGE: Final = f"a number of seconds greater than 0 and at most {_MAX_TIMEOUT:,}"


def _is_timeout(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _MAX_TIMEOUT


def _check_transport(
    transport: object, wanted: type[httpx.BaseTransport] | type[httpx.AsyncBaseTransport]
) -> None:
    if transport is None or isinstance(transport, wanted):
        return
    is_sync = wanted is httpx.BaseTransport
    client, name, example = (
        ("Gameball", "httpx.BaseTransport", "httpx.HTTPTransport")
        if is_sync
        else ("AsyncGameball", "httpx.AsyncBaseTransport", "httpx.AsyncHTTPTransport")
    )
    kind = transport.__name__ if isinstance(transport, type) else type(transport).__name__
    if isinstance(transport, httpx.Client | httpx.AsyncClient):
        cure = f"pass only its transport, such as {example}(...), not a whole client"
    elif isinstance(transport, httpx.BaseTransport | httpx.AsyncBaseTransport):
        cure = f"use {'AsyncGameball' if is_sync else 'Gameball'} with it, or pass {example}(...)"
    else:
        cure = f"write for example transport={example}(...)"
    raise ValueError(f"the transport of {client} must be an {name}, got {kind}; {cure}")
