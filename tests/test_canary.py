"""A canary key, searched for wherever a key could appear."""

import asyncio
import copy
import io
import math
import pickle
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from rich.pretty import pretty_repr
from waiting import LONGEST

from gameball import (
    AsyncGameball,
    Credentials,
    DeliveryReport,
    Event,
    Gameball,
    GameballError,
    MissingCredentialsError,
    RateLimit,
)
from gameball.credentials import KeyHeaders
from gameball.sandbox import Ending, Fault, Sandbox

CANARY = "canary-3f9a61c0-api"
SECRET = "canary-77b1e2d4-secret"


def shows_a_key(text: str) -> bool:
    return "3f9a61c0" in text or "77b1e2d4" in text


def echo() -> Fault:
    body = f'{{"message": "{CANARY} is unknown", "type": "{SECRET}", "requestId": "{CANARY}"}}'
    return Fault(status=401, body=body.encode())


# Of these, httpcore logs the headers as they came.
ECHOED_HEADERS: list[Callable[[], Fault]] = [
    lambda: Fault(status=302, headers=(("location", f"/?apikey={CANARY}"),)),
    lambda: Fault(status=500, body=b"?", content_type=CANARY),
]
FAULTS: list[Callable[[], Fault]] = [
    echo,
    lambda: Fault(status=500),
    lambda: Fault(ending=Ending.RESET),
    lambda: Fault(ending=Ending.TRUNCATED, accepts=True),
    lambda: Fault(body=b"<html>", content_type="text/html"),
    lambda: Fault(body=b"{}"),
    lambda: Fault(delay=30.0),
    *ECHOED_HEADERS,
]


def describe(error: BaseException) -> str:
    """Format an exception in every way, with the locals of all frames that are reachable from it."""
    stack = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), capture_locals=True)
    # As an error reporter that follows __context__ even where it is suppressed.
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    parts = [repr(frame.locals) for frame in stack if frame.filename != __file__]
    parts += traceback.format_exception(error)
    for link in chain:
        parts += [repr(link), str(link), repr(link.__dict__)]
        for frame, _ in traceback.walk_tb(link.__traceback__):
            # The frames of a test may hold the key that the test made up.
            if frame.f_code.co_filename != __file__:
                for value in frame.f_locals.values():
                    # An object that was being constructed may have no repr yet.
                    with suppress(AttributeError):
                        # pretty_repr also shows the attributes that a plain repr leaves out.
                        parts += [repr(value), pretty_repr(value)]
    return "\n".join(parts)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_failure_shows_a_key(
    box: Sandbox, log: io.StringIO, fault: Callable[[], Fault], kind: str
) -> None:
    made = fault()
    box.fail_next(made)
    # Only the test without a response uses a short timeout.
    timeout = httpx.Timeout(LONGEST, read=0.4 if made.delay else LONGEST)
    options: dict[str, Any] = {"base_url": box.url, "timeout": timeout}

    def send() -> DeliveryReport:
        with Gameball(CANARY, SECRET, **options) as client:
            return client.events.send([Event("a", "b", {"n": 1})])

    async def send_async() -> DeliveryReport:
        async with AsyncGameball(CANARY, SECRET, **options) as client:
            return await client.events.send([Event("a", "b", {"n": 1})])

    with pytest.raises(GameballError) as caught:
        if kind == "sync":
            send()
        else:
            asyncio.run(send_async())
    assert not shows_a_key(describe(caught.value))
    assert not shows_a_key(pickle.dumps(caught.value).decode("latin-1"))
    if fault not in ECHOED_HEADERS:
        assert not shows_a_key(log.getvalue())


def test_the_canary_is_really_sent_and_a_leak_would_be_found(log: io.StringIO) -> None:
    with (
        Sandbox(api_key=CANARY, secret_key=SECRET) as strict,
        Gameball(CANARY, SECRET, base_url=strict.url) as client,
    ):
        client.events.send([Event("a", "b")])
    assert "HTTP Request: POST" in log.getvalue()
    assert "send ended after" in log.getvalue()
    assert not shows_a_key(log.getvalue())
    with pytest.raises(GameballError) as caught:
        _leak(CANARY)
    assert shows_a_key(describe(caught.value))


def _leak(key: str) -> None:
    raise GameballError(key)


def test_a_closed_port_shows_no_key(log: io.StringIO) -> None:
    with (
        Gameball(CANARY, SECRET, base_url="http://127.0.0.1:1", max_attempts=1) as client,
        pytest.raises(GameballError) as caught,
    ):
        client.events.send([Event("a", "b")])
    assert not shows_a_key(describe(caught.value))
    assert not shows_a_key(log.getvalue())


def refused(kind: type[Any], *keys: Any, **options: Any) -> Exception:
    with pytest.raises((ValueError, MissingCredentialsError)) as caught:
        kind(*keys, **options)
    return caught.value


CLIENTS = pytest.mark.parametrize("kind", [Gameball, AsyncGameball])


@CLIENTS
@pytest.mark.parametrize(
    "keys",
    [
        (CANARY,),
        (CANARY, ""),
        (CANARY, SECRET + " with blank"),
        (CANARY + "ü", SECRET),
        (CANARY + "\n1", SECRET),
        (CANARY.encode(), SECRET),
        (CANARY, SECRET.encode()),
        (bytearray(CANARY.encode()), SECRET),
        ([CANARY], SECRET),
        ({"api": CANARY}, {"secret": SECRET}),
        (CANARY, 1),
        (Credentials(CANARY, SECRET), None),
    ],
)
def test_no_constructor_with_an_invalid_key_shows_a_key(kind: type[Any], keys: tuple[Any, ...]) -> None:
    assert not shows_a_key(describe(refused(kind, *keys)))


A_TIMEOUT: Any = httpx.Timeout
INVALID: dict[str, list[Any]] = {
    "base_url": [
        *(
            "",
            "http://example.com",
            "https://",
            "ftp://h",
            "no url",
            "\0",
            "https://u:p@h",
            "https://h:99999",
        ),
        *("https://h/?q", 5, b"https://h", [], "https://api.gameball.co/api/v4.0/integrations"),
    ],
    "api_version": ["4.1", "", 4.1, b"v4.1", ["v4.1"]],
    "allow_http": [1, "yes", [], 0.0],
    "timeout": [
        *(-1, 0, None, "5", (3, 5), True, math.inf, math.nan, 2**70, 10**400, A_TIMEOUT(-1), A_TIMEOUT("5")),
        # Sockets fail with these, in frames of httpx that hold the headers.
        *(1e300, A_TIMEOUT(1e300), A_TIMEOUT(5, connect=1e300), A_TIMEOUT(math.nan), A_TIMEOUT(True)),  # noqa: FBT003
    ],
    "rate_limits": [5, "30/1", [(30, 1.0)], RateLimit(1, 1), b"x", [None], Gameball],
    "max_attempts": [0, -1, 1.5, "5", None, True, math.nan, []],
    "rate_limit_timeout": [-1, math.nan, math.inf, "5", None, True, []],
    "transport": [5, "x", httpx.HTTPTransport, httpx.AsyncHTTPTransport, object()],
}


@CLIENTS
@pytest.mark.parametrize("where", ["arguments", "environment"])
@pytest.mark.parametrize(
    ("argument", "value"), [(argument, value) for argument, values in INVALID.items() for value in values]
)
def test_no_constructor_with_another_invalid_argument_shows_a_key(
    kind: type[Any], argument: str, value: Any, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = (CANARY, SECRET) if where == "arguments" else ()
    monkeypatch.setenv("GAMEBALL_API_KEY", CANARY)
    monkeypatch.setenv("GAMEBALL_SECRET_KEY", SECRET)
    error = refused(kind, *keys, **{argument: value})
    assert argument in str(error)
    assert not shows_a_key(describe(error))


@CLIENTS
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GAMEBALL_BASE_URL", "http://example.com"),
        ("GAMEBALL_API_VERSION", "4.1"),
        ("GAMEBALL_ALLOW_HTTP", "perhaps"),
        ("GAMEBALL_API_KEY", f"{CANARY} with blank"),
        pytest.param(
            "SSL_CERT_FILE",
            "/nowhere/certificates.pem",
            marks=pytest.mark.skipif(httpx.__version__ < "0.28", reason="httpx ignores a missing file"),
        ),
    ],
)
def test_no_constructor_with_an_invalid_environment_shows_a_key(
    kind: type[Any], variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAMEBALL_API_KEY", CANARY)
    monkeypatch.setenv("GAMEBALL_SECRET_KEY", SECRET)
    monkeypatch.setenv(variable, value)
    with pytest.raises((ValueError, MissingCredentialsError, OSError)) as caught:
        kind()
    assert not shows_a_key(describe(caught.value))


def test_credentials_that_are_not_found_show_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAMEBALL_API_KEY", CANARY)
    for secret in (None, SECRET.encode(), [SECRET]):
        with pytest.raises(MissingCredentialsError) as caught:
            Credentials.find(secret_key=secret)  # type: ignore[arg-type]
        assert not shows_a_key(describe(caught.value))


def test_no_repr_shows_a_key_and_nothing_with_a_key_can_be_pickled(box: Sandbox) -> None:
    client = Gameball(CANARY, SECRET, base_url=box.url)
    objects = [
        Credentials(CANARY, SECRET),
        client,
        client.raw,
        client.events,
        client.jobs,
        client.raw.get_httpx_client(),
        client._connection.settings,
        KeyHeaders(Credentials(CANARY, SECRET)),
        AsyncGameball(CANARY, SECRET),
    ]
    for thing in objects:
        assert not shows_a_key(repr(thing) + str(thing) + f"{thing}")
        with pytest.raises((TypeError, AttributeError)):
            pickle.dumps(thing)
    with pytest.raises(TypeError, match="credentials cannot be pickled"):
        copy.deepcopy(objects[0])


def test_the_record_of_the_sandbox_holds_no_key() -> None:
    with (
        Sandbox(api_key=CANARY, secret_key=SECRET) as box,
        Gameball(CANARY, SECRET, base_url=box.url) as client,
    ):
        client.events.send([Event("a", "b")])
        assert not shows_a_key(repr(box.received))
