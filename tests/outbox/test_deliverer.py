"""A delivery that meets rows, databases and systems that are not as they should be."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from either_client import hurry
from outbox_processes import add, likes, new_database
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from waiting import wait_until

from gameball import Event, Gameball, Outcome
from gameball.outbox import Outbox, deliverer
from gameball.outbox.deliverer import Deliverer
from gameball.outbox.partition import Partition
from gameball.sandbox import Fault, Sandbox
from gameball.sandbox.record import Received


@contextmanager
def delivering(outbox: Outbox, client: Gameball) -> Iterator[threading.Thread]:
    stop = threading.Event()
    problems: list[BaseException] = []

    def deliver() -> None:
        try:
            outbox.deliver(client, stop=stop)
        except BaseException as error:  # noqa: BLE001 - looked at below
            problems.append(error)

    thread = threading.Thread(target=deliver)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(40)
    assert not thread.is_alive()
    assert not problems


def test_rows_that_cannot_be_sent_are_set_aside_and_the_others_are_delivered(
    outbox: Outbox, client: Gameball, box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    add(outbox, *likes(40))
    bad = ["'not JSON'", "'{\"x\":1}'", "'{}'"]
    if outbox.engine.dialect.name == "sqlite":
        bad += ["CAST(X'7BFF7D' AS TEXT)", "X'00FF'"]
    with outbox.engine.begin() as connection:
        for partition in range(8):
            for events in bad:
                connection.exec_driver_sql(
                    "INSERT INTO gameball_outbox (customer_id, events, partition) "
                    f"VALUES ('by-hand', {events}, {partition})"
                )
    add(outbox, *likes(40))
    report = outbox.deliver(client, until_empty=True)
    assert (report.accepted, report.rejected, report.unknown) == (80, 8 * len(bad), 0)
    assert set(box.events.values()) == {2}
    rows = list(outbox.failed(Outcome.REJECTED))
    assert len(rows) == 8 * len(bad)
    assert all("certainly not accepted, because it cannot be sent" in row.reason for row in rows)
    assert "rows of the outbox that are kept as rejected" in caplog.text
    status = outbox.status()
    assert (status.accepted, status.rejected, status.waiting) == (80, 8 * len(bad), 0)


def test_broken_logging_changes_no_outcome_of_a_delivery(
    outbox: Outbox, client: Gameball, box: Sandbox, broken_log: list[str]
) -> None:
    hurry(client)
    add(outbox, *likes(40))
    with outbox.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO gameball_outbox (customer_id, events, partition) VALUES ('by-hand', '[]', 0)"
        )
    box.fail_next(Fault(status=503), Fault(status=500), Fault(status=400), Fault(status=429))
    report = Deliverer(
        outbox._database, client.events, threading.Event(), until_empty=True, first_pause=0.01
    ).run()
    by_status = dict.fromkeys((400, 500), 0)
    for request in box.batches:
        if request.status in by_status:
            by_status[request.status] += len(list(request.events))
    assert (report.rejected, report.unknown) == (by_status[400] + 1, by_status[500])
    assert report.accepted == 40 - sum(by_status.values()) == sum(box.events.values())
    for part in ("delivering the outbox", "kept as rejected", "request of", "UNSENT", "REJECTED", "UNKNOWN"):
        assert any(part in message for message in broken_log), part


def test_large_events_are_delivered_a_few_at_a_time(
    outbox: Outbox, client: Gameball, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(outbox, *(Event("cust-1", "x", {"n": n, "text": "a" * 900_000}) for n in range(6)))
    pages: list[int] = []

    def note(*arguments: Any) -> None:
        if "sum(size)" in arguments[2]:
            pages.append(1)

    event.listen(outbox._database._reader, "before_cursor_execute", note)
    ends: list[bool] = []
    monkeypatch.setattr(Partition, "note_end", lambda _, begun, *, more: ends.append(more))  # noqa: ARG005
    assert outbox.deliver(client, until_empty=True).accepted == 6
    assert ends[0]  # the next page does not wait, although this one had few rows
    # Three of them are more than a page, and fill two requests.
    assert len(pages) >= 2
    assert [len(list(request.events)) for request in box.batches] == [2, 1, 2, 1]
    assert [metadata for request in box.batches for _, _, metadata in request.events] == sorted(
        metadata for _, _, metadata in box.events
    )


def test_a_pool_without_a_free_connection_is_waited_for(
    postgres: Any, client: Gameball, box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    engine = create_engine(new_database(postgres), pool_size=1, max_overflow=0, pool_timeout=0.1)
    outbox = Outbox(engine)
    outbox.create()
    with caplog.at_level(logging.WARNING, logger="gameball"), delivering(outbox, client) as thread:
        with connected(engine):
            wait_until(lambda: "QueuePool limit" in caplog.text)
            assert thread.is_alive()
        add_when_free(outbox)
        box.wait_for(lambda: box.events.total() == 1)
    outbox.close()


def connected(engine: Engine) -> Connection:
    """Take the only connection, as soon as the delivery does not use it."""
    found: list[Connection] = []

    def connect() -> bool:
        with suppress(PoolTimeoutError):
            found.append(engine.connect())
        return bool(found)

    wait_until(connect)
    return found[0]


def add_when_free(outbox: Outbox) -> None:
    with Outbox(outbox.engine.url) as other:
        add(other, Event("cust-1", "x"))


def test_a_thread_that_cannot_start_is_tried_again(
    outbox: Outbox, client: Gameball, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start
    refused: list[str] = []

    def start_later(thread: threading.Thread) -> None:
        if thread.name.removeprefix("gameball-outbox-").isdigit() and thread.name not in refused:
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_later)
    add(outbox, *likes(50))
    assert outbox.deliver(client, until_empty=True).accepted == 50
    assert len(refused) == 8
    assert set(box.events.values()) == {1}


def test_no_transaction_is_open_during_a_request_and_its_rows_are_in_flight(outbox: Outbox) -> None:
    seen: list[tuple[bool, int]] = []

    def plan(_: Received) -> None:
        # Other threads look for rows, for a moment.
        deadline = time.monotonic() + 10
        while outbox.engine.pool.checkedout() and time.monotonic() < deadline:  # type: ignore[attr-defined]
            time.sleep(0.005)
        with Outbox(outbox.engine.url) as other:
            seen.append((time.monotonic() < deadline, other.status().in_flight))

    add(outbox, *likes(3, customers=1))
    with Sandbox(plan=plan) as box, Gameball("key", "secret", base_url=box.url) as client:
        assert outbox.deliver(client, until_empty=True).accepted == 3
    assert seen == [(True, 3)]


def test_an_idle_delivery_looks_less_and_less_often(
    outbox: Outbox, client: Gameball, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliverer, "_LONGEST_POLL", 0.3)
    looks: list[float] = []

    @event.listens_for(outbox._database._reader, "before_cursor_execute")
    def note(*arguments: Any) -> None:
        if "partition_0" in arguments[2]:
            looks.append(time.monotonic())

    with delivering(outbox, client):
        wait_until(lambda: len(looks) > 1 and looks[-1] - looks[-2] >= 0.3)
    assert len(looks) < 15
