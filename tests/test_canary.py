"""A canary key, searched for wherever a key could appear."""

import asyncio
import copy
import io
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from waiting import LONGEST

from gameball import (
    AsyncGameball,
    Credentials,
    DeliveryReport,
    Event,
    Gameball,
    GameballError,
    MissingCredentialsError,
)
from gameball.credentials import KeyHeaders
from gameball.sandbox import Ending, Fault, Sandbox

CANARY = "canary-3f9a61c0-api"
SECRET = "canary-77b1e2d4-secret"


def shows_a_key(text: str) -> bool:
    return "3f9a61c0" in text or "77b1e2d4" in text


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that any library logs, from DEBUG on."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def echo() -> Fault:
    body = f'{{"message": "{CANARY} is unknown", "type": "{SECRET}", "requestId": "{CANARY}"}}'
    return Fault(status=401, body=body.encode())


FAULTS: list[Callable[[], Fault]] = [
    echo,
    lambda: Fault(status=500),
    lambda: Fault(status=302, headers=(("location", f"/?apikey={CANARY}"),)),
    lambda: Fault(ending=Ending.RESET),
    lambda: Fault(ending=Ending.TRUNCATED, accepts=True),
    lambda: Fault(body=b"<html>", content_type="text/html"),
    lambda: Fault(body=b"{}"),
    lambda: Fault(delay=30.0),
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
                parts += [repr(value) for value in frame.f_locals.values()]
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
    if fault is not FAULTS[2]:  # a server's own headers are logged by httpcore as they came
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


@pytest.mark.parametrize(
    ("arguments", "options", "expected"),
    [
        ((CANARY,), {}, MissingCredentialsError),
        ((CANARY, SECRET + " with blank"), {}, MissingCredentialsError),
        ((CANARY + "ü", SECRET), {}, MissingCredentialsError),
        ((CANARY, SECRET), {"base_url": "http://example.com"}, ValueError),
        ((CANARY, SECRET), {"timeout": -1}, ValueError),
    ],
)
@pytest.mark.parametrize("kind", [Gameball, AsyncGameball])
def test_no_failing_constructor_shows_a_key(
    kind: type[Any], arguments: tuple[str, ...], options: dict[str, Any], expected: type[Exception]
) -> None:
    with pytest.raises(expected) as caught:
        kind(*arguments, **options)
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
