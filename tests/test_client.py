"""What a client rejects."""

from collections.abc import Callable
from typing import Any

import pytest
from either_client import EitherClient

from gameball import AsyncGameball, Event, Gameball
from gameball.sandbox import Sandbox


@pytest.mark.parametrize("client", [Gameball, AsyncGameball])
def test_rate_limits_of_the_wrong_type_are_refused(
    client: type[Gameball] | type[AsyncGameball],
) -> None:
    with pytest.raises(ValueError, match=r"must hold RateLimit\(requests, seconds\)"):
        client("key", "secret", rate_limits=[(30, 1.0)])  # type: ignore[list-item]


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
