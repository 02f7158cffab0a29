"""Faults of servers, proxies and TLS on real sockets, and the outcome of each."""

import gzip
import os
import resource
import socket
import ssl
import struct
import threading
from collections.abc import Callable

import pytest
from either_client import EitherClient
from raw_server import RawServer, answer

from gameball import DeliveryReport, Event, Gameball, Outcome, ResponseLostError

NAMES_NO_COOKIE = b"\r\ncookie:"
MEBIBYTE = 1024 * 1024


def send(kind: str, url: str, count: int = 1, attempts: int = 1) -> DeliveryReport:
    return EitherClient(kind, url).send(
        [Event(f"cust-{number}", "song_liked") for number in range(count)],
        max_objects=1,
        concurrency=1,
        check=False,
        stop_on_error=False,
        options={"max_attempts": attempts},
    )


def outcomes(report: DeliveryReport) -> list[Outcome]:
    return [receipt.outcome for receipt in report.receipts]


def test_a_surplus_response_is_not_used_for_the_next_request(kind: str) -> None:
    def answer_twice_at_first(connection: socket.socket, number: int) -> None:
        connection.sendall(answer(100 + number) + (answer(999) if number == 0 else b""))

    with RawServer(answer_twice_at_first) as server:
        assert send(kind, server.url, 3).job_ids == [100, 101, 102]
        assert server.connections == 2


@pytest.mark.parametrize(
    ("content", "job_id"),
    [
        (b'{"jobId": 7, "queue": {"new": null}, "state": "unheard of"}', 7),
        (b'{"jobId": "7"}', 7),
        (b'{"jobId": 7.0, "jobid": null}', 7),
    ],
)
def test_additions_to_a_response_leave_the_chunk_accepted(kind: str, content: bytes, job_id: int) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(content)
    with RawServer(lambda connection, _: connection.sendall(head + content)) as server:
        report = send(kind, server.url)
    assert (outcomes(report), report.job_ids) == ([Outcome.ACCEPTED], [job_id])


@pytest.mark.parametrize("status", [200, 400, 500])
def test_an_endless_response_takes_little_memory(kind: str, status: int) -> None:
    block = b"10000\r\n" + b"x" * 65_536 + b"\r\n"

    def go_on_for_ever(connection: socket.socket, _: int) -> None:
        connection.sendall(b"HTTP/1.1 %d X\r\ntransfer-encoding: chunked\r\n\r\n" % status)
        while True:
            connection.sendall(block)

    with RawServer(go_on_for_ever) as server:
        report, grown = measured(lambda: send(kind, server.url))
    expected = {200: Outcome.UNKNOWN, 400: Outcome.REJECTED, 500: Outcome.UNKNOWN}
    assert outcomes(report) == [expected[status]]
    assert grown < 64 * MEBIBYTE


def test_a_compressed_response_that_expands_to_gigabytes_takes_little_memory(kind: str) -> None:
    bomb = gzip.compress(bytes(300 * MEBIBYTE), 1)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    with RawServer(lambda connection, _: connection.sendall(head + bomb)) as server:
        report, grown = measured(lambda: send(kind, server.url))
    assert outcomes(report) == [Outcome.UNKNOWN]
    assert grown < 64 * MEBIBYTE


def test_a_compressed_response_that_was_not_requested_is_read(kind: str) -> None:
    content = gzip.compress(b'{"jobId": 7}')
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(content)
    with RawServer(lambda connection, _: connection.sendall(head + content)) as server:
        assert send(kind, server.url).job_ids == [7]
    assert b"accept-encoding: identity" in server.heads[0].lower()


def measured(act: Callable[[], DeliveryReport]) -> tuple[DeliveryReport, int]:
    """Return the result of a function, and by how many bytes the peak memory of the process grew."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = act()
    return report, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


def test_a_longer_response_is_read_by_the_raw_client_up_to_its_limit() -> None:
    content = b'{"x": "' + b"x" * (3 * MEBIBYTE) + b'"}'
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"
    sent = [head % len(content) + content, head % (20 * MEBIBYTE) + bytes(20 * MEBIBYTE)]
    with (
        RawServer(lambda connection, number: connection.sendall(sent[number])) as server,
        Gameball("key", "secret", base_url=server.url) as client,
    ):
        raw = client.raw.get_httpx_client()
        assert raw.get("/anything").content == content
        with pytest.raises(ResponseLostError, match="longer than 16,777,216 bytes"):
            raw.get("/anything")


def test_cookies_of_responses_are_not_kept_whatever_they_hold(kind: str) -> None:
    cookies = "set-cookie: nä=me; Path=/\r\nset-cookie: large=" + "x" * 4000 + "\r\n"
    with RawServer(lambda connection, number: connection.sendall(answer(number, cookies))) as server:
        assert send(kind, server.url, 3).accepted == 3
    assert not any(NAMES_NO_COOKIE in head.lower() for head in server.heads)


def close(connection: socket.socket) -> None:
    connection.recv(65_536)


def close_with_garbage(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"what is this\r\n\r\n")


def close_halfway(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 Conn")


def refuse(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")


def reset(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("behave", [close, close_with_garbage, close_halfway, refuse, reset])
def test_a_proxy_that_breaks_before_it_is_connected_has_sent_nothing(
    kind: str, behave: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    connects = 0
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def serve() -> None:
            nonlocal connects
            while True:
                try:
                    connection, _ = proxy.accept()
                except OSError:
                    return
                with connection:
                    connects += 1
                    behave(connection)

        threading.Thread(target=serve, daemon=True).start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        report = send(kind, "https://gameball.invalid", attempts=2)
        proxy.shutdown(socket.SHUT_RDWR)
    assert outcomes(report) == [Outcome.UNSENT]
    assert (report.receipts[0].attempts, connects) == (2, 2)


def test_a_response_is_read_over_tls(kind: str, tls: ssl.SSLContext) -> None:
    with RawServer(lambda connection, number: connection.sendall(answer(number)), tls) as server:
        assert send(kind, server.url, 2).job_ids == [0, 1]


def test_a_tls_record_that_is_broken_after_the_handshake_leaves_the_chunk_unknown(
    kind: str, tls: ssl.SSLContext
) -> None:
    # The asynchronous client let a bare ssl.SSLError escape, which ended the send.
    def send_garbage(connection: socket.socket, _: int) -> bool:
        # A copy of the descriptor: after detach(), OpenSSL once wrote to the next connection, which had
        # been given the same number.
        with socket.socket(fileno=os.dup(connection.fileno())) as bare:
            bare.sendall(b"\x17\x03\x03\x00\x20" + b"G" * 32)
            bare.recv(1)
        return False

    with RawServer(send_garbage, tls) as server:
        report = send(kind, server.url, 2)
    assert outcomes(report) == [Outcome.UNKNOWN, Outcome.UNKNOWN]


def test_a_handshake_that_fails_has_sent_nothing(kind: str) -> None:
    untrusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    untrusted.set_ciphers("aNULL:@SECLEVEL=0")
    with RawServer(lambda *_: None, untrusted) as server:
        assert outcomes(send(kind, server.url, 1)) == [Outcome.UNSENT]
