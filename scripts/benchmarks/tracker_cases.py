"""The cases of bench.py --tracker: each runs in a separate process.

python scripts/benchmarks/tracker_cases.py CLIENT MEASURE URL COUNT    prints its figures as JSON

CLIENT is gameball, posthog or segment. MEASURE is latency (calls at a fixed rate), throughput (all at once,
until the server has received everything), or hour (latency, but every time of the client is shorter, so that
the calls are an hour's worth of events).
"""

import json
import logging
import os
import resource
import sys
import time
from array import array
from collections.abc import Callable
from typing import Final

import posthog
from attrs import frozen
from segment.analytics.client import Client as Segment

from gameball import Gameball

_RATE: Final = 10_000
_NAME: Final = "song_liked"
_CAPACITY: Final = 10_000
_METADATA: Final = {"song_id": "231402", "tags": ["Pop", "Rock"], "length": 213}


@frozen
class Client:
    """A client that records events in the background.

    Attributes:
        track: Records an event of a customer, and returns whether it was recorded.
        finish: Waits until all events are sent.
        held: Returns how many events are in memory, or None if the client does not tell.
    """

    track: Callable[[str], bool]
    finish: Callable[[], object]
    held: Callable[[], int] | None = None


def gameball(url: str, capacity: int, faster: float) -> Client:
    """Return a tracker. It holds 10,000 events, and waits for room if all must be sent."""
    gb = Gameball("key", "secret", base_url=url, rate_limits=None, timeout=60.0 / faster)
    tracker = gb.events.tracker(
        when_full="drop" if capacity == _CAPACITY else "wait",
        linger=1.0 / faster,
        max_age=3_600.0 / faster,
    )

    def held() -> int:
        stats = tracker.stats
        return stats.queued + stats.in_flight

    return Client(
        lambda customer: tracker.track(customer, _NAME, _METADATA), lambda: tracker.flush(600.0), held
    )


def of_posthog(url: str, capacity: int, faster: float) -> Client:
    """Return PostHog's client. It cannot wait for room, so its queue must hold all events."""
    client = posthog.Posthog("key", host=url, max_queue_size=capacity, timeout=15 / faster)
    return Client(
        lambda customer: client.capture(_NAME, distinct_id=customer, properties=_METADATA) is not None,
        client.flush,
    )


def of_segment(url: str, capacity: int, faster: float) -> Client:
    """Return Segment's client. It cannot wait for room, so its queue must hold all events."""
    client = Segment("key", host=url, max_queue_size=capacity, timeout=15 / faster)
    return Client(lambda customer: client.track(customer, _NAME, _METADATA)[0], client.flush)


CLIENTS: Final = {"gameball": gameball, "posthog": of_posthog, "segment": of_segment}


def peak_memory() -> float:
    """Return the most memory that this process has used so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def latency(client: Client, count: int) -> dict[str, float]:
    """Call ``track`` at a fixed rate, and return the time of a call in microseconds."""
    times = array("d", bytes(8 * count))  # allocated now, so that it is no part of the growth
    refused = 0
    most = 0
    clock = time.perf_counter
    memory = peak_memory()
    begun = clock()
    for number in range(count):
        while clock() < begun + number / _RATE:
            time.sleep(0.0002)
        before = clock()
        refused += not client.track(f"customer-{number % 1_000}")
        times[number] = clock() - before
        if client.held is not None and number % 100 == 0:
            most = max(most, client.held())
    seconds = clock() - begun
    grown = peak_memory() - memory
    in_order = sorted(times)
    return {
        "median": in_order[count // 2] * 1e6,
        "p99": in_order[count * 99 // 100] * 1e6,
        "rate": count / seconds,
        "refused": refused,
        "held": most,
        "memory": grown,
    }


def throughput(client: Client, count: int) -> dict[str, float]:
    """Track all events as fast as possible, and return how many were sent per second."""
    begun = time.perf_counter()
    for number in range(count):
        client.track(f"customer-{number % 1_000}")
    client.finish()
    return {"rate": count / (time.perf_counter() - begun)}


def main(name: str, kind: str, url: str, count: int) -> None:
    """Run a case and print its figures."""
    logging.disable()
    faster = 3_600 * _RATE / count if kind == "hour" else 1.0
    client = CLIENTS[name](url, count + 1 if kind == "throughput" else _CAPACITY, faster)
    client.track("warm-up")
    figures = (throughput if kind == "throughput" else latency)(client, count)
    print(json.dumps(figures), flush=True)
    os._exit(0)  # at exit, the other clients would wait for the server


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
