"""The clients of jobs under random faults at the level of bytes: no status that the server did not send."""

import json
import random
import socket
import time
from collections import defaultdict
from typing import Any, Final

import pytest
from attrs import define, field
from byte_faults import BATCH, SEEDS, TIMEOUT, Exchange, FaultyServer, try_seeds
from either_client import EitherClient
from raw_server import RawServer
from waiting import LONGEST

from gameball import AsyncGameball, BatchJob, Gameball, GameballError, JobTimeoutError
from gameball.jobs import polling

IDS: Final = (1, 2, 3)
DEADLINE: Final = 0.3
#: The names of the states in the published form, which has none for a job that was stopped.
PUBLISHED: Final = {"queued": "pending", "running": "processing", "stopped": "failed"}


def response(status: int, document: object) -> bytes:
    body = json.dumps(document).encode()
    return b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
        status,
        len(body),
        body,
    )


@define
class JobServer(FaultyServer):
    """Has some jobs, each of which ends when it was read some times.

    Attributes:
        forms: The forms of the operations that it supports.
        drips: Whether some of its responses come too slowly for any deadline.
        left: The states that are ahead of each job, the present one first.
        sent: The states of each job that were sent.
    """

    forms: tuple[str, ...] = ("batch", "batches")
    drips: bool = False
    left: dict[int, list[str]] = field(factory=dict)
    sent: dict[int, set[str]] = field(factory=lambda: defaultdict(set))

    def handle(self, connection: socket.socket, head: bytes) -> bool:
        method, path, _ = head.decode().split(" ", 2)
        *_, form, number = path.removesuffix("/status").removesuffix("/stop").split("/")
        job_id = int(number)
        stops = method == "DELETE" or path.endswith("/stop")
        fault, chance = self.choose()
        if form not in self.forms:
            return fault(Exchange(connection, chance, response(404, {}), lambda: None))
        with self.lock:
            state = self.left[job_id][0]
        if self.drips and chance.random() < 0.1:
            fault = drip
        if stops:
            return fault(Exchange(connection, chance, response(200, {}), lambda: self.stop(job_id)))
        if form == "batch":
            document: dict[str, Any] = {"jobId": job_id, "status": state, "totalCount": 100 + job_id}
        else:
            state = PUBLISHED.get(state, state)
            document = {"batchId": job_id, "status": state, "totalItems": 100 + job_id}
        return fault(Exchange(connection, chance, response(200, document), lambda: self.read(job_id, state)))

    def stop(self, job_id: int) -> None:
        with self.lock:
            if len(self.left[job_id]) > 1:
                self.left[job_id] = ["stopped"]

    def read(self, job_id: int, state: str) -> None:
        with self.lock:
            self.sent[job_id].add({"pending": "queued", "processing": "running"}.get(state, state))
            if len(self.left[job_id]) > 1:
                self.left[job_id].pop(0)


def drip(exchange: Exchange) -> bool:
    """Send a byte from time to time, so that no single step takes too long."""
    exchange.take()
    for byte in exchange.response:
        exchange.connection.sendall(bytes([byte]))
        time.sleep(TIMEOUT / 3)
    return True


def ask(client: Gameball, operation: str, deadline: float | None) -> list[Any]:
    said: list[Any] = []
    try:
        if operation == "wait_all":
            for job in client.jobs.wait_all(IDS, timeout=1.0, deadline=deadline):
                said.append(job)  # noqa: PERF402 - an error keeps what came before
        elif operation == "wait":
            said.append(client.jobs.wait(IDS[0], timeout=1.0, deadline=deadline))
        else:
            said.append(getattr(client.jobs, operation)(IDS[0], deadline=deadline))
    except GameballError as error:
        said.append(error)
    return said


async def ask_async(client: AsyncGameball, operation: str, deadline: float | None) -> list[Any]:
    said: list[Any] = []
    try:
        if operation == "wait_all":
            async for job in client.jobs.wait_all(IDS, timeout=1.0, deadline=deadline):
                said.append(job)  # noqa: PERF401 - an error keeps what came before
        elif operation == "wait":
            said.append(await client.jobs.wait(IDS[0], timeout=1.0, deadline=deadline))
        else:
            said.append(await getattr(client.jobs, operation)(IDS[0], deadline=deadline))
    except GameballError as error:
        said.append(error)
    return said


def run(seed: int) -> None:
    """Use the jobs of a server with faults, and compare what was returned with what it sent."""
    chance = random.Random(seed)
    deadline = chance.choice([None, DEADLINE])
    server = JobServer(
        random.Random(seed),
        forms=chance.choice([("batch",), ("batches",), ("batch", "batches")]),
        drips=deadline is not None,
    )
    for job_id in IDS:
        before = ["queued", "running", "running"][chance.randrange(3) :]
        server.left[job_id] = [*before, chance.choice(["completed", "failed", "stopped"])]
    operation = chance.choice(["get", "stop", "wait", "wait_all"])
    kind = chance.choice(["sync", "async"])
    use = ask if kind == "sync" else ask_async
    raw: RawServer

    def handle(connection: socket.socket, number: int) -> bool:
        return server.handle(connection, raw.heads[number])

    with RawServer(handle, cut=server.cut) as raw:
        begun = time.monotonic()
        said = EitherClient(kind, raw.url).call(
            lambda client: use(client, operation, deadline), timeout=TIMEOUT
        )
        # A response that comes in drips takes longer than the first of these, and a loaded machine less.
        limit = LONGEST / 2 if deadline is None else deadline + 5
        assert time.monotonic() - begun < limit, server.faults
    check(said, operation, server)


def check(said: list[Any], operation: str, server: JobServer) -> None:
    jobs = [job for job in said if isinstance(job, BatchJob)]
    for job in jobs:
        check_job(job, server)
        if operation != "get":
            assert job.status.is_final, (job, server.faults)
    ids = [job.id for job in jobs]
    assert len(ids) == len(set(ids))
    asked = set(IDS if operation == "wait_all" else IDS[:1])
    if not isinstance(said[-1], GameballError):
        assert set(ids) == asked, server.faults
    elif isinstance(said[-1], JobTimeoutError):
        assert set(said[-1].job_ids) == asked - set(ids), server.faults
        if said[-1].job is not None:
            check_job(said[-1].job, server)


def check_job(job: BatchJob, server: JobServer) -> None:
    assert job.total == 100 + job.id, (job, server.faults)
    assert job.status in server.sent[job.id], (job, server.faults)


@pytest.mark.repeated
@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_no_status_is_returned_that_the_server_did_not_send(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling._Watch, "next_pause", lambda _: 0.001)
    monkeypatch.setattr(polling, "RATE_LIMIT_PAUSE", 0.01)
    assert try_seeds(first, run) == []
