"""The outbox as the durable record of a send: which of its rows are in flight, and their outcomes."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection, delete, insert

from gameball.chunking.chunk import Chunk
from gameball.delivery.failure_outcomes import is_customer_busy, stops_everything
from gameball.errors import GameballError, OutboxError, describe
from gameball.outbox.lease import Lease
from gameball.outbox.schema import CHUNKS
from gameball.outbox.waiting_rows import count_accepted, join_ids, mark, remove
from gameball.receipts import Outcome, Receipt

#: How long an outcome is tried to be written after the deliverer was asked to end, in seconds.
_LAST_TRY: Final = 5.0


class PageRecord:
    """The durable record of a send of one page of rows.

    Args:
        lease: The lease, whose token every write checks.
        ids: The ids of the rows, in the order of the send.
        stopping: Set when the deliverer was asked to end.

    Attributes:
        concluded: The number of events by outcome, as they were written.
        refused: The error that means that the keys are wrong, or None.
        customer_busy: The error that means that a customer of the page is being changed, or None.
    """

    def __init__(self, lease: Lease, ids: Sequence[int], stopping: threading.Event) -> None:
        self._lease = lease
        self._ids = ids
        self._stopping = stopping
        self.concluded: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self.refused: GameballError | None = None
        self.customer_busy: GameballError | None = None

    def intend(self, number: int, chunk: Chunk) -> None:  # noqa: ARG002 - the ledger needs the number
        """Record that the rows of a chunk are in flight."""

        def write(connection: Connection) -> None:
            # If the commit of an earlier try succeeded although its connection broke, the chunk is there.
            self._delete(connection, chunk.first)
            self._insert(connection, chunk)

        self._write(write)

    def authorize(self) -> None:
        """Check that the lease lasts."""
        self._lease.authorize()

    def divide(self, number: int, parts: tuple[Chunk, Chunk]) -> None:  # noqa: ARG002
        """Record that a chunk is sent as two parts."""

        def write(connection: Connection) -> None:
            for part in parts:
                self._delete(connection, part.first)
                self._insert(connection, part)

        self._write(write)

    def conclude(self, receipt: Receipt) -> None:
        """Record the outcome of the rows of a chunk, in the same transaction that deletes the chunk."""
        ids = self._ids[receipt.first : receipt.last + 1]
        outcome = receipt.outcome
        if outcome is Outcome.REJECTED and stops_everything(receipt.error):
            # With the right keys they will be accepted, so they stay waiting.
            self.refused = receipt.error
            outcome = Outcome.UNSENT
        if is_customer_busy(receipt.error):
            self.customer_busy = receipt.error
        reason = "" if receipt.error is None else describe(receipt.error)

        def write(connection: Connection) -> None:
            if not self._delete(connection, receipt.first):
                # It never was in flight, or an earlier try succeeded although its connection broke.
                return
            if outcome is Outcome.ACCEPTED:
                remove(connection, ids)
                count_accepted(connection, receipt.events)
            elif outcome is not Outcome.UNSENT:
                mark(connection, ids, outcome, reason)

        try:
            self._write(write)
        except OutboxError:
            # Its rows still look as if they were waiting, so nothing may be read until a takeover marks them.
            self._lease.lose()
            raise
        self.concluded[outcome] += receipt.events

    def end_run(self) -> None:
        """Do nothing: every outcome is already written."""

    def _insert(self, connection: Connection, chunk: Chunk) -> None:
        ids = self._ids[chunk.first : chunk.last + 1]
        connection.execute(
            insert(CHUNKS), {"first_id": ids[0], "token": self._lease.token, "event_ids": join_ids(ids)}
        )

    def _delete(self, connection: Connection, first: int) -> int:
        chunk = (CHUNKS.c.first_id == self._ids[first]) & (CHUNKS.c.token == self._lease.token)
        return connection.execute(delete(CHUNKS).where(chunk)).rowcount

    def _write(self, write: Callable[[Connection], None]) -> None:
        last_try = math.inf

        def give_up() -> bool:
            nonlocal last_try
            if self._stopping.is_set():
                last_try = min(last_try, time.monotonic() + _LAST_TRY)
            return self._lease.lost.is_set() or time.monotonic() > last_try

        self._lease.write(write, give_up)
