"""The cases of bench.py --tracker: each runs in a separate process.

python scripts/benchmarks/tracker_cases.py CLIENT MEASURE URL COUNT    prints its figures as JSON

CLIENT is gameball, posthog or segment. MEASURE is latency (calls at a fixed rate) or throughput (all at once,
until the server has received everything).
"""

import json
import logging
import os
import resource
import sys
import time
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
    """

    track: Callable[[str], bool]
    finish: Callable[[], object]


def gameball(url: str, capacity: int) -> Client:
    """Return a tracker. It holds 10,000 events, and waits for room if all must be sent."""
    gb = Gameball("key", "secret", base_url=url, rate_limits=None)
    tracker = gb.events.tracker(when_full="drop" if capacity == _CAPACITY else "wait")
    return Client(lambda customer: tracker.track(customer, _NAME, _METADATA), lambda: tracker.flush(600.0))


def of_posthog(url: str, capacity: int) -> Client:
    """Return PostHog's client. It cannot wait for room, so its queue must hold all events."""
    client = posthog.Posthog("key", host=url, max_queue_size=capacity)
    return Client(
        lambda customer: client.capture(_NAME, distinct_id=customer, properties=_METADATA) is not None,
        client.flush,
    )


def of_segment(url: str, capacity: int) -> Client:
    """Return Segment's client. It cannot wait for room, so its queue must hold all events."""
    client = Segment("key", host=url, max_queue_size=capacity)
    return Client(lambda customer: client.track(customer, _NAME, _METADATA)[0], client.flush)


CLIENTS: Final = {"gameball": gameball, "posthog": of_posthog, "segment": of_segment}


def latency(client: Client, count: int) -> dict[str, float]:
    """Call ``track`` at a fixed rate, and return the time of a call in microseconds."""
    times: list[float] = []
    refused = 0
    clock = time.perf_counter
    begun = clock()
    for number in range(count):
        while clock() < begun + number / _RATE:
            time.sleep(0.0002)
        before = clock()
        refused += not client.track(f"customer-{number % 1_000}")
        times.append(clock() - before)
    seconds = clock() - begun
    times.sort()
    return {
        "median": times[count // 2] * 1e6,
        "p99": times[count * 99 // 100] * 1e6,
        "rate": count / seconds,
        "refused": refused,
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
    client = CLIENTS[name](url, _CAPACITY if kind == "latency" else count + 1)
    client.track("warm-up")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = (latency if kind == "latency" else throughput)(client, count)
    figures["memory"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    print(json.dumps(figures), flush=True)
    os._exit(0)  # at exit, the other clients would wait for the server


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
