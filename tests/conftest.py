"""What the tests share: a running sandbox, and the two clients behind one face."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from attrs import frozen
from gameball import AsyncGameball, BatchJob, DeliveryReport, Gameball
from gameball.sandbox import Sandbox

KEYS = ("key", "secret")


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox(job_seconds=0.0) as box:
        yield box


@pytest.fixture
def box(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.forget()
    return running_sandbox


@pytest.fixture
def client(box: Sandbox) -> Iterator[Gameball]:
    with Gameball(*KEYS, base_url=box.url, timeout=5) as client:
        yield client


@pytest.fixture(autouse=True)
def _no_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GAMEBALL_API_KEY", "GAMEBALL_SECRET_KEY", "GAMEBALL_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@frozen
class EitherClient:
    """Calls the sync client or the asynchronous one, so that a test holds for both."""

    kind: str
    base_url: str

    def call(self, use: Callable[[Any], Any], **options: Any) -> Any:
        """Open a client, let it be used, and close it; an awaitable result is awaited."""
        settings: dict[str, Any] = {"base_url": self.base_url, "timeout": 5, **options}
        if self.kind == "sync":
            with Gameball(*KEYS, **settings) as client:
                return use(client)

        async def run() -> Any:
            async with AsyncGameball(*KEYS, **settings) as client:
                result = use(client)
                if hasattr(result, "__aiter__"):
                    return [item async for item in result]
                return await result if isinstance(result, Awaitable) else result

        return asyncio.run(run())

    def send(self, events: Any, *, options: dict[str, Any] | None = None, **arguments: Any) -> DeliveryReport:
        report: DeliveryReport = self.call(lambda gb: gb.events.send(events, **arguments), **(options or {}))
        return report

    def wait_all(self, job_ids: list[int], timeout: float) -> list[BatchJob]:
        return list(self.call(lambda gb: gb.jobs.wait_all(job_ids, timeout=timeout)))


@pytest.fixture(params=["sync", "async"])
def either(request: pytest.FixtureRequest, box: Sandbox) -> EitherClient:
    return EitherClient(request.param, box.url)
