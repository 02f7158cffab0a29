"""What a connection is made of, checked before anything holds a key."""

import math
import os
import ssl
from ipaddress import ip_address
from typing import Any, Final, Self

import httpx
from attrs import field, frozen

from gameball.credentials import Credentials, KeyHeaders
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
            headers={
                "User-Agent": f"gameball-client/{__version__}",
                "Accept": "application/json",
                # A compressed answer of a few kilobytes may stand for gigabytes.
                "Accept-Encoding": "identity",
            },
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
