"""Surplus bytes on a connection, wherever they lie, are never taken for the response to the next request."""

import socket
import ssl
import threading
from contextlib import suppress
from typing import Any

import httpcore
import httpx
import pytest
from either_client import EitherClient
from raw_server import RawServer, answer
from waiting import LONGEST, wait_until, wait_until_async

from gameball import AsyncGameball, BatchJob, DeliveryReport, Event, Gameball, Outcome

SURPLUS = answer(999)
#: anyio hands over this much at once, and keeps the rest in a queue.
READ_AT_ONCE = 65_536


def long_answer(job_id: int) -> bytes:
    padding = READ_AT_ONCE - len(answer(job_id, "x-padding: \r\n"))
    return answer(job_id, f"x-padding: {'x' * padding}\r\n")


def in_one_segment(connection: socket.socket, *blocks: bytes) -> None:
    """Send blocks, each in a TLS record of its own, in one segment."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    for block in blocks:
        connection.sendall(block)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)


def send_three(kind: str, url: str) -> list[int]:
    events = [Event(f"cust-{number}", "song_liked") for number in range(3)]
    return EitherClient(kind, url).send(events, max_objects=1, concurrency=1).job_ids


def test_bytes_that_wait_in_the_queue_of_a_stream_are_not_a_response(kind: str) -> None:
    def handler(connection: socket.socket, number: int) -> None:
        connection.sendall(long_answer(number) + (SURPLUS if number == 0 else b""))

    with RawServer(handler) as server:
        assert send_three(kind, server.url) == [0, 1, 2]
        assert server.connections == 2


def test_bytes_that_wait_in_the_tls_layer_are_not_a_response(kind: str, tls: ssl.SSLContext) -> None:
    def handler(connection: socket.socket, number: int) -> None:
        in_one_segment(connection, answer(number), *([SURPLUS] if number == 0 else []))

    with RawServer(handler, tls) as server:
        assert send_three(kind, server.url) == [0, 1, 2]
        assert server.connections == 2


def ask(client: Any, use: str) -> Any:
    """Make one request with either client, in one of the ways in which it makes any."""
    match use:
        case "send":
            return client.events.send([Event("cust", "song_liked")])
        case "jobs":
            return client.jobs.get(1)
    raw = client.raw
    return (raw.get_httpx_client() if isinstance(client, Gameball) else raw.get_async_httpx_client()).get(
        "/any"
    )


def job_id_of(result: Any) -> object:
    match result:
        case DeliveryReport():
            return result.job_ids[0]
        case BatchJob():
            return result.raw["jobId"]
    return result.json()["jobId"]


@pytest.mark.parametrize("use", ["send", "raw", "jobs"])
@pytest.mark.parametrize("is_tls", [False, True])
def test_bytes_that_arrive_while_a_connection_is_idle_are_not_a_response(
    kind: str, use: str, is_tls: bool, tls: ssl.SSLContext
) -> None:
    has_more, sent_more = threading.Event(), threading.Event()

    def handler(connection: socket.socket, number: int) -> None:
        connection.sendall(answer(number))
        if number == 0 and has_more.wait(LONGEST):
            connection.sendall(SURPLUS)
            sent_more.set()

    def wait_for_more() -> None:
        has_more.set()
        assert sent_more.wait(LONGEST)

    def run_sync(client: Gameball) -> list[object]:
        first = ask(client, use)
        wait_for_more()
        return [job_id_of(first), job_id_of(ask(client, use))]

    async def run_async(client: AsyncGameball) -> list[object]:
        first = await ask(client, use)
        wait_for_more()
        return [job_id_of(first), job_id_of(await ask(client, use))]

    with RawServer(handler, tls if is_tls else None) as server:
        run: Any = run_sync if kind == "sync" else run_async
        assert EitherClient(kind, server.url).call(run) == [0, 1]
        assert server.connections == 2


def waiting_transport(kind: str) -> httpx.BaseTransport | httpx.AsyncBaseTransport:
    """Return a transport that waits, after it has connected, until the server has sent something."""
    if kind == "sync":

        class Backend(httpcore.SyncBackend):
            def connect_tcp(self, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
                stream = super().connect_tcp(*arguments, **options)
                wait_until(lambda: stream.get_extra_info("is_readable"))
                return stream

        transport = httpx.HTTPTransport()
        transport._pool._network_backend = Backend()
        return transport

    class AsyncBackend(httpcore.AnyIOBackend):
        async def connect_tcp(self, *arguments: Any, **options: Any) -> httpcore.AsyncNetworkStream:
            stream = await super().connect_tcp(*arguments, **options)
            await wait_until_async(lambda: stream.get_extra_info("is_readable"))
            return stream

    async_transport = httpx.AsyncHTTPTransport()
    async_transport._pool._network_backend = AsyncBackend()
    return async_transport


@pytest.mark.parametrize("greeting", [answer(999), b""], ids=["a response", "a close"])
def test_what_arrives_before_the_first_request_leaves_it_unsent(kind: str, greeting: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            # A connection that is closed before everything was read is reset.
            with connection, suppress(OSError):
                connection.sendall(greeting)
                connection.shutdown(socket.SHUT_WR)
                received.append(connection.recv(1))

        received: list[bytes] = []
        thread = threading.Thread(target=greet)
        thread.start()
        report = EitherClient(kind, f"http://127.0.0.1:{listener.getsockname()[1]}").send(
            [Event("cust", "song_liked")], check=False, options={"transport": waiting_transport(kind)}
        )
        thread.join()
    assert report.receipts[0].outcome is Outcome.UNSENT
    assert not any(received)
