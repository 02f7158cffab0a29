"""A server that responds to each complete request with any bytes that a test wants."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

#: Responds to the request with a number on its connection; returns whether to close the connection.
Handler = Callable[[socket.socket, int], bool | None]
#: The same, with the body of the request.
BodyHandler = Callable[[socket.socket, int, bytes], bool | None]


def answer(job_id: int, headers: str = "") -> bytes:
    """Return the bytes of a response with a job id."""
    body = b'{"jobId":%d}' % job_id
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
    )
    return head.encode() + body


class RawServer:
    """Listens on this machine, and calls a handler for each complete request.

    Args:
        handler: Answers a request, or None if ``with_body`` does.
        tls: What the server proves itself with, or None for plain HTTP.
        with_body: Answers a request, whose body it receives too.
        cut: Asked before each request: after how many bytes of it to reset the connection, or None.
    """

    def __init__(
        self,
        handler: Handler | None,
        tls: ssl.SSLContext | None = None,
        *,
        with_body: BodyHandler | None = None,
        cut: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._handler = with_body or (
            lambda connection, number, _: bool(handler and handler(connection, number))
        )
        self._cut = cut
        self._lock = threading.Lock()
        self._tls = tls
        self.heads: list[bytes] = []
        self.connections = 0
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            # Otherwise a second block is held back until the client sends its next request.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        with suppress(OSError), self._secured(accepted) as connection:
            received = b""
            while True:
                received = received or self._more(connection, 1)
                if (length := self._cut()) is not None:
                    self._reset(connection, length - len(received))
                    return
                while b"\r\n\r\n" not in received:
                    received += self._more(connection)
                head, _, received = received.partition(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")
                length = sum(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
                while len(received) < length:
                    received += self._more(connection)
                body, received = received[:length], received[length:]
                with self._lock:
                    number = len(self.heads)
                    self.heads.append(head)
                if self._handler(connection, number, body):
                    connection.close()
                    return

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self._tls is None:
            return connection
        with connection:
            return self._tls.wrap_socket(connection, server_side=True)

    def _reset(self, connection: socket.socket, length: int) -> None:
        """Read some more bytes, and reset the connection."""
        while length > 0:
            length -= len(self._more(connection, length))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    @staticmethod
    def _more(connection: socket.socket, length: int = 65_536) -> bytes:
        block = connection.recv(length)
        if not block:
            raise OSError("the client has closed the connection")
        return block
