"""What is written about a page, even if a write is done twice or cannot be done."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from outbox_processes import add, likes
from sqlalchemy import select, text

from gameball import Event, Outcome, Receipt, chunk_events
from gameball.chunking.chunk import Chunk
from gameball.errors import OutboxError
from gameball.outbox import Outbox
from gameball.outbox.lease import Lease, acquire
from gameball.outbox.page_record import PageRecord
from gameball.outbox.schema import CHUNKS


def begin(outbox: Outbox) -> tuple[Lease, PageRecord, Chunk]:
    add(outbox, *likes(3))
    lease = acquire(outbox._database)
    assert lease is not None
    (chunk,) = chunk_events([Event(f"cust-{n}", "song_liked") for n in range(3)])
    return lease, PageRecord(lease, [1, 2, 3], threading.Event()), chunk


def accepted(chunk: Chunk) -> Receipt:
    return Receipt.of(chunk, 0, Outcome.ACCEPTED, job_id=1, error=None, attempts=1, elapsed=0.1)


def test_a_write_whose_commit_was_not_confirmed_may_be_done_again(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, record, chunk = begin(outbox)
    write = Lease.write

    def twice(lease: Lease, work: Callable[[Any], Any], give_up: Callable[[], bool]) -> object:
        write(lease, work, give_up)
        return write(lease, work, give_up)

    monkeypatch.setattr(Lease, "write", twice)
    record.intend(0, chunk)
    with outbox.engine.begin() as connection:
        assert connection.execute(select(CHUNKS.c.event_ids)).scalars().all() == ["1,2,3"]
    assert outbox.status().in_flight == 3
    record.conclude(accepted(chunk))
    status = outbox.status()
    assert (status.accepted, status.waiting, status.in_flight) == (3, 0, 0)
    assert record.concluded[Outcome.ACCEPTED] == 3


def test_an_outcome_that_cannot_be_written_ends_the_lease(outbox: Outbox) -> None:
    lease, record, chunk = begin(outbox)
    record.intend(0, chunk)
    with outbox.engine.begin() as connection:
        connection.execute(text("ALTER TABLE gameball_outbox_chunk RENAME TO gone"))
    with pytest.raises(OutboxError):
        record.conclude(accepted(chunk))
    # Otherwise the rows would be read again, because they still look as if they were waiting.
    assert lease.lost.is_set()
    with pytest.raises(OutboxError, match="taken over"):
        record.authorize()
    with outbox.engine.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO gameball_outbox_chunk"))
        connection.execute(text("UPDATE gameball_outbox_lease SET expires_at = 0"))
    assert acquire(outbox._database) is not None
    assert outbox.status().unknown == 3
