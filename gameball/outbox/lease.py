"""The lease: at most one process delivers an outbox, and one that lost its lease can write nothing.

Why nothing is sent twice. The lease is one row with a token, which grows with every takeover.

1. Before the first byte of a chunk, one transaction locks the row of the lease, checks that the token is
   still this deliverer's, and inserts the chunk with the ids of its events and the token.
2. A takeover is one transaction, too. It locks the same row, increments the token, marks the events of every
   chunk that it finds UNKNOWN, and removes the chunks. The lock puts the two in an order. If the takeover
   comes first, the old deliverer's insert finds another token and fails, so it sends nothing. If the insert
   comes first, the takeover finds the chunk.
3. A deliverer sends only chunks that it inserted, and reads only rows that are waiting. A row in a chunk
   that a takeover found is UNKNOWN, so no later deliverer sends it.

So a deliverer that was paused between its insert and the first byte, and wakes up after a takeover, may
still send that chunk: its events arrive once, and are UNKNOWN. Nobody else sends them. To keep even that
rare, a deliverer asks ``authorize`` right before each request. It refuses when the lease may have expired,
by a clock that counts the time in which the process, or the machine, was stopped. Only if a person has such
events sent again while a paused deliverer is about to send them can they arrive twice; therefore the
documentation asks to end a deliverer that hangs before resolving anything.

Every later write (outcomes, splits, the heartbeat) checks the token in the same way, so a deliverer that
lost its lease cannot change what its successor has written.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from attrs import frozen
from sqlalchemy import Connection, delete, select, update

from gameball.errors import OutboxError
from gameball.fork_safety import DaemonThread
from gameball.log import LOGGER
from gameball.outbox.database import Database
from gameball.outbox.schema import CHUNKS, LEASE
from gameball.outbox.waiting_rows import database_time, mark, split_ids
from gameball.receipts import Outcome

ResultT = TypeVar("ResultT")

_IN_FLIGHT: Final = "in flight when its deliverer ended or was stopped: it may have been accepted"


@frozen
class LeaseTimes:
    """The times of a lease, in seconds. Every deliverer of an outbox uses the same.

    Attributes:
        duration: How long a lease lasts without a heartbeat.
        heartbeat: The interval of heartbeats.
        margin: How long before its end a lease no longer allows a request to start.
        standby: The interval at which a deliverer that stands by looks at the lease.
    """

    duration: float = 6.0
    heartbeat: float = 1.5
    margin: float = 1.0
    standby: float = 1.0


DEFAULT_TIMES: Final = LeaseTimes()


def _clock() -> float:
    # Unlike the monotonic clock, it counts the time in which the machine was suspended.
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Lease:
    """A lease on an outbox, acquired by ``acquire``.

    Args:
        database: The database.
        token: The token that every write checks.
        valid_until: Until when requests may start, by the clock of this process.
        times: The times of the lease.
    """

    def __init__(self, database: Database, token: int, valid_until: float, times: LeaseTimes) -> None:
        self._database = database
        self._times = times
        self.token = token
        self.lost = threading.Event()
        self._valid_until = valid_until
        self._ended = threading.Event()
        # The row of the lease allows one transaction at a time anyway. If several of a stopped process waited
        # for it, each would hold up the takeover until PostgreSQL ends it.
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    @property
    def is_in_child(self) -> bool:
        """Whether this process was forked from the one that has the lease, in which a greenlet goes on."""
        return self._process != os.getpid()

    def keep(self, on_lost: Callable[[], object]) -> None:
        """Start the thread that renews the lease.

        Args:
            on_lost: Called once in that thread if another process has taken over.
        """
        self._thread = DaemonThread(partial(self._renew, on_lost), "gameball-outbox-lease")
        self._thread.start()

    def _renew(self, on_lost: Callable[[], object]) -> None:
        while not self._ended.wait(self._times.heartbeat) and not self.is_in_child:
            begun = _clock()
            try:
                self.write(self._extend, self._ended.is_set)
            except OutboxError as error:
                if self._ended.is_set():
                    return
                self.lose()
                LOGGER.warning("the lease of the outbox cannot be renewed: %s", error)
            if self.lost.is_set():
                on_lost()
                return
            # By the time before the statement, because the lease began during it.
            self._valid_until = begun + self._times.duration - self._times.margin

    def _extend(self, connection: Connection) -> None:
        expires_at = database_time(self._database.dialect) + self._times.duration
        connection.execute(update(LEASE).values(expires_at=expires_at))

    def _release(self, connection: Connection) -> None:
        self.check_token(connection)
        connection.execute(update(LEASE).values(expires_at=0.0, holder=None))

    def write(self, work: Callable[[Connection], ResultT], give_up: Callable[[], bool]) -> ResultT:
        """Write in a transaction that first checks the token, and retry while the database is unavailable.

        Args:
            work: What to write. It may have been written already, if the connection broke during the commit.
            give_up: Returns whether to stop trying.

        Raises:
            OutboxError: The database refused it, ``give_up`` returned True, or another process took over.
        """

        def check_and_work(connection: Connection) -> ResultT:
            self.check_token(connection)
            return work(connection)

        return self._database.write_until_done(check_and_work, give_up, self._writing)

    def check_token(self, connection: Connection) -> None:
        """Lock the row of the lease in a transaction, and check that its token is still this deliverer's.

        Raises:
            OutboxError: Another process has taken over, or this one was forked.
        """
        self.check_process()
        done = connection.execute(update(LEASE).where(LEASE.c.token == self.token).values(token=self.token))
        if done.rowcount != 1:
            self.lose()
            raise OutboxError("another process has taken over the delivery of the outbox")

    def check_process(self) -> None:
        """Check that this is the process that acquired the lease.

        Raises:
            OutboxError: This process was forked from it.
        """
        if self.is_in_child:
            raise OutboxError(
                "this delivery was started before a fork and continues in the parent process", retryable=False
            )

    def lose(self) -> None:
        """Give the lease up, so that no further request starts."""
        self.lost.set()

    def authorize(self) -> None:
        """Check that a request may start now.

        Raises:
            OutboxError: The lease may have expired, or this process was forked.
        """
        self.check_process()
        if self.lost.is_set():
            raise OutboxError("another process has taken over the delivery of the outbox")
        if _clock() >= self._valid_until:
            raise OutboxError("the lease of the outbox has expired, so nothing may be sent")

    def end(self) -> None:
        """Stop renewing the lease, and release it, so that another process can deliver immediately."""
        if self.is_in_child:
            return
        self._ended.set()
        if self._thread is not None:
            self._thread.join(self._times.heartbeat)
        if not self.lost.is_set():
            try:
                self._database.write(self._release)
            except OutboxError as error:
                LOGGER.warning("the lease of the outbox was not released, and will expire: %s", error)
        self.lose()


def acquire(database: Database, times: LeaseTimes = DEFAULT_TIMES) -> Lease | None:
    """Acquire the lease if no process holds it, and mark what was in flight as UNKNOWN.

    Args:
        database: The database.
        times: The times of the lease.

    Returns:
        The lease, or None if another process has it.

    Raises:
        OutboxError: The database cannot be read or written.
    """
    begun = _clock()
    found = database.write(lambda connection: _take(database, connection, times.duration))
    if found is None:
        return None
    token, unknown = found
    if unknown:
        LOGGER.warning(
            "%s events of the outbox were in flight when their deliverer ended, and are unknown", unknown
        )
    return Lease(database, token, begun + times.duration - times.margin, times)


def _take(database: Database, connection: Connection, duration: float) -> tuple[int, int] | None:
    now = database_time(database.dialect)
    taken = connection.execute(
        update(LEASE)
        .where(LEASE.c.expires_at <= now)
        .values(
            token=LEASE.c.token + 1, holder=f"{socket.gethostname()}:{os.getpid()}", expires_at=now + duration
        )
    )
    if taken.rowcount != 1:
        if connection.execute(select(LEASE.c.id)).first() is None:
            raise OutboxError(
                "the outbox has no row in gameball_outbox_lease: call Outbox.create()", retryable=False
            )
        return None
    token = connection.execute(select(LEASE.c.token)).scalar_one()
    left = connection.execute(select(CHUNKS.c.event_ids)).scalars().all()
    unknown = sum(mark(connection, split_ids(ids), Outcome.UNKNOWN, _IN_FLIGHT) for ids in left)
    connection.execute(delete(CHUNKS))
    return token, unknown
