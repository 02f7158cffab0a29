"""The two clients behind one interface, so that a test runs with both."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from attrs import evolve, frozen
from waiting import LONGEST

from gameball import AsyncGameball, BatchJob, DeliveryReport, Gameball

KEYS = ("key", "secret")


def hurry(client: Gameball | AsyncGameball) -> None:
    """Let a client pause for milliseconds where it would for seconds."""
    policy = evolve(client.events._policy, first_delay=0.001, longest_delay=0.004, rate_limit_pause=0.01)
    client.events._policy = policy


@frozen
class EitherClient:
    """Calls the sync client or the asynchronous one."""

    kind: str
    base_url: str

    def call(self, use: Callable[[Any], Any], **options: Any) -> Any:
        """Open a client, let it be used, and close it; an awaitable result is awaited."""
        settings: dict[str, Any] = {
            "base_url": self.base_url,
            "timeout": LONGEST,
            "rate_limits": None,
            "max_attempts": 1,
            **options,
        }
        if self.kind == "sync":
            with Gameball(*KEYS, **settings) as client:
                hurry(client)
                result = use(client)
                return list(result) if isinstance(result, Iterator) else result

        async def run() -> Any:
            async with AsyncGameball(*KEYS, **settings) as client:
                hurry(client)
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
