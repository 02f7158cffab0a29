"""A deliverer that was stopped, one that lost its lease, and a database that restarts."""

import logging
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from outbox_processes import Processes, add, likes, new_database
from shared_postgres import control, own_server
from sqlalchemy import Connection, event, select, update
from waiting import wait_until

from gameball import Gameball, Outcome
from gameball.errors import OutboxError
from gameball.outbox import Outbox
from gameball.outbox.lease import LeaseTimes, acquire
from gameball.outbox.schema import CHUNKS, LEASE
from gameball.sandbox import Sandbox

STOPPED = float(os.environ.get("GAMEBALL_TEST_OUTBOX_STOPPED", "1"))
RESTARTS = int(os.environ.get("GAMEBALL_TEST_OUTBOX_RESTARTS", "1"))
TIMES = {"duration": 1.0, "heartbeat": 0.2, "margin": 0.3, "standby": 0.05}


def expire(outbox: Outbox) -> None:
    with outbox.engine.begin() as connection:
        connection.execute(update(LEASE).values(expires_at=0.0))


def test_a_lease_is_held_by_one_at_a_time(outbox: Outbox) -> None:
    first = acquire(outbox._database)
    assert first is not None
    assert acquire(outbox._database) is None
    first.authorize()
    expire(outbox)
    second = acquire(outbox._database)
    assert second is not None
    assert second.token > first.token
    with outbox.engine.begin() as connection, pytest.raises(OutboxError, match="taken over"):
        first.check_token(connection)
    with pytest.raises(OutboxError, match="taken over"):
        first.authorize()
    second.authorize()


def test_a_lease_that_is_not_renewed_allows_no_request(outbox: Outbox) -> None:
    lease = acquire(outbox._database, LeaseTimes(duration=0.2, margin=0.1))
    assert lease is not None

    def refused() -> bool:
        try:
            lease.authorize()
        except OutboxError:
            return True
        return False

    wait_until(refused)


@pytest.mark.parametrize("held_up", ["in flight", "at any moment"])
def test_a_stopped_deliverer_that_continues_sends_nothing_twice(
    outbox: Outbox, processes: Processes, held_up: str
) -> None:
    with Sandbox(latency=0.3 if held_up == "in flight" else 0.01) as box:
        first = processes.start("deliver", url=box.url, times=TIMES)
        wait_until(lambda: outbox.status().holder)
        add(outbox, *likes(4_000, customers=400))
        box.wait_for(lambda: box.batches)
        stop(first, outbox)
        stopped = time.monotonic()
        second = processes.start("deliver", url=box.url, times=TIMES)
        wait_until(lambda: (outbox.status().holder or "").endswith(f":{second}"))
        # It took 13 s when each thread of the stopped process held up the takeover in turn.
        assert time.monotonic() - stopped < 10
        wait_until(lambda: outbox.status().waiting == 0)
        add(outbox, *likes(1_000, customers=400))
        wait_until(lambda: outbox.status().waiting == 0)
        time.sleep(max(0.0, STOPPED - (time.monotonic() - stopped)))
        os.kill(first, signal.SIGCONT)
        # The second one ends, so the first must take over again, which shows that it is at work.
        processes.kill(second)
        add(outbox, *likes(1_000, customers=400))
        wait_until(lambda: not (outbox.status().waiting or outbox.status().in_flight))
        status = outbox.status()
        assert status.accepted + status.unknown == 6_000
        # A thousand events were added with the same content again, twice.
        expected = {str(n): 3 if n < 1_000 else 1 for n in range(4_000)}
        for (_, _, metadata), count in box.events.items():
            assert count <= expected[metadata.removeprefix('{"n":').removesuffix("}")]
        assert status.accepted <= box.events.total() <= 6_000


def stop(child: int, outbox: Outbox) -> None:
    """Stop a process; with SQLite, not while it reads or writes, because then nobody could write."""
    while True:
        os.kill(child, signal.SIGSTOP)
        # A thread goes on for a moment after the signal was sent, and may begin to write in it.
        wait_until(lambda: all_threads_stopped(child))
        if outbox.engine.dialect.name != "sqlite":
            return
        with closing(sqlite3.connect(str(outbox.engine.url.database), timeout=0.1)) as connection:
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                os.kill(child, signal.SIGCONT)
                time.sleep(0.02)  # or it would be stopped again at the same place
            else:
                connection.rollback()
                return


def all_threads_stopped(child: int) -> bool:
    states = [
        path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{child}/task").glob("*/stat")
    ]
    return set(states) == {"T"}


def test_a_deliverer_that_is_stopped_within_a_transaction_does_not_hold_up_the_next(outbox: Outbox) -> None:
    if outbox.engine.dialect.name == "sqlite":
        pytest.skip("with SQLite, a process that is stopped while it writes holds everybody up")
    first = acquire(outbox._database)
    assert first is not None
    stopped, resume = threading.Event(), threading.Event()
    resumed: list[bool] = []

    def work(connection: Connection) -> None:
        first.check_token(connection)
        stopped.set()
        resumed.append(resume.wait(30))

    def write() -> None:
        with suppress(OutboxError):
            outbox._database.write(work)

    thread = threading.Thread(target=write)
    thread.start()
    stopped.wait(30)
    outbox._database.write(lambda connection: connection.execute(update(LEASE).values(expires_at=0.0)))
    second = acquire(outbox._database)
    assert second is not None
    assert second.token > first.token
    resume.set()
    thread.join(30)
    assert resumed == [True]  # not False: the second did not wait until this thread had ended


def test_only_one_transaction_of_a_deliverer_waits_for_the_lease(postgres: Any) -> None:
    with Outbox(new_database(postgres)) as outbox:
        outbox.create()
        lease = acquire(outbox._database)
        assert lease is not None
        begun: list[int] = []
        most: list[int] = []
        everybody = threading.Barrier(5)

        @event.listens_for(outbox.engine, "checkout")
        def note_begin(*_: object) -> None:
            begun.append(1)
            most.append(len(begun))

        @event.listens_for(outbox.engine, "checkin")
        def note_end(*_: object) -> None:
            begun.pop()

        def write() -> None:
            everybody.wait(30)
            lease.write(lambda connection: connection.execute(select(LEASE.c.id)), lambda: False)

        threads = [threading.Thread(target=write) for _ in range(4)]
        with closing(psycopg.connect(_plain(outbox), autocommit=False)) as other:
            # Whatever waits for the row, a takeover would have to wait for it.
            other.execute("SELECT * FROM gameball_outbox_lease FOR UPDATE")
            for thread in threads:
                thread.start()
            everybody.wait(30)
            wait_until(lambda: begun)
            other.rollback()
        for thread in threads:
            thread.join(30)
        assert (len(most), max(most)) == (4, 1)


def _plain(outbox: Outbox) -> str:
    return outbox.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def test_another_deliverer_takes_over_within_ten_seconds(outbox: Outbox, processes: Processes) -> None:
    # The default times on one of the databases: a takeover takes as long as they say.
    times = {} if outbox.engine.dialect.name == "postgresql" else {"times": TIMES}
    with Sandbox() as box:
        first = processes.start("deliver", url=box.url, **times)
        wait_until(lambda: outbox.status().holder)
        processes.start("deliver", url=box.url, **times)
        processes.kill(first)
        killed = time.monotonic()
        add(outbox, *likes(10))
        box.wait_for(lambda: box.events.total() == 10, timeout=20)
        assert time.monotonic() - killed < 10


@contextmanager
def delivering(outbox: Outbox, client: Gameball) -> Iterator[list[BaseException]]:
    stop = threading.Event()
    problems: list[BaseException] = []

    def deliver() -> None:
        try:
            outbox.deliver(client, stop=stop)
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            problems.append(error)

    thread = threading.Thread(target=deliver)
    thread.start()
    try:
        yield problems
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def test_a_restart_of_postgresql_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with own_server() as postgres:
        outbox = Outbox(new_database(postgres))
        outbox.create()
        with (
            Sandbox(latency=(0.0, 0.2)) as box,
            Gameball("key", "secret", base_url=box.url, rate_limits=None) as client,
            caplog.at_level(logging.WARNING, logger="gameball"),
        ):
            with delivering(outbox, client) as problems:
                for number in range(RESTARTS):
                    add(outbox, *likes(3_000, customers=300))
                    box.wait_for(lambda: box.events)
                    control(postgres, "-m", "immediate", "-l", str(postgres.log), "restart")
                    wait_until(lambda: _is_up(outbox))
                    wait_until(partial(_done, outbox, (number + 1) * 3_000))
            assert not problems
            status = outbox.status()
            assert status.accepted + status.unknown == RESTARTS * 3_000
            assert status.accepted <= box.events.total() <= RESTARTS * 3_000
            assert set(box.events.values()) == {RESTARTS}
        assert "database is unavailable" in caplog.text
        outbox.close()


def _is_up(outbox: Outbox) -> bool:
    try:
        outbox.status()
    except OutboxError:
        return False
    return True


def _done(outbox: Outbox, total: int) -> bool:
    try:
        status = outbox.status()
    except OutboxError:
        return False
    return status.accepted + status.unknown == total


def test_what_was_in_flight_is_unknown_after_a_takeover(outbox: Outbox) -> None:
    add(outbox, *likes(3))
    lease = acquire(outbox._database)
    assert lease is not None
    with outbox.engine.begin() as connection:
        connection.execute(CHUNKS.insert(), {"first_id": 1, "token": lease.token, "event_ids": "1,3"})
    expire(outbox)
    assert acquire(outbox._database) is not None
    assert [row.id for row in outbox.failed(Outcome.UNKNOWN)] == [1, 3]
    assert outbox.status().waiting == 1
    with outbox.engine.begin() as connection:
        assert not connection.execute(select(CHUNKS)).all()
