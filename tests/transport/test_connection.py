"""The bytes that a connection sends, as a socket receives them, and where it sends them."""

import asyncio
import gc
import math
import socket
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from either_client import KEYS, EitherClient
from sending import events

from gameball import AsyncGameball, DeadlineError, Event, Gameball
from gameball.sandbox import Fault, Sandbox


@pytest.mark.parametrize("cookie", ["route=a; Path=/", "name=é", None])
def test_cookies_that_a_response_sets_are_not_kept(cookie: str | None) -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        headers = [(b"set-cookie", cookie.encode())] if cookie else []
        return httpx.Response(200, json={"jobId": 1}, headers=headers)

    transport = httpx.MockTransport(answer)
    with Gameball(*KEYS, base_url="http://127.0.0.1", transport=transport, rate_limits=None) as client:
        client.events.send(events(2), max_objects=1, concurrency=1)
    assert seen == [None, None]


def test_the_address_comes_from_the_argument_then_the_environment_then_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert repr(Gameball("key", "secret")) == "Gameball(base_url='https://api.gameball.co')"
    monkeypatch.setenv("GAMEBALL_BASE_URL", "https://gateway.example/gameball")
    assert "https://gateway.example/gameball" in repr(AsyncGameball("key", "secret"))
    assert "127.0.0.1" in repr(Gameball("key", "secret", base_url="http://127.0.0.1:8600"))


CLIENTS = pytest.mark.parametrize("kind", [Gameball, AsyncGameball])
Kind = type[Gameball] | type[AsyncGameball]


@CLIENTS
@pytest.mark.parametrize(
    "address",
    [
        "http://api.gameball.co",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "ftp://api.gameball.co",
        "api.gameball.co",
        "https://",
        "https://user:pass@api.gameball.co",
        "https://api.gameball.co?x=1",
        "https://api.gameball.co/#x",
        "https://api.gameball.co:port",
        "",
        " ",
    ],
)
def test_an_address_that_must_not_receive_keys_is_refused(kind: Kind, address: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        kind("key", "secret", base_url=address)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost"])
def test_plain_http_is_accepted_for_this_machine(host: str) -> None:
    assert (
        repr(Gameball("key", "secret", base_url=f"http://{host}:1"))
        == f"Gameball(base_url='http://{host}:1')"
    )


@CLIENTS
@pytest.mark.parametrize("timeout", [0, -1, math.inf, math.nan])
def test_a_timeout_that_is_not_finite_and_positive_is_refused(kind: Kind, timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        kind("key", "secret", timeout=timeout)


def test_the_timeout_is_finite_by_default_and_used_as_given() -> None:
    default = Gameball("key", "secret").raw.get_httpx_client().timeout
    assert None not in (default.connect, default.read, default.write, default.pool)
    given = httpx.Timeout(3, connect=1)
    assert Gameball("key", "secret", timeout=given).raw.get_httpx_client().timeout == given


def test_a_base_path_is_kept(box: Sandbox) -> None:
    with Gameball("key", "secret", base_url=f"{box.url}/gateway/") as client:
        client.events.send([Event("a", "b")], check=False)
    assert box.received[0].path == "/gateway/api/v4.0/integrations/batch/events"


def test_redirects_are_never_followed(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(status=307, headers=(("location", f"{box.url}/elsewhere"),)))
    assert either.send([Event("a", "b")], check=False).rejected == 1
    assert len(box.received) == 1


def test_a_transport_replaces_the_network() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["apikey"] == "key"
        return httpx.Response(200, json={"jobId": 9})

    with Gameball("key", "secret", transport=httpx.MockTransport(answer)) as client:
        assert client.events.send([Event("a", "b")]).job_ids == [9]
    asynchronous = EitherClient("async", "https://api.gameball.co")
    options = {"transport": httpx.MockTransport(answer)}
    assert asynchronous.send([Event("a", "b")], options=options).job_ids == [9]


def test_a_proxy_from_the_environment_is_not_given_the_keys_in_plain_text(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        with Gameball("key", "secret", base_url=box.url) as client:
            client.events.send([Event("a", "b")])
        assert proxy.received == []
    assert len(box.received) == 1


def test_a_netrc_file_does_not_replace_the_keys(
    either: EitherClient, box: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else")
    monkeypatch.setenv("NETRC", str(netrc))
    either.send([Event("a", "b")])
    assert "authorization" not in box.received[0].headers


ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"jobId":7}'


class Listener:
    """Accepts one request on a real socket, and keeps its bytes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.request = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            while b"\r\n\r\n" not in self.request:
                self.request += connection.recv(65536)
            head, _, body = self.request.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            while len(body) < length:
                more = connection.recv(65536)
                self.request += more
                body += more
            connection.sendall(ANSWER)

    def close(self) -> None:
        self._thread.join(5)
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def send_to(listener: Listener, kind: str) -> tuple[str, dict[str, str], bytes]:
    report = EitherClient(kind, listener.url).send(
        [Event("cust-1", "song_liked", {"title": "Grüße", "n": 1.5})]
    )
    assert report.job_ids == [7]
    head, _, body = listener.request.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert len(headers) == len(lines)
    return first, {name.lower(): value for name, value in headers.items()}, body


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_request_is_what_gameball_documents(listener: Listener, kind: str) -> None:
    first, headers, body = send_to(listener, kind)
    assert first == "POST /api/v4.0/integrations/batch/events HTTP/1.1"
    assert headers["apikey"] == "key"
    assert headers["secretkey"] == "secret"
    assert headers["content-type"] == "application/json"
    assert headers["accept"] == "application/json"
    assert headers["user-agent"].startswith("gameball-client/")
    assert headers["content-length"] == str(len(body))
    assert "authorization" not in headers
    expected = '{"body":[{"customerId":"cust-1","events":{"song_liked":{"title":"Grüße","n":1.5}}}]}'
    assert body == expected.encode()


def test_sync_and_async_send_the_same_bytes() -> None:
    requests = []
    for kind in ("sync", "async"):
        listener = Listener()
        first, headers, body = send_to(listener, kind)
        listener.close()
        del headers["host"]  # another port
        requests.append((first, headers, body))
    assert requests[0] == requests[1]


@pytest.mark.usefixtures("tls")
def test_a_cancelled_tls_handshake_leaves_no_socket_open() -> None:
    async def run(url: str) -> None:
        async with AsyncGameball("key", "secret", base_url=url) as client:
            with pytest.raises(DeadlineError):
                await client.jobs.get(1, deadline=0.1)

    with socket.create_server(("127.0.0.1", 0)) as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(run(f"https://127.0.0.1:{server.getsockname()[1]}"))
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
