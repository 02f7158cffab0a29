"""Which connections a client keeps open."""

import asyncio
from typing import Any

import pytest
from either_client import KEYS
from sending import events

from gameball import AsyncGameball, Event, Gameball
from gameball.sandbox import Sandbox


def test_an_asynchronous_client_refuses_a_second_event_loop(box: Sandbox) -> None:
    client = AsyncGameball(*KEYS, base_url=box.url)

    async def send() -> int:
        return (await client.events.send([Event("a", "x")])).accepted

    async def follow() -> None:
        await client.jobs.get(1001)

    with asyncio.Runner() as runner:
        assert runner.run(send()) == 1
        with asyncio.Runner() as other, pytest.raises(RuntimeError, match="another event loop"):
            other.run(send())
        with asyncio.Runner() as other, pytest.raises(RuntimeError, match="another event loop"):
            other.run(follow())
        runner.run(client.close())
    assert sum(box.events.values()) == 1


class Opened(dict[Any, Any]):
    """Counts the connections that were opened, including those closed since."""

    count = 0

    def __setitem__(self, key: Any, value: Any) -> None:
        self.count += 1
        super().__setitem__(key, value)


def test_connections_are_kept_from_one_send_to_the_next() -> None:
    with Sandbox() as box, Gameball(*KEYS, base_url=box.url, rate_limits=None) as client:
        opened = Opened()
        box.app.transports = opened
        for _ in range(5):
            client.events.send(events(4), max_objects=1, concurrency=2)
        assert 1 <= opened.count <= 2
