"""What the package says about a mistake: what is wrong, and what to write instead."""

import asyncio
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest
from either_client import KEYS, EitherClient
from gameball_api.api.batches import get_batch_job

from gameball import (
    AsyncGameball,
    ClientClosedError,
    CustomerEvents,
    Event,
    EventLoopError,
    Gameball,
    GameballError,
    InvalidEventError,
    Ledger,
    LedgerError,
    MissingCredentialsError,
    RateLimit,
)
from gameball.sandbox import Sandbox

EVENT = Event("a", "b")


def client(**arguments: Any) -> Callable[[], Any]:
    return lambda: Gameball(*KEYS, **arguments)


def asynchronous(**arguments: Any) -> Callable[[], Any]:
    return lambda: AsyncGameball(*KEYS, **arguments)


def limit(requests: Any, seconds: Any = 1.0) -> Callable[[], Any]:
    return lambda: RateLimit(requests, seconds)


CONSTRUCTION: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (client(timeout=None), ValueError, "httpx.Timeout(None) for none"),
    (client(timeout=(3, 5)), ValueError, "timeout=httpx.Timeout(60, connect=10) for different ones"),
    (client(timeout="5"), ValueError, "got '5'; write for example timeout=60"),
    (client(timeout=1e300), ValueError, "at most 86,400"),
    (client(timeout=httpx.Timeout(-1.0)), ValueError, "the connect timeout must be None or a number"),
    (lambda: Gameball(1, 2), MissingCredentialsError, "api_key must be a str, got int; pass the key as text"),  # type: ignore[arg-type]
    (lambda: Gameball(b"k", "s"), MissingCredentialsError, "decode it first: key.decode()"),  # type: ignore[arg-type]
    (
        client(transport=httpx.AsyncHTTPTransport()),
        ValueError,
        "must be an httpx.BaseTransport, got AsyncHTTPTransport; use AsyncGameball with it",
    ),
    (asynchronous(transport=httpx.HTTPTransport()), ValueError, "got HTTPTransport; use Gameball with it"),
    (
        client(transport=httpx.Client()),
        ValueError,
        "such as httpx.HTTPTransport(...), not a whole client",
    ),
    (asynchronous(transport=httpx.AsyncClient()), ValueError, "such as httpx.AsyncHTTPTransport(...)"),
    (
        client(transport=httpx.HTTPTransport),
        ValueError,
        "for example transport=httpx.HTTPTransport(...)",
    ),
    (
        client(base_url="https://api.gameball.co/api/v4.0/integrations"),
        ValueError,
        "write 'https://api.gameball.co', and choose the version with api_version",
    ),
    (client(base_url="https://gate.example/x/api/v4.1/"), ValueError, "write 'https://gate.example/x'"),
    (client(base_url="http://sandbox:8600"), ValueError, "pass allow_http=True or set GAMEBALL_ALLOW_HTTP=1"),
    (
        client(rate_limits=RateLimit(30, 1.0)),
        ValueError,
        "for example rate_limits=[RateLimit(30, 1.0)]",
    ),
    (client(rate_limits=30), ValueError, "or rate_limits=None for no limits"),
    (client(max_attempts="5"), ValueError, "max_attempts must be an integer of at least 1, got '5'"),
    (limit(30, float("inf")), ValueError, "and for no limits rate_limits=None"),
    (limit(30, float("nan")), ValueError, "write for example RateLimit(30, 1.0)"),
    (limit(30, Fraction(1, 2)), ValueError, "seconds must be an int or a float"),
    (limit(0.5), ValueError, "for one request in 2 seconds write RateLimit(1, 2)"),
    (limit(2**70), ValueError, "requests must be an integer from 1 to 1,000,000"),
    (limit("30"), ValueError, "requests must be an integer"),
    (lambda: Ledger(":memory:"), LedgerError, "pass a path such as 'events.ledger', or no ledger"),
]


@pytest.mark.parametrize(("make", "kind", "cure"), CONSTRUCTION, ids=[cure for _, _, cure in CONSTRUCTION])
def test_what_cannot_be_constructed_says_what_to_write(
    make: Callable[[], Any], kind: type[Exception], cure: str
) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert cure in str(caught.value)


async def async_source() -> AsyncIterator[Event]:
    yield EVENT


SENDING: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    ([EVENT], {"on_unknown": "retry"}, ValueError, "on_unknown must be 'report' or 'resend', got 'retry'"),
    ([EVENT], {"ledger": ":memory:"}, ValueError, "pass a path such as 'events.ledger', or no ledger"),
    ([EVENT], {"ledger": 5}, ValueError, "ledger must be a path, an open Ledger or None, got int"),
    ([EVENT], {"on_invalid": "skip"}, ValueError, "on_invalid must be a function or None, got str"),
    (EVENT, {}, TypeError, "got one Event; write send([event])"),
    (CustomerEvents("a", {"b": {}}), {}, TypeError, "got one CustomerEvents; write send([event])"),
    (("a", "b", {}), {}, TypeError, "write send([(customer_id, name, metadata)])"),
    (("a", "b"), {}, TypeError, "write send([(customer_id, name, metadata)])"),
    ("events.jsonl", {}, TypeError, "write send(gameball.sources.read_jsonl(path))"),
    (Path("events.jsonl"), {}, TypeError, "write send(gameball.sources.read_jsonl(path))"),
    ({"customer_id": "a"}, {}, TypeError, "got dict; write send([Event(customer_id, name, metadata)])"),
    (None, {}, TypeError, "got NoneType; write send([Event(customer_id, name, metadata)])"),
    ([("a", "b")], {}, InvalidEventError, "got a tuple of 2; without metadata write (customer_id, name, {})"),
    (
        [{"customer_id": "a"}],
        {},
        InvalidEventError,
        "must be an Event, CustomerEvents or (customer_id,",
    ),
]


@pytest.mark.parametrize(
    ("events", "options", "kind", "cure"),
    SENDING,
    ids=range(len(SENDING)),
)
@pytest.mark.parametrize("method", ["send", "stream"])
def test_what_cannot_be_sent_says_what_to_write(
    events: Any,
    options: dict[str, Any],
    kind: type[Exception],
    cure: str,
    method: str,
    either: EitherClient,
    box: Sandbox,
) -> None:
    with pytest.raises(kind) as caught:
        either.call(lambda gb: getattr(gb.events, method)(events, **options))
    assert cure in str(caught.value)
    assert box.received == []


def test_the_synchronous_client_names_the_one_that_takes_async_iterables(client: Gameball) -> None:
    with pytest.raises(TypeError, match="use AsyncGameball, which accepts one"):
        client.events.send(async_source())  # type: ignore[arg-type]


USES: dict[str, Callable[[Any], Any]] = {
    "send": lambda gb: gb.events.send([EVENT]),
    "stream": lambda gb: gb.events.stream([EVENT]),
    "get": lambda gb: gb.jobs.get(1),
    "stop": lambda gb: gb.jobs.stop(1),
    "wait": lambda gb: gb.jobs.wait(1),
    "wait_all": lambda gb: gb.jobs.wait_all([1]),
    "raw": lambda gb: (
        get_batch_job.sync(1, client=gb.raw)
        if isinstance(gb, Gameball)
        else get_batch_job.asyncio(1, client=gb.raw)
    ),
}


async def finish(result: Any) -> Any:
    return [item async for item in result] if hasattr(result, "__aiter__") else await result


async def enter(thing: Any) -> None:
    async with thing:
        pass


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_closed_client_says_the_same_everywhere(use: Callable[[Any], Any], box: Sandbox) -> None:
    closed = Gameball(*KEYS, base_url=box.url)
    closed.close()
    with pytest.raises(ClientClosedError, match=r"^the client is closed; create a new one$"):
        list(use(closed))

    async def twin() -> None:
        other = AsyncGameball(*KEYS, base_url=box.url)
        await other.close()
        await finish(use(other))

    with pytest.raises(ClientClosedError, match=r"^the client is closed; create a new one$"):
        asyncio.run(twin())
    assert box.received == []


def test_a_closed_client_cannot_be_entered_again() -> None:
    closed = Gameball(*KEYS)
    closed.close()
    for thing in (closed, closed.raw):
        with pytest.raises(ClientClosedError), thing:
            pass

    async def twin() -> None:
        other = AsyncGameball(*KEYS)
        await other.close()
        for part in (other, other.raw):
            with pytest.raises(ClientClosedError):
                await enter(part)

    asyncio.run(twin())


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_an_asynchronous_client_used_in_another_event_loop_says_what_to_do(
    use: Callable[[Any], Any], box: Sandbox
) -> None:
    async def first() -> None:
        await shared.events.send([EVENT])
        with pytest.raises(GameballError):
            await shared.jobs.get(404)

    shared = AsyncGameball(*KEYS, base_url=box.url)
    with asyncio.Runner() as runner:
        runner.run(first())
        for other in (lambda: finish(use(shared)), lambda: enter(shared), shared.close):
            with pytest.raises(EventLoopError, match="create one client per event loop"):
                asyncio.run(other())
        runner.run(shared.close())
    asyncio.run(shared.close())


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_under_trio_the_asynchronous_client_says_what_to_do(use: Callable[[Any], Any], box: Sandbox) -> None:
    trio = pytest.importorskip("trio")
    shared = AsyncGameball(*KEYS, base_url=box.url)
    for attempt in (lambda: finish(use(shared)), lambda: enter(shared), shared.close):
        with pytest.raises(EventLoopError, match=r"await trio\.to_thread\.run_sync"):
            trio.run(attempt)
    asyncio.run(shared.close())
    assert box.received == []


def test_the_cure_for_trio_works(box: Sandbox) -> None:
    trio = pytest.importorskip("trio")

    async def main() -> None:
        with Gameball(*KEYS, base_url=box.url) as gb:
            report = await trio.to_thread.run_sync(gb.events.send, [EVENT])
        assert report.accepted == 1

    trio.run(main)


def test_the_repr_of_a_report_says_what_its_str_says(client: Gameball) -> None:
    report = client.events.send([EVENT])
    assert str(report) == "1 accepted"
    assert repr(report) == "<DeliveryReport: 1 accepted>"


@pytest.mark.filterwarnings("default")
def test_a_stream_that_is_never_iterated_warns(client: Gameball) -> None:
    with pytest.warns(ResourceWarning, match=r"nothing was sent; write for receipt in gb\.events\.stream"):
        client.events.stream([EVENT])
    other = AsyncGameball(*KEYS)
    with pytest.warns(ResourceWarning, match=r"write async for receipt in gb\.events\.stream"):
        other.events.stream([EVENT])


def test_a_stream_that_is_iterated_or_closed_does_not_warn(either: EitherClient, client: Gameball) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(either.call(lambda gb: gb.events.stream([EVENT]))) == 1
        client.events.stream([EVENT]).close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("module", "extra"), [("cyclopts", "cli"), ("starlette", "sandbox"), ("uvicorn", "sandbox")]
)
def test_the_demo_without_its_extras_says_what_to_install(module: str, extra: str) -> None:
    program = f"""
import runpy, sys

class Hidden:
    def find_spec(name, path, target=None):
        if name.partition(".")[0] == {module!r}:
            raise ModuleNotFoundError(name, name={module!r})

sys.meta_path.insert(0, Hidden)
sys.argv = ["demo"]
runpy.run_module("gameball.demo", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert f"{module} is missing: pip install 'gameball-client[{extra}]'" in done.stderr
