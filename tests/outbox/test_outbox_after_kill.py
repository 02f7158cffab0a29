"""The web process and the deliverer are killed at random moments, while the server has faults."""

import os
import random
import time
from collections import Counter
from typing import Any

import orjson
import pytest
from outbox_processes import Processes
from repetitions import repetitions
from sqlalchemy import select, text

from gameball import Gameball, Outcome
from gameball.outbox import Outbox
from gameball.outbox.schema import CHUNKS
from gameball.outbox.waiting_rows import split_ids
from gameball.sandbox import Fault, Sandbox
from gameball.sandbox.faults import Ending
from gameball.sandbox.record import Received

ROUNDS = repetitions(3)
TIMES = {"duration": 1.5, "heartbeat": 0.2, "margin": 0.3, "standby": 0.05}
FAULTS = [
    Fault(status=503),
    Fault(status=400),
    Fault(status=500),
    Fault(status=500, accepts=True),
    Fault(ending=Ending.RESET),
    Fault(ending=Ending.RESET, accepts=True),
]


def faulty(seed: int) -> Any:
    chance = random.Random(seed)

    def plan(_: Received) -> Fault | None:
        return chance.choice(FAULTS) if chance.random() < 0.1 else None

    return plan


def in_flight(outbox: Outbox) -> set[int]:
    """Return the ids in flight, once what a killed process had begun has ended in the database, too."""
    before: set[int] | None = None
    while True:
        with outbox.engine.begin() as connection:
            chunks = connection.execute(select(CHUNKS.c.event_ids)).scalars().all()
        found = {number for ids in chunks for number in split_ids(ids)}
        if found == before:
            return found
        before = found
        time.sleep(0.02)


def number_of(events: str) -> int:
    ((_, metadata),) = orjson.loads(events).items()
    number: int = metadata["n"]
    return number


@pytest.mark.repeated
def test_every_committed_event_is_accounted_for_once(outbox: Outbox, processes: Processes) -> None:
    seed = int(os.environ.get("GAMEBALL_TEST_SEED", "7"))
    chance = random.Random(seed)
    lost: set[int] = set()
    with Sandbox(job_seconds=0.0, latency=(0.0, 0.1), plan=faulty(seed)) as box:

        def web(number: int) -> int:
            return processes.start("web", start=number * 1_000_000, pause=0.002)

        def deliver() -> int:
            return processes.start("deliver", url=box.url, times=TIMES)

        running = {"web": web(0), "deliver": deliver()}
        for number in range(1, ROUNDS + 1):
            # Long enough for a lease to be taken over, and for the deliverer to be at work.
            time.sleep(chance.uniform(0.05, 2.5))
            for role in chance.choice([["web"], ["deliver"], ["deliver"], ["web", "deliver"]]):
                processes.kill(running[role])
                if role == "web":
                    running[role] = web(number)
                else:
                    lost |= in_flight(outbox)
                    running[role] = deliver()
        for role, process in running.items():
            processes.kill(process)
            if role == "deliver":
                lost |= in_flight(outbox)
        with Gameball("key", "secret", base_url=box.url, rate_limits=None) as client:
            outbox.deliver(client, until_empty=True)
        arrived = Counter(orjson.loads(metadata)["n"] for _, _, metadata in box.events.elements())
    with outbox.engine.begin() as connection:
        committed = set(connection.execute(text("SELECT number FROM orders")).scalars())
    unknown = {row.id: row for row in outbox.failed(Outcome.UNKNOWN)}
    rejected = {number_of(row.events) for row in outbox.failed(Outcome.REJECTED)}
    accepted = committed - {number_of(row.events) for row in unknown.values()} - rejected
    status = outbox.status()
    assert committed
    assert (status.waiting, status.in_flight) == (0, 0)
    assert status.accepted + status.rejected + status.unknown == len(committed)
    assert status.accepted == len(accepted)
    assert set(arrived) <= committed
    assert max(arrived.values(), default=0) == 1
    assert accepted <= set(arrived)
    assert not rejected & set(arrived)
    killed = {number for number, row in unknown.items() if row.reason.startswith("in flight when")}
    assert killed == lost
