"""Chunks that are abandoned because the grace period of a closed client is over."""

import asyncio
import logging
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import httpx
import pytest
from either_client import KEYS
from sending import events, our_threads
from waiting import LONGEST, wait_until, wait_until_async

from gameball import AsyncGameball, Gameball, GameballError

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


def close_while_sending(
    kind: str, url: str, sending_now: Callable[[], object], **options: Any
) -> GameballError:
    """Close a client while it sends three chunks, and return what the send raises."""
    settings: dict[str, Any] = {"base_url": url, "rate_limits": None, "timeout": 2 * LONGEST, **options}

    def send() -> None:
        client = Gameball(*KEYS, **settings)

        def close() -> None:
            wait_until(sending_now)
            client.close()

        closing = threading.Thread(target=close)
        closing.start()
        try:
            client.events.send(events(3), max_objects=1, concurrency=1)
        finally:
            closing.join()

    async def send_async() -> None:
        client = AsyncGameball(*KEYS, **settings)
        sending = asyncio.create_task(client.events.send(events(3), max_objects=1, concurrency=1))
        await wait_until_async(sending_now)
        await client.close()
        await sending

    with pytest.raises(GameballError, match="closed") as caught:
        send() if kind == "sync" else asyncio.run(send_async())
    return caught.value


def writable(sockets: list[socket.socket]) -> list[socket.socket]:
    return select.select([], sockets, [], 0)[1]


def received_until_no_thread_is_left(server: socket.socket) -> bytes:
    """Accept connections until no thread of a send is left, and return what was sent over them."""
    server.settimeout(0.05)
    received = b""

    def has_ended() -> bool:
        nonlocal received
        try:
            connection, _ = server.accept()
        except TimeoutError:  # the queue of connections is empty too
            return not our_threads()
        with connection:
            connection.settimeout(0.2)
            with suppress(TimeoutError, ConnectionError):
                received += connection.recv(1000)
        return False

    wait_until(has_ended)
    return received


@KINDS
@pytest.mark.usefixtures("little_grace")
def test_a_chunk_without_a_connection_when_its_client_is_closed_is_unsent(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Connecting cannot be aborted, so a thread may connect later; it must not send anything then."""
    caplog.set_level(logging.DEBUG, "httpcore.connection")
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as stack:
        address = server.getsockname()
        # Fills the connection queue of a server that accepts none, so that the next connection must wait.
        waiting = [stack.enter_context(socket.socket()) for _ in range(8)]
        for one in waiting:
            one.settimeout(0)
            one.connect_ex(address)
        wait_until(lambda: 0 < len(writable(waiting)) < len(waiting))
        begun = time.monotonic()
        error = close_while_sending(
            kind, f"http://127.0.0.1:{address[1]}", lambda: "connect_tcp.started" in caplog.text
        )
        report = error.report
        assert report is not None
        assert time.monotonic() - begun < LONGEST
        assert (report.unsent, report.unknown) == (3, 0)
        assert received_until_no_thread_is_left(server) == b""


class StuckTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A user's transport, which does not report when it begins to send, and returns when it is released."""

    def __init__(self) -> None:
        self.called = threading.Event()
        self.released = threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.called.set()
        self.released.wait(LONGEST)
        raise httpx.ReadError("no answer", request=request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.called.set()
        await asyncio.Event().wait()
        raise httpx.ReadError("no answer", request=request)


@KINDS
@pytest.mark.usefixtures("little_grace")
def test_a_chunk_is_unknown_if_a_users_transport_never_returns_from_sending_it(kind: str) -> None:
    """It was reported as unsent, because only httpcore's own connections report when they begin to send."""
    transport = StuckTransport()
    error = close_while_sending(kind, "http://127.0.0.1:9", transport.called.is_set, transport=transport)
    report = error.report
    assert report is not None
    assert (report.unsent, report.unknown) == (2, 1)
    transport.released.set()
    wait_until(lambda: not our_threads())
