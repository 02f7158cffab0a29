import sqlite3
import threading
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from outbox_processes import Processes, add, likes
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session
from waiting import wait_until

from gameball import AuthenticationError, Event, Gameball, InvalidEventError, Outcome
from gameball.errors import OutboxError
from gameball.outbox import Outbox
from gameball.outbox.deliverer import Deliverer
from gameball.outbox.schema import METADATA
from gameball.sandbox import Fault, Sandbox
from gameball.sandbox.record import Received


def raw_connection(database: str) -> Any:
    """Return a connection of the driver, as people without SQLAlchemy have it."""
    url = make_url(database)
    if url.get_backend_name() == "sqlite":
        return sqlite3.connect(str(url.database))
    return psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))


def test_an_event_exists_exactly_if_its_transaction_commits(
    outbox: Outbox, client: Gameball, box: Sandbox
) -> None:
    with outbox.engine.connect() as connection:
        outbox.add(connection, Event("cust-1", "order_placed", {"total": 80}))
        connection.rollback()
        outbox.add(connection, Event("cust-2", "order_placed", {"total": 90}))
        connection.commit()
    report = outbox.deliver(client, until_empty=True)
    assert (report.accepted, report.rejected, report.unknown) == (1, 0, 0)
    assert dict(box.events) == {("cust-2", "order_placed", '{"total":90}'): 1}
    assert outbox.status().accepted == 1


@pytest.mark.parametrize("kind", ["connection", "cursor"])
def test_a_connection_of_the_driver_is_enough(outbox: Outbox, database: str, kind: str) -> None:
    connection = raw_connection(database)
    for keep in (False, True):
        outbox.add(connection if kind == "connection" else connection.cursor(), Event("cust-1", "x"))
        (connection.commit if keep else connection.rollback)()
    connection.close()
    assert outbox.status().waiting == 1


def test_a_session_is_enough(outbox: Outbox) -> None:
    with Session(outbox.engine) as session:
        outbox.add(session, Event("cust-1", "x"))
        session.rollback()
        outbox.add(session, Event("cust-1", "x"))
        assert session.in_transaction()
        session.commit()
    assert outbox.status().waiting == 1


@pytest.mark.parametrize("wrong", [None, "sqlite:///a.db", object()])
def test_anything_else_is_refused(outbox: Outbox, wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"Outbox\.add needs"):
        outbox.add(wrong, Event("cust-1", "x"))


@pytest.mark.parametrize(
    "event",
    [Event("", "x"), Event("cust-1", ""), Event("cust-1", "x", {"a": object()}), Event("a\0b", "x")],
)
def test_an_event_that_cannot_be_sent_is_refused_at_once(outbox: Outbox, event: Event) -> None:
    with outbox.engine.begin() as connection, pytest.raises(InvalidEventError):
        outbox.add(connection, event)
    assert outbox.status().waiting == 0


def test_the_event_is_sent_as_it_was_when_it_was_added(
    outbox: Outbox, client: Gameball, box: Sandbox
) -> None:
    metadata = {"text": "\0 ' \" \u20ac null", "big": 2**63, "none": None, "list": [1.5, {}]}
    expected = orjson.dumps(metadata, option=orjson.OPT_SORT_KEYS).decode()
    with outbox.engine.begin() as connection:
        outbox.add(connection, Event("ünï'\"", "x'y\"", metadata))
        metadata["text"] = "changed"
    outbox.deliver(client, until_empty=True)
    assert dict(box.events) == {("ünï'\"", "x'y\"", expected): 1}


def test_events_of_a_customer_arrive_in_their_order(outbox: Outbox, client: Gameball, box: Sandbox) -> None:
    add(outbox, *likes(2_500, customers=3))
    # The third request of all meets a fault, and must not be overtaken by later events of its customers.
    box.fail_next(Fault(), Fault(), Fault(status=503))
    outbox.deliver(client, until_empty=True)
    seen: dict[str, list[int]] = {}
    for request in box.batches:
        if request.accepted:
            for customer, _, metadata in request.events:
                seen.setdefault(customer, []).append(orjson.loads(metadata)["n"])
    assert sum(map(len, seen.values())) == 2_500
    assert all(numbers == sorted(numbers) for numbers in seen.values())


def test_a_row_that_becomes_visible_late_is_sent(outbox: Outbox, client: Gameball, box: Sandbox) -> None:
    if outbox.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with outbox.engine.connect() as late:
        outbox.add(late, Event("cust-1", "late"))
        add(outbox, Event("cust-1", "early"))
        outbox.deliver(client, until_empty=True)
        late.commit()
    outbox.deliver(client, until_empty=True)
    assert sorted(name for _, name, _ in box.events) == ["early", "late"]


def test_what_was_not_accepted_is_kept_with_its_reason_and_can_be_resolved(
    outbox: Outbox, client: Gameball, box: Sandbox
) -> None:
    for code in (400, 500):
        add(outbox, Event("cust-1", f"met {code}"))
        box.fail_next(Fault(status=code))
        outbox.deliver(client, until_empty=True)
    (rejected,) = outbox.failed(Outcome.REJECTED)
    (unknown,) = outbox.failed(Outcome.UNKNOWN)
    assert (rejected.customer_id, rejected.events) == ("cust-1", '{"met 400":{}}')
    assert "HTTP 400" in rejected.reason
    assert "HTTP 500" in unknown.reason
    assert not box.events
    with pytest.raises(OutboxError, match="only 1 of 2 ids are unknown"):
        outbox.resolve([unknown.id, rejected.id], Outcome.ACCEPTED)
    assert outbox.resolve([unknown.id], Outcome.ACCEPTED) == 1
    assert outbox.resolve(None, Outcome.UNSENT, found=Outcome.REJECTED) == 1
    assert outbox.deliver(client, until_empty=True).accepted == 1
    summary = outbox.status()
    assert (summary.accepted, summary.rejected, summary.unknown, summary.waiting) == (2, 0, 0, 0)
    assert dict(box.events) == {("cust-1", "met 400", "{}"): 1}


def test_events_that_were_certainly_not_accepted_are_sent_again_after_a_pause(
    outbox: Outbox, client: Gameball, box: Sandbox
) -> None:
    add(outbox, Event("cust-1", "x"))
    box.fail_next(Fault(status=503))
    outbox.deliver(client, until_empty=True)
    first, second = box.batches
    assert second.at - first.at >= 0.9
    assert dict(box.events) == {("cust-1", "x", "{}"): 1}


def test_wrong_keys_end_the_delivery_and_lose_nothing(outbox: Outbox, box: Sandbox) -> None:
    add(outbox, *likes(20))
    with (
        Gameball("key", "wrong", base_url=box.url) as client,
        pytest.raises(AuthenticationError),
    ):
        outbox.deliver(client)
    status = outbox.status()
    assert (status.waiting, status.rejected, status.holder) == (20, 0, None)


def test_a_request_that_is_too_large_is_sent_in_parts(outbox: Outbox, client: Gameball, box: Sandbox) -> None:
    add(outbox, *likes(4, customers=1))
    box.fail_next(Fault(status=413), Fault(status=413))
    assert outbox.deliver(client, until_empty=True).accepted == 4
    assert sorted(box.events.values()) == [1] * 4
    assert outbox.status().waiting == 0


def test_a_delivery_ends_gracefully_when_it_is_asked_to(
    outbox: Outbox, client: Gameball, box: Sandbox
) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=outbox.deliver, args=(client,), kwargs={"stop": stop})
    thread.start()
    add(outbox, *likes(30))
    box.wait_for(lambda: box.events.total() == 30)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    status = outbox.status()
    assert (status.accepted, status.unknown, status.in_flight, status.holder) == (30, 0, 0, None)


def test_only_one_of_two_deliverers_sends_and_the_other_follows(
    outbox: Outbox, client: Gameball, box: Sandbox
) -> None:
    stops = [threading.Event(), threading.Event()]
    others = [Outbox(outbox.engine.url), Outbox(outbox.engine.url)]
    threads = [
        threading.Thread(target=other.deliver, args=(client,), kwargs={"stop": stop})
        for other, stop in zip(others, stops, strict=True)
    ]
    threads[0].start()
    wait_until(lambda: outbox.status().holder)
    threads[1].start()
    add(outbox, *likes(30))
    box.wait_for(lambda: box.events.total() == 30)
    stops[0].set()
    threads[0].join(10)
    add(outbox, *likes(30))
    box.wait_for(lambda: box.events.total() == 60)
    stops[1].set()
    threads[1].join(10)
    for other in others:
        other.close()
    assert outbox.status().accepted == 60


def test_a_database_without_an_outbox_is_named(tmp_path: Path, client: Gameball) -> None:
    outbox = Outbox(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(OutboxError, match=r"call Outbox\.create"):
        outbox.status()
    with pytest.raises(OutboxError, match=r"call Outbox\.create"):
        outbox.deliver(client)
    outbox.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/shop"])
def test_a_database_that_cannot_have_an_outbox_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="SQLite"):
        Outbox(url)


def test_the_clients_keys_are_not_in_the_database(outbox: Outbox, box: Sandbox) -> None:
    with Gameball("canary-api", "canary-secret", base_url=box.url, max_attempts=1) as client:
        add(outbox, Event("cust-1", "x"))
        with pytest.raises(AuthenticationError):
            outbox.deliver(client)
    with outbox.engine.begin() as connection:
        for table in ("gameball_outbox", "gameball_outbox_chunk", "gameball_outbox_lease"):
            assert "canary" not in str(connection.execute(METADATA.tables[table].select()).all())


def test_four_processes_add_at_once(outbox: Outbox, processes: Processes) -> None:
    before = processes.errors()
    for number in range(4):
        processes.start("web", start=number * 100, count=25)
    wait_until(lambda: outbox.status().waiting == 100)
    with outbox.engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM orders")).scalar_one() == 100
    assert processes.errors() == before


def test_a_customer_that_is_busy_for_ever_holds_up_nobody_else_for_ever(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    def plan(request: Received) -> Fault | None:
        return Fault(status=422, code=2001) if b"busy" in request.content else None

    events = [Event(name, "x", {"n": n}) for n, name in enumerate(["cust-1", "busy-1", "cust-1", "cust-1"])]
    add(outbox, *events)
    with outbox.engine.begin() as connection:
        connection.execute(text("UPDATE gameball_outbox SET partition = 0"))
    with (
        Sandbox(plan=plan) as box,
        Gameball("key", "secret", base_url=box.url, rate_limits=None, max_attempts=1) as client,
    ):
        report = Deliverer(
            outbox._database,
            client.events,
            threading.Event(),
            until_empty=True,
            max_busy=0.0,
            first_pause=0.05,
        ).run()
        assert (report.accepted, report.rejected, report.unknown) == (3, 1, 0)
        assert box.events.total() == 3
    (row,) = outbox.failed(Outcome.REJECTED)
    assert (row.customer_id, "certainly not accepted" in row.reason) == ("busy-1", True)
    assert "is kept as rejected" in caplog.text
    assert outbox.resolve([row.id], Outcome.UNSENT, found=Outcome.REJECTED) == 1
    assert outbox.status().waiting == 1
