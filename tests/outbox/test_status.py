"""The numbers of events: all at one moment, counted as events, and readable where nothing can be written."""

from pathlib import Path
from typing import Any

import pytest
from outbox_processes import add, likes, new_database
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import make_url

from gameball import CustomerEvents, Event, Gameball, Outcome
from gameball.errors import OutboxError
from gameball.outbox import Outbox
from gameball.sandbox import Fault, Sandbox

#: What a deliverer writes when a request was accepted.
ACCEPT = (
    "DELETE FROM gameball_outbox WHERE id <= 5",
    "UPDATE gameball_outbox_lease SET accepted = accepted + 5",
)


def test_the_numbers_are_of_one_moment(outbox: Outbox) -> None:
    if outbox.engine.dialect.name == "sqlite":
        with outbox.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA journal_mode=wal")  # or nobody could write while the status is read
    add(outbox, *likes(10))
    other = Outbox(outbox.engine.url)
    written: list[str] = []

    def accept(connection: Connection, cursor: Any, statement: str, *_: object) -> None:  # noqa: ARG001
        if "GROUP BY" in statement and not written:
            written.append(statement)
            with other.engine.begin() as second:
                for words in ACCEPT:
                    second.execute(text(words))

    event.listen(outbox._database._reader, "after_cursor_execute", accept)
    status = outbox.status()
    assert written
    assert status.accepted + status.waiting == 10
    status = outbox.status()
    assert (status.accepted, status.waiting) == (5, 5)
    other.close()


# One such row once kept all unknown rows from being listed.
def test_a_row_with_no_valid_time_is_counted_and_listed(tmp_path: Path) -> None:
    outbox = Outbox(f"sqlite:///{tmp_path / 'shop.db'}")
    outbox.create()
    add(outbox, *likes(2))
    with outbox.engine.begin() as connection:
        connection.execute(text("UPDATE gameball_outbox SET created_at = 1790000000 WHERE id = 1"))
        connection.execute(text("UPDATE gameball_outbox SET outcome = 'unknown', reason = 'test'"))
    times = [row.created_at for row in outbox.failed(Outcome.UNKNOWN)]
    assert (times[0], times[1] is None) == (None, False)
    with outbox.engine.begin() as connection:
        connection.execute(text("UPDATE gameball_outbox SET outcome = NULL"))
    status = outbox.status()
    assert (status.waiting, status.oldest) == (2, None)
    outbox.close()


def test_events_are_counted_and_not_rows(outbox: Outbox, client: Gameball, box: Sandbox) -> None:
    both = CustomerEvents("cust-1", {"liked": {}, "shared": {}})
    for fault, expected in (
        (None, (2, 0, 0)),
        (Fault(status=400), (0, 2, 0)),
        (Fault(status=500), (0, 0, 2)),
    ):
        with outbox.engine.begin() as connection:
            outbox.add(connection, both)
        assert outbox.status().waiting == 2
        if fault is not None:
            box.fail_next(fault)
        report = outbox.deliver(client, until_empty=True)
        assert (report.accepted, report.rejected, report.unknown) == expected
    status = outbox.status()
    assert (status.accepted, status.rejected, status.unknown, status.waiting) == (2, 2, 2, 0)
    assert len(list(outbox.failed(Outcome.UNKNOWN))) == 1
    assert outbox.resolve(None, Outcome.ACCEPTED) == 2
    assert outbox.status().accepted == 4


@pytest.fixture(params=["sqlite", "postgresql"])
def read_only(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an outbox that cannot be written, with a waiting and an unknown event."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'shop.db'}"
    else:
        url = new_database(request.getfixturevalue("postgres"))
    with Outbox(url) as outbox:
        outbox.create()
        add(outbox, *likes(2))
        with outbox.engine.begin() as connection:
            connection.execute(text("UPDATE gameball_outbox SET outcome = 'unknown' WHERE id = 1"))
            if request.param == "postgresql":
                name = make_url(url).database
                connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    if request.param == "sqlite":
        return f"sqlite:///file:{tmp_path / 'shop.db'}?mode=ro&uri=true"
    return url


def test_a_read_only_database_can_be_read(read_only: str, client: Gameball) -> None:
    with Outbox(read_only) as outbox:
        outbox.create()  # nothing is missing
        status = outbox.status()
        assert (status.waiting, status.unknown) == (1, 1)
        assert [row.id for row in outbox.failed()] == [1]
        with pytest.raises(OutboxError, match="read-only, so nothing can be written") as raised:
            outbox.resolve([1], Outcome.ACCEPTED)
        assert not raised.value.retryable
        with pytest.raises(OutboxError, match="read-only, so nothing can be written"):
            outbox.deliver(client, until_empty=True)
        with outbox.engine.connect() as connection, pytest.raises(Exception, match="read"):
            outbox.add(connection, Event("cust-1", "x"))
