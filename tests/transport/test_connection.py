"""What is on the wire, asserted on the bytes that a socket received."""

import socket
import threading
from collections.abc import Iterator

import pytest
from either_client import EitherClient

from gameball import Event

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"jobId":7}'


class Listener:
    """Takes one request on a real socket, and keeps its bytes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.request = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            while b"\r\n\r\n" not in self.request:
                self.request += connection.recv(65536)
            head, _, body = self.request.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            while len(body) < length:
                more = connection.recv(65536)
                self.request += more
                body += more
            connection.sendall(ANSWER)

    def close(self) -> None:
        self._thread.join(5)
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def send_to(listener: Listener, kind: str) -> tuple[str, dict[str, str], bytes]:
    report = EitherClient(kind, listener.url).send(
        [Event("cust-1", "song_liked", {"title": "Grüße", "n": 1.5})]
    )
    assert report.job_ids == [7]
    head, _, body = listener.request.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert len(headers) == len(lines)
    return first, {name.lower(): value for name, value in headers.items()}, body


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_request_is_what_gameball_documents(listener: Listener, kind: str) -> None:
    first, headers, body = send_to(listener, kind)
    assert first == "POST /api/v4.0/integrations/batch/events HTTP/1.1"
    assert headers["apikey"] == "key"
    assert headers["secretkey"] == "secret"
    assert headers["content-type"] == "application/json"
    assert headers["accept"] == "application/json"
    assert headers["user-agent"].startswith("gameball-client/")
    assert headers["content-length"] == str(len(body))
    assert "authorization" not in headers
    expected = '{"body":[{"customerId":"cust-1","events":{"song_liked":{"title":"Grüße","n":1.5}}}]}'
    assert body == expected.encode()


def test_sync_and_async_send_the_same_bytes() -> None:
    requests = []
    for kind in ("sync", "async"):
        listener = Listener()
        first, headers, body = send_to(listener, kind)
        listener.close()
        del headers["host"]  # another port
        requests.append((first, headers, body))
    assert requests[0] == requests[1]
