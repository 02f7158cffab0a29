"""A server that hangs, and then reads all that waits at once, gets no more than the limits allow."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from either_client import EitherClient
from raw_server import RawServer, answer
from waiting import wait_until

from gameball import DeadlineError, Event, RateLimit

LIMIT = RateLimit(5, 0.3)
#: How long the client tries. In this time it would fill the window several times.
SECONDS = 1.2
#: Far less than it takes to be read by a server that hangs.
TIMEOUT = 0.1


class PausedServer(RawServer):
    """Accepts and reads nothing before it is entered; until then its sockets take the requests."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.ended = 0
        self._ending = threading.Lock()

    @staticmethod
    def _answer(connection: socket.socket, number: int) -> bool:
        # The client is gone.
        with suppress(OSError):
            connection.sendall(answer(number))
        return True

    def _serve(self, accepted: socket.socket) -> None:
        try:
            super()._serve(accepted)
        finally:
            with self._ending:
                self.ended += 1

    def read_all(self) -> int:
        """Read what waits, and return how many requests that were."""
        with self, socket.create_connection(self._listener.getsockname()) as last:
            last.sendall(b"GET /last HTTP/1.1\r\n\r\n")
            last.recv(1)
            # Connections are accepted in their order.
            wait_until(lambda: self.ended == self.connections)
        return len(self.heads) - 1


def send_with_timeouts(kind: str, url: str) -> None:
    report = EitherClient(kind, url).send(
        [Event(f"cust-{n}", "song_liked") for n in range(100)],
        max_objects=1,
        concurrency=10,
        check=False,
        stop_on_error=False,
        deadline=SECONDS,
        options={"rate_limits": [LIMIT], "timeout": TIMEOUT},
    )
    assert (report.unknown, report.unsent) == (5, 95)


def repeat(kind: str, url: str, call: Callable[[Any], Any]) -> None:
    """Call a client that waits far longer than its caller, who asks again."""
    begun = time.monotonic()

    def sync(gb: Any) -> None:
        while time.monotonic() - begun < SECONDS:
            with suppress(DeadlineError):
                call(gb)

    async def asynchronous(gb: Any) -> None:
        while time.monotonic() - begun < SECONDS:
            with suppress(DeadlineError):
                await call(gb)

    EitherClient(kind, url).call(sync if kind == "sync" else asynchronous, rate_limits=[LIMIT])


def send_with_deadlines(kind: str, url: str) -> None:
    repeat(
        kind,
        url,
        lambda gb: gb.events.send(
            [Event("cust-1", "song_liked")], check=False, stop_on_error=False, deadline=TIMEOUT
        ),
    )


def read_jobs_with_deadlines(kind: str, url: str) -> None:
    repeat(kind, url, lambda gb: gb.jobs.get(1, deadline=TIMEOUT))


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("use", [send_with_timeouts, send_with_deadlines, read_jobs_with_deadlines])
def test_a_server_that_paused_gets_no_more_than_the_limit_at_once(
    use: Callable[[str, str], None], kind: str
) -> None:
    server = PausedServer()
    use(kind, server.url)
    assert server.read_all() == LIMIT.requests
