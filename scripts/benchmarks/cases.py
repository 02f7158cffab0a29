"""The cases of the benchmark: each sends the same events, and runs in a separate process.

python scripts/benchmarks/cases.py CASE URL EVENTS    prints time, memory and requests as JSON
"""

import asyncio
import itertools
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import httpx
import requests
from gameball_api import AuthenticatedClient
from gameball_api.api.batches import send_events_batch
from gameball_api.models import CustomerEvents as RawCustomerEvents
from gameball_api.models import EventsBatch, NamedEvents

from gameball import AsyncGameball, CustomerEvents, Event, Gameball, chunk_events

_PATH: Final = "/api/v4.0/integrations/batch/events"
_HEADERS: Final = {"apikey": "key", "secretkey": "secret"}
_OBJECTS: Final = 1000
# Few enough to stay in the processor's cache, like events that are sent right after they are made.
_DIFFERENT: Final = 1_000
_NAME: Final = "song_liked"

Row = tuple[str, dict[str, object]]


def rows() -> list[Row]:
    """Return the customer and the metadata of each event."""
    return [
        (f"customer-{n}", {"song_id": str(231402 + n), "tags": ["Pop", "Rock"], "length": 213})
        for n in range(_DIFFERENT)
    ]


def repeat(ready: list[Any], count: int) -> Iterator[Any]:
    """Return a number of items, and start again at the first one after the last one."""
    return itertools.islice(itertools.cycle(ready), count)


def batches(count: int) -> Iterator[list[Row]]:
    """Return the rows of each request, for the cases that make requests themselves."""
    return (list(batch) for batch in _in_batches(repeat(rows(), count)))


def _in_batches(source: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(itertools.islice(source, _OBJECTS)):
        yield batch


def as_json(batch: Iterable[Row]) -> dict[str, object]:
    """Return the body of a request as a plain dictionary."""
    return {"body": [{"customerId": customer, "events": {_NAME: metadata}} for customer, metadata in batch]}


def as_models(batch: Iterable[Row]) -> EventsBatch:
    """Return the body of a request in the generated models."""
    return EventsBatch(
        body=[
            RawCustomerEvents(customer_id=customer, events=NamedEvents.from_dict({_NAME: metadata}))
            for customer, metadata in batch
        ]
    )


def send_floor(url: str, count: int) -> Callable[[], int]:
    """Send prepared bytes with httpx: the fastest that is possible."""
    ready = [chunk.content for chunk in chunk_events([Event(c, _NAME, m) for c, m in rows()])]
    headers = {**_HEADERS, "content-type": "application/json"}

    def run() -> int:
        with httpx.Client(timeout=60, headers=headers) as client:
            for content in repeat(ready, count // _OBJECTS):
                client.post(url + _PATH, content=content).json()
        return count // _OBJECTS

    return run


def send_httpx(url: str, count: int) -> Callable[[], int]:
    """Send with a plain loop over httpx, without any checks."""
    prepared = batches(count)

    def run() -> int:
        with httpx.Client(timeout=60, headers=_HEADERS) as client:
            return sum(bool(client.post(url + _PATH, json=as_json(batch)).json()) for batch in prepared)

    return run


def send_requests(url: str, count: int) -> Callable[[], int]:
    """Send with a plain loop over the requests library."""
    prepared = batches(count)

    def run() -> int:
        with requests.Session() as session:
            session.headers.update(_HEADERS)
            return sum(
                bool(session.post(url + _PATH, json=as_json(batch), timeout=60).json()) for batch in prepared
            )

    return run


def send_raw(url: str, count: int) -> Callable[[], int]:
    """Send with the generated client and its own models."""
    prepared = batches(count)
    client = AuthenticatedClient(base_url=url, token="key", timeout=httpx.Timeout(60))  # noqa: S106 - no secret

    def run() -> int:
        return sum(bool(send_events_batch.sync(client=client, body=as_models(batch))) for batch in prepared)

    return run


def _forms(form: str) -> list[Any]:
    if form == "events":
        return [Event(customer, _NAME, metadata) for customer, metadata in rows()]
    if form == "tuples":
        return [(customer, _NAME, metadata) for customer, metadata in rows()]
    return [CustomerEvents(customer, {_NAME: metadata}) for customer, metadata in rows()]


def send_sync(url: str, count: int, form: str, concurrency: int) -> Callable[[], int]:
    """Send with our client."""
    ready = _forms(form)

    def run() -> int:
        with Gameball("key", "secret", base_url=url, rate_limits=None) as client:
            stream = client.events.stream(repeat(ready, count), concurrency=concurrency)
            return sum(receipt.job_id is not None for receipt in stream)

    return run


def send_async(url: str, count: int, form: str, concurrency: int) -> Callable[[], int]:
    """Send with our asynchronous client."""
    ready = _forms(form)

    async def sending() -> int:
        async with AsyncGameball("key", "secret", base_url=url, rate_limits=None) as client:
            stream = client.events.stream(repeat(ready, count), concurrency=concurrency)
            return sum([receipt.job_id is not None async for receipt in stream])

    return lambda: asyncio.run(sending())


def send_all(url: str, count: int) -> Callable[[], int]:
    """Send with one call of ``events.send``, at its default concurrency, as the command does."""
    ready = _forms("events")

    def run() -> int:
        with Gameball("key", "secret", base_url=url, rate_limits=None) as client:
            return len(client.events.send(repeat(ready, count)).receipts)

    return run


def generated(count: int) -> Iterator[Event]:
    """Return events that are made one by one, as from a long file."""
    for n in range(count):
        yield Event(f"customer-{n}", _NAME, {"song_id": str(n), "tags": ["Pop", "Rock"], "length": 213})


def send_memory(url: str, count: int, kind: str) -> Callable[[], int]:
    """Send generated events with our client, at its default concurrency."""

    def sync() -> int:
        with Gameball("key", "secret", base_url=url, rate_limits=None) as client:
            return sum(receipt.job_id is not None for receipt in client.events.stream(generated(count)))

    async def asynchronous() -> int:
        async with AsyncGameball("key", "secret", base_url=url, rate_limits=None) as client:
            stream = client.events.stream(generated(count))
            return sum([receipt.job_id is not None async for receipt in stream])

    return sync if kind == "sync" else lambda: asyncio.run(asynchronous())


#: The number of customers in the comparison with ``ordered``: a new one for each event, or a hundred.
CUSTOMERS: Final = {"many": sys.maxsize, "few": 100}


def send_ordered(url: str, count: int, customers: int, *, ordered: bool) -> Callable[[], int]:
    """Send with our client and eight workers, with or without keeping each customer's order."""
    ready = [Event(f"customer-{n % customers}", _NAME, metadata) for n, (_, metadata) in enumerate(rows())]

    def source() -> Iterator[Event]:
        if customers < count:
            return repeat(ready, count)
        return (Event(f"customer-{n}", _NAME, ready[n % _DIFFERENT].metadata) for n in range(count))

    def run() -> int:
        with Gameball("key", "secret", base_url=url, rate_limits=None) as client:
            stream = client.events.stream(source(), concurrency=8, ordered=ordered)
            return sum(receipt.job_id is not None for receipt in stream)

    return run


Case = Callable[[str, int], Callable[[], int]]


def _ordered(customers: int, *, ordered: bool) -> Case:
    return lambda url, count: send_ordered(url, count, customers, ordered=ordered)


def _ours(send: Callable[[str, int, str, int], Callable[[], int]], form: str, concurrency: int) -> Case:
    return lambda url, count: send(url, count, form, concurrency)


CASES: Final[dict[str, Case]] = {
    "floor": send_floor,
    "httpx json=": send_httpx,
    "requests json=": send_requests,
    "raw client, its models": send_raw,
    **{
        f"{kind}, {form}, concurrency {concurrency}": _ours(send, form, concurrency)
        for kind, send in (("sync", send_sync), ("async", send_async))
        for form, concurrency in (("events", 1), ("events", 8), ("tuples", 1), ("customer events", 1))
    },
    **{
        f"{name} customers, ordered={ordered}": _ordered(customers, ordered=ordered)
        for name, customers in CUSTOMERS.items()
        for ordered in (False, True)
    },
    "memory, events.send": send_all,
    "memory, sync": lambda url, count: send_memory(url, count, "sync"),
    "memory, async": lambda url, count: send_memory(url, count, "async"),
}


def main(case: str, url: str, count: int) -> None:
    """Run a case, after a short run to warm up, and print its figures."""
    begin = CASES.get(case)
    if begin is None:
        # Imported only when needed: with --before, the other checkout may not have what these cases measure.
        from benchmarks.tables import CASES as TABLES  # noqa: PLC0415

        begin = TABLES[case]
    begin(url, min(count, 2 * _OBJECTS))()
    run = begin(url, count)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu, begun = time.process_time(), time.perf_counter()
    done = run()
    figures = {
        "seconds": time.perf_counter() - begun,
        "cpu": time.process_time() - cpu,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory,
        "requests": done,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
