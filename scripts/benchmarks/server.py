"""A minimal server that responds to batches, so that the benchmark measures the client.

python scripts/benchmarks/server.py LATENCY_SECONDS [busy|silent]

It prints its port, and runs until its input ends. A busy server responds with 503, and a silent one never.
"""

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

_RESPONSE: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n" + b'{"jobId":1}'
)
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
# More than the concurrent requests of any case.
_MOST_WAITING: Final = 64


class BatchProtocol(asyncio.Protocol):
    """Responds to every request that has a content length.

    Args:
        latency: The seconds from the first byte of a request to its response.
        response: The response to every request; empty for none.
    """

    def __init__(self, latency: float, response: bytes) -> None:
        self._latency = latency
        self._response = response
        self._pending = b""
        self._missing = 0
        self._begun = 0.0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for the responses."""
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a request, and respond when all have arrived."""
        loop = asyncio.get_running_loop()
        if not self._missing and not self._pending:
            self._begun = loop.time()
        if self._missing:
            self._missing -= len(data)
        else:
            self._pending += data
            head, end, body = self._pending.partition(b"\r\n\r\n")
            if not end:
                return
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            self._missing = length - len(body)
            self._pending = b""
        if self._missing <= 0:
            self._respond(loop)

    def _respond(self, loop: asyncio.AbstractEventLoop) -> None:
        left = self._begun + self._latency - loop.time()
        if left <= 0:
            self._write()
        else:
            # Timers of the event loop wait for whole milliseconds, and so are up to one late.
            loop.run_in_executor(None, time.sleep, left).add_done_callback(self._write)

    def _write(self, _: object = None) -> None:
        if self._transport is not None:
            self._transport.write(self._response)


async def serve(latency: float, response: bytes) -> None:
    """Listen on a free loopback port until standard input ends."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_MOST_WAITING))
    server = await loop.create_server(lambda: BatchProtocol(latency, response), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    responses = {"responding": _RESPONSE, "busy": _BUSY, "silent": b""}
    asyncio.run(serve(float(sys.argv[1]), responses[(*sys.argv, "responding")[2]]))
