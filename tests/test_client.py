"""How a client is made, and what it refuses."""

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from either_client import EitherClient

from gameball import (
    AsyncGameball,
    AuthenticationError,
    Credentials,
    DeliveryError,
    Event,
    Gameball,
    MissingCredentialsError,
)
from gameball.delivery.send_state import SendState
from gameball.sandbox import Fault, Sandbox

CLIENTS = pytest.mark.parametrize("kind", [Gameball, AsyncGameball])
Kind = type[Gameball] | type[AsyncGameball]


@CLIENTS
def test_keys_come_from_the_argument_and_then_from_the_environment(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingCredentialsError, match="pass api_key=... or set GAMEBALL_API_KEY"):
        kind()
    with pytest.raises(MissingCredentialsError, match="GAMEBALL_SECRET_KEY"):
        kind("only-one")
    monkeypatch.setenv("GAMEBALL_API_KEY", " from-environment\n")
    monkeypatch.setenv("GAMEBALL_SECRET_KEY", "its-secret")
    kind()
    assert Credentials.find() == Credentials("from-environment", "its-secret")
    assert Credentials.find("argument").api_key == "argument"


@pytest.mark.parametrize("key", ["with blank", "with\nnewline", "ключ", "", "\x00"])
def test_what_no_header_can_carry_is_refused_as_a_key(key: str) -> None:
    with pytest.raises(MissingCredentialsError, match="secret key"):
        Gameball("fine", key)


def test_the_address_comes_from_the_argument_then_the_environment_then_is_gameballs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert repr(Gameball("key", "secret")) == "Gameball(base_url='https://api.gameball.co')"
    monkeypatch.setenv("GAMEBALL_BASE_URL", "https://gateway.example/gameball")
    assert "https://gateway.example/gameball" in repr(AsyncGameball("key", "secret"))
    assert "127.0.0.1" in repr(Gameball("key", "secret", base_url="http://127.0.0.1:8600"))


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
def test_an_address_that_keys_must_not_go_to_is_refused(kind: Kind, address: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        kind("key", "secret", base_url=address)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost"])
def test_plain_http_is_taken_for_this_machine(host: str) -> None:
    Gameball("key", "secret", base_url=f"http://{host}:1")


@CLIENTS
@pytest.mark.parametrize("timeout", [0, -1, math.inf, math.nan])
def test_a_timeout_is_finite_and_positive(kind: Kind, timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout"):
        kind("key", "secret", timeout=timeout)


def test_the_timeout_is_finite_by_default_and_taken_as_given() -> None:
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


@pytest.mark.parametrize("keys", [("wrong", "secret"), ("key", "wrong")])
def test_wrong_keys_are_an_authentication_error(box: Sandbox, keys: tuple[str, str]) -> None:
    with Gameball(*keys, base_url=box.url) as client, pytest.raises(DeliveryError) as caught:
        client.events.send([Event("a", "b")])
    assert isinstance(caught.value.__cause__, AuthenticationError)


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


USES: list[Callable[[Any], Any]] = [
    lambda client: client.events.send([Event("a", "b")]),
    lambda client: client.events.stream([Event("a", "b")]),
    lambda client: client.jobs.get(1001),
    lambda client: client.jobs.wait(1001, timeout=0.1),
]


@pytest.mark.parametrize("use", USES)
def test_a_closed_client_is_refused(use: Callable[[Any], Any], either: EitherClient, box: Sandbox) -> None:
    async def close_then_use(client: Any) -> Any:
        await client.close()
        await client.close()
        result = use(client)
        return [item async for item in result] if hasattr(result, "__aiter__") else await result

    def close_and_use(client: Any) -> Any:
        client.close()
        client.close()
        return use(client)

    with pytest.raises(RuntimeError, match="closed"):
        either.call(close_and_use if either.kind == "sync" else close_then_use)
    assert box.received == []


def test_a_client_closed_just_before_a_send_begins_sends_nothing(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Gameball("key", "secret", base_url=box.url)
    begin = SendState.begin

    def close_first(*arguments: Any) -> SendState:
        client.close()
        return begin(*arguments)

    monkeypatch.setattr(SendState, "begin", close_first)
    with pytest.raises(RuntimeError, match="closed"):
        client.events.send([Event("a", "b")])
    assert box.received == []


def test_events_and_receipts_can_be_pickled_and_clients_cannot() -> None:
    event = Event("a", "b", {"n": 1})
    assert pickle.loads(pickle.dumps(event)) == event
    assert pickle.loads(pickle.dumps(Event("a", "b"))) == Event("a", "b")
    with pytest.raises(TypeError, match="credentials are not pickled"):
        pickle.dumps(Credentials("key", "secret"))
    with pytest.raises(TypeError):
        pickle.dumps(Gameball("key", "secret"))


def test_an_event_shows_no_payload_and_does_not_change() -> None:
    event = Event("a", "b", {"n": "payload"})
    assert repr(event) == "Event(customer_id='a', name='b', metadata=<1 entries>)"
    assert event == Event("a", "b", {"n": "payload"})
    with pytest.raises(AttributeError):
        event.name = "c"  # type: ignore[misc]
