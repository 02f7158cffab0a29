"""The deadline of the operations of jobs: they end whatever they wait for."""

import _thread
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from deadlines import DEADLINE, drip, soon, stay_silent
from either_client import KEYS, EitherClient
from raw_server import RawServer
from sending import events
from waiting import LONGEST, wait_until

from gameball import ClientClosedError, DeadlineError, Gameball, JobTimeoutError, RateLimit
from gameball.delivery.deadline import Deadline
from gameball.jobs.timed_request import request_until
from gameball.sandbox import Fault, Sandbox

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


def drip_spaces(connection: socket.socket, _: int) -> bool:
    return drip(connection, b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + b" " * 100)


@KINDS
@pytest.mark.parametrize("handler", [stay_silent, drip_spaces])
@pytest.mark.parametrize(
    "call",
    [lambda jobs: jobs.get(1001, deadline=DEADLINE), lambda jobs: jobs.stop(1001, deadline=DEADLINE)],
)
def test_a_request_ends_at_the_deadline(kind: str, handler: Any, call: Callable[[Any], Any]) -> None:
    with (
        RawServer(handler) as server,
        soon(),
        pytest.raises(DeadlineError, match=r"the deadline of 1\.5 s passed before the response arrived"),
    ):
        EitherClient(kind, server.url).call(lambda gb: call(gb.jobs))
    wait_until(lambda: all(thread.name != "gameball-job" for thread in threading.enumerate()))


@KINDS
@pytest.mark.parametrize("handler", [stay_silent, drip_spaces])
def test_waiting_ends_at_the_deadline_and_names_all_unfinished_jobs(kind: str, handler: Any) -> None:
    with (
        RawServer(handler) as server,
        soon(),
        pytest.raises(JobTimeoutError, match=r"did not end within 1\.5 s") as caught,
    ):
        EitherClient(kind, server.url).call(lambda gb: gb.jobs.wait_all([1, 2, 3], deadline=DEADLINE))
    assert (caught.value.job_ids, caught.value.job) == ((1, 2, 3), None)


def test_waiting_for_a_job_that_runs_ends_at_the_deadline(either: EitherClient) -> None:
    with Sandbox(job_seconds=LONGEST) as box:
        client = EitherClient(either.kind, box.url)
        (job_id,) = client.send(events(1)).job_ids
        with soon(), pytest.raises(JobTimeoutError, match=r"did not end within 1\.5 s") as caught:
            client.call(lambda gb: gb.jobs.wait(job_id, deadline=DEADLINE))
    assert caught.value.job_ids == (job_id,)
    assert caught.value.job is not None


def test_waiting_for_the_rate_limits_ends(either: EitherClient) -> None:
    (job_id,) = either.send(events(1)).job_ids

    def use(gb: Any) -> Any:
        if either.kind == "sync":
            gb.jobs.get(job_id)
            return gb.jobs.get(job_id, deadline=DEADLINE)

        async def both() -> None:
            await gb.jobs.get(job_id)
            await gb.jobs.get(job_id, deadline=DEADLINE)

        return both()

    with soon(), pytest.raises(DeadlineError, match=r"the deadline of 1\.5 s passed before"):
        either.call(use, rate_limits=[RateLimit(1, 60.0)])


def test_a_pause_that_the_server_asks_for_ends(either: EitherClient, box: Sandbox) -> None:
    (job_id,) = either.send(events(1)).job_ids
    box.fail_next(Fault(status=429, headers=(("retry-after", "30"),)))
    with soon(), pytest.raises(JobTimeoutError):
        either.call(lambda gb: gb.jobs.wait(job_id, deadline=DEADLINE))


def test_a_deadline_that_is_not_met_changes_nothing(either: EitherClient) -> None:
    job_ids = either.send(events(6), max_objects=2).job_ids
    jobs = either.call(lambda gb: gb.jobs.wait_all(job_ids, deadline=LONGEST))
    assert sorted(job.id for job in jobs) == sorted(job_ids)
    assert either.call(lambda gb: gb.jobs.get(job_ids[0], deadline=LONGEST)).id == job_ids[0]


def test_a_deadline_of_zero_sends_nothing(either: EitherClient, box: Sandbox) -> None:
    with pytest.raises(DeadlineError):
        either.call(lambda gb: gb.jobs.get(1, deadline=0))
    assert box.received == []


def test_requests_with_a_deadline_reuse_their_connection(box: Sandbox) -> None:
    with Gameball(*KEYS, base_url=box.url) as client:
        (job_id,) = client.events.send(events(1)).job_ids
        for _ in range(3):
            client.jobs.get(job_id, deadline=LONGEST)
        assert len(client.jobs._pool._free) == 1


def test_a_closed_client_reads_no_job(box: Sandbox) -> None:
    client = Gameball(*KEYS, base_url=box.url)
    client.close()
    with pytest.raises(ClientClosedError):
        client.jobs.get(1, deadline=LONGEST)
    assert box.received == []


def never_start(_: threading.Thread) -> None:
    raise KeyboardInterrupt


def start_and_interrupt(thread: threading.Thread) -> None:
    START(thread)
    raise KeyboardInterrupt


def stop_while_starting(thread: threading.Thread) -> None:
    """Leave the lock held that the new thread needs, as an interrupt in ``Event.wait`` may."""
    lock = thread._started._cond  # type: ignore[attr-defined]
    lock.acquire()
    threading._limbo[thread] = thread  # type: ignore[attr-defined]
    _thread.start_new_thread(thread._bootstrap, ())  # type: ignore[attr-defined]
    STOPPED.append(lock)
    raise KeyboardInterrupt


START = threading.Thread.start
STOPPED: list[Any] = []


@pytest.mark.parametrize("start", [never_start, start_and_interrupt, stop_while_starting])
def test_an_interrupt_of_the_start_of_the_thread_leaves_no_connection_and_no_slot(
    start: Callable[[threading.Thread], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    released: list[object] = []
    deadline = Deadline.after(LONGEST)
    assert deadline is not None
    with Sandbox() as box, Gameball(*KEYS, base_url=box.url) as client:
        pool = client.jobs._pool
        connection = pool.borrow()
        pool.give_back(connection)
        monkeypatch.setattr(threading.Thread, "start", start)
        with pytest.raises(KeyboardInterrupt):
            request_until(deadline, pool, {"method": "GET", "url": "/nowhere"}, released.append)
        monkeypatch.undo()
        wait_until(lambda: len(released) == 1 and connection.is_closed)
        while STOPPED:
            STOPPED.pop().release()
        wait_until(lambda: all(thread.name != "gameball-job" for thread in threading.enumerate()))
        assert len(released) == 1
