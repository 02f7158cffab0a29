"""Processes that add to an outbox and deliver it, and that a test kills."""

import itertools
import json
import os
import signal
import subprocess
from contextlib import suppress
from typing import IO, Any

from attrs import define, field
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from waiting import wait_until

from gameball import Event
from gameball.outbox import Outbox

_numbers = itertools.count()


def new_database(postgres: Any) -> str:
    """Create a database, and return its URL."""
    url = make_url(postgres.get_uri()).set(drivername="postgresql+psycopg")
    name = f"shop_{os.getpid()}_{next(_numbers)}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


def add(outbox: Outbox, *events: Event) -> None:
    with outbox.engine.begin() as connection:
        for event in events:
            outbox.add(connection, event)


def likes(count: int, customers: int = 50) -> list[Event]:
    return [Event(f"cust-{n % customers}", "song_liked", {"n": n}) for n in range(count)]


@define
class Forker:
    """The process that forks others, and the file with what they write to standard error."""

    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def fork(self, order: dict[str, Any]) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@define
class Processes:
    """Processes that a test starts and kills."""

    database: str
    forker: Forker
    running: set[int] = field(factory=set)

    def start(self, role: str, **order: Any) -> int:
        child = self.forker.fork({"role": role, "database": self.database, **order})
        self.running.add(child)
        return child

    def errors(self) -> str:
        """Return what the processes of all tests wrote to standard error."""
        size = os.fstat(self.forker.errors.fileno()).st_size
        return os.pread(self.forker.errors.fileno(), size, 0).decode()

    def kill(self, child: int) -> None:
        """Kill a process, and return when it is gone."""
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        wait_until(lambda: not is_running(child))
        self.running.discard(child)


def is_running(child: int) -> bool:
    try:
        os.kill(child, 0)
    except ProcessLookupError:
        return False
    return True
