"""The least server that can answer a batch: what is measured is the client.

python scripts/benchmarks/server.py LATENCY_SECONDS [busy|silent]

It prints its port, and answers until its input ends: with 503 if it is busy, and never if it is silent.
"""

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n" + b'{"jobId":1}'
)
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
# More than any case has requests under way.
_MOST_WAITING: Final = 64


class Answering(asyncio.Protocol):
    """Takes requests with a content length, whatever is in them.

    Args:
        latency: The seconds from the first byte of a request to its answer.
        answer: The answer to every request; empty for none.
    """

    def __init__(self, latency: float, answer: bytes) -> None:
        self._latency = latency
        self._answer_bytes = answer
        self._pending = b""
        self._missing = 0
        self._begun = 0.0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a request, and answer when all have come."""
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
            self._answer(loop)

    def _answer(self, loop: asyncio.AbstractEventLoop) -> None:
        left = self._begun + self._latency - loop.time()
        if left <= 0:
            self._write()
        else:
            # The event loop's own timers are late by up to a millisecond, because they wait in whole ones.
            loop.run_in_executor(None, time.sleep, left).add_done_callback(self._write)

    def _write(self, _: object = None) -> None:
        if self._transport is not None:
            self._transport.write(self._answer_bytes)


async def serve(latency: float, answer: bytes) -> None:
    """Answer on a free loopback port until standard input ends."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_MOST_WAITING))
    server = await loop.create_server(lambda: Answering(latency, answer), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    answers = {"answering": _ANSWER, "busy": _BUSY, "silent": b""}
    asyncio.run(serve(float(sys.argv[1]), answers[(*sys.argv, "answering")[2]]))
