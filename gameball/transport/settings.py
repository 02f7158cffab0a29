"""The settings of a connection, checked before any other object holds a key."""

import math
import os
import ssl
from ipaddress import ip_address
from typing import Any, Final, Self

import httpx
from attrs import field, frozen

from gameball.credentials import Credentials, KeyHeaders
from gameball.version import __version__

#: The URL of Gameball's API, for test and live accounts.
DEFAULT_BASE_URL: Final = "https://api.gameball.co"
#: In seconds. It is long because a batch of 1,000 objects may take long, and a timeout leaves its events
#: UNKNOWN.
DEFAULT_TIMEOUT: Final = 60.0
_CONNECT_TIMEOUT: Final = 10.0
_LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=5.0)


@frozen
class ConnectionSettings:
    """The settings of a connection.

    Attributes:
        credentials: The two keys.
        base_url: The URL of the API, checked.
        timeout: The timeout of each step of a request, in seconds.
        transport: An httpx transport to use instead of the network, or None.
        tls: The TLS context. It is shared, because creating one takes longer than a request.
        headers: Additional headers, by name.
        cookies: The cookies, by name.
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
        """Check the user's arguments and add the defaults.

        Args:
            credentials: The two keys.
            base_url: The URL of the API, or None for ``GAMEBALL_BASE_URL`` or else Gameball's own URL.
            timeout: The timeout in seconds, or an ``httpx.Timeout``.
            transport: An httpx transport to use instead of the network, or None.

        Raises:
            ValueError: The URL or the timeout is invalid.
        """
        address = os.environ.get("GAMEBALL_BASE_URL") or DEFAULT_BASE_URL if base_url is None else base_url
        url = check_base_url(address)
        return cls(
            credentials=credentials,
            base_url=url,
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


def check_base_url(address: str) -> httpx.URL:
    """Check that keys may be sent to an address, and return it as a URL.

    Args:
        address: ``https://host``, with a path if a gateway needs one. ``http://`` is accepted only for
            loopback addresses.

    Raises:
        ValueError: Keys must not be sent to this address, or it is not a URL.
    """
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise ValueError(f"base_url is not a URL: {error}") from None
    if url.userinfo or url.query or url.fragment:
        raise ValueError("base_url must be a plain https://host, without user, query or fragment")
    if not url.host or url.scheme not in {"https", "http"}:
        raise ValueError(f"base_url must begin with https:// and have a host, got {address!r}")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ValueError(f"base_url must use https: over http the keys would reach {url.host} in plain text")
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
        raise ValueError(f"timeout must be a positive, finite number of seconds, got {timeout}")
    return httpx.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT))
