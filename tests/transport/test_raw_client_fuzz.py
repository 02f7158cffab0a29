"""The raw client under random faults at the level of bytes: it never says what is not true."""

import random
import ssl

import pytest
from byte_faults import BATCH, RESET_BEFORE_HANDSHAKE, SEEDS, TIMEOUT, try_seeds
from either_client import EitherClient
from event_server import EVENTS, LARGE, EventServer
from gameball_api.api.batches import send_events_batch
from gameball_api.models import BatchStarted, CustomerEvents, EventsBatch, NamedEvents

from gameball import APIError, AsyncGameball, ConnectionFailedError, Gameball, GameballError, ServerError

Batches = list[EventsBatch]
#: What each call returned, or the error that it raised.
Said = list[object]


def call(client: Gameball, batches: Batches) -> Said:
    said: Said = []
    for batch in batches:
        try:
            said.append(send_events_batch.sync(client=client.raw, body=batch))
        except GameballError as error:
            said.append(error)
    return said


async def call_async(client: AsyncGameball, batches: Batches) -> Said:
    said: Said = []
    for batch in batches:
        try:
            said.append(await send_events_batch.asyncio(client=client.raw, body=batch))
        except GameballError as error:
            said.append(error)
    return said


def times_allowed(said: object) -> set[int]:
    """Return how often an event may have been taken, by what its call said."""
    if isinstance(said, BatchStarted):
        return {1}
    assert isinstance(said, GameballError), said
    refused = isinstance(said, APIError) and not isinstance(said, ServerError)
    return {0} if refused or isinstance(said, ConnectionFailedError) else {0, 1}


def run(seed: int, tls: ssl.SSLContext) -> None:
    """Send some events, and compare what each call said with the server's record."""
    chance = random.Random(seed)
    server = EventServer(random.Random(seed))
    batches = []
    for number in range(EVENTS):
        metadata = {"text": LARGE if chance.random() < 0.1 else "x"}
        events = NamedEvents.from_dict({"song_liked": metadata})
        batches.append(EventsBatch([CustomerEvents(f"cust-{number}", events)]))
    kind = chance.choice(["sync", "async"])
    use = call if kind == "sync" else call_async
    with server.serve(tls if chance.random() < 0.3 else None) as raw:
        said: Said = EitherClient(kind, raw.url).call(lambda client: use(client, batches), timeout=TIMEOUT)
    assert len(said) == EVENTS
    for number, result in enumerate(said):
        assert server.taken[f"cust-{number}"] in times_allowed(result), (number, result, server.faults)
        if isinstance(result, BatchStarted):
            assert result.job_id == server.promised[f"cust-{number}"], (number, server.faults)


@pytest.mark.filterwarnings(RESET_BEFORE_HANDSHAKE)
@pytest.mark.repeated
@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_the_raw_client_never_says_what_is_not_true_whatever_the_server_does(
    first: int, tls: ssl.SSLContext
) -> None:
    assert try_seeds(first, lambda seed: run(seed, tls)) == []
