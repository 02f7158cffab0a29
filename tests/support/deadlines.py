"""A short deadline, and servers that would let a call wait far longer."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: In seconds.
DEADLINE = 1.5


@contextmanager
def soon() -> Iterator[None]:
    """Check that the block ends soon after the deadline. What it waits for would take 20 s and more."""
    begun = time.monotonic()
    yield
    assert DEADLINE * 0.9 <= time.monotonic() - begun < 10


def stay_silent(_: socket.socket, __: int) -> None:
    """Never answer."""


def drip(connection: socket.socket, content: bytes) -> bool:
    """Send a response byte by byte, four a second."""
    for byte in content:
        connection.sendall(bytes([byte]))
        time.sleep(0.25)
    return True
