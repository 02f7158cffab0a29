"""Random faults of a server at the level of bytes, for any kind of request."""

import os
import random
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from attrs import define, field
from raw_server import answer
from repetitions import repetitions

#: How many seeds the tests try.
SEEDS: Final = repetitions(100)
#: How many seeds one test tries.
BATCH: Final = 50
#: How many run at the same time: most of their time is waiting.
TOGETHER: Final = 8
#: The timeout of the client. If a good response takes longer on a loaded machine, it counts as lost.
TIMEOUT: Final = 0.25
#: The statuses that say for sure that a request was not carried out.
REFUSED: Final = (400, 413, 422, 503)
#: A filter of warnings. If a connection is reset before its handshake, ``wrap_socket`` of Python raises and
#: leaves its socket to the garbage collector. Such a socket has no remote address in its warning.
RESET_BEFORE_HANDSHAKE: Final = r"ignore:unclosed <ssl.SSLSocket.*laddr=\([^)]*\)>$:ResourceWarning"
#: The chance that a request is cut: the connection is reset before the whole request was read.
CUT: Final = 0.1


@define
class FaultyServer:
    """Answers each request with a random fault.

    Attributes:
        chance: The source of the faults.
        faults: The names of the faults so far.
    """

    chance: random.Random
    faults: list[str] = field(factory=list)
    lock: threading.Lock = field(factory=threading.Lock)

    def choose(self) -> tuple[Callable[["Exchange"], bool], random.Random]:
        """Return the next fault, and a source of chance for it."""
        with self.lock:
            name = self.chance.choice(sorted(FAULTS))
            self.faults.append(name)
            return FAULTS[name], random.Random(self.chance.random())

    def cut(self) -> int | None:
        """Return after how many bytes of the next request to reset its connection, or None to read it."""
        with self.lock:
            if self.chance.random() >= CUT:
                return None
            self.faults.append("cut")
            # The header takes some hundred bytes, and some bodies many thousand.
            return self.chance.choice([0, 1, 100, 300, 350, 400, 1000, 50_000])


@define
class Exchange:
    """One request, and the connection on which it is answered."""

    connection: socket.socket
    chance: random.Random
    #: The right response.
    response: bytes
    #: Carries out the request.
    take: Callable[[], None]

    def reset(self) -> bool:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return True

    def taken(self, response: bytes | None = None) -> None:
        """Take the request, and only then respond: the client must not know of it before the record does."""
        self.take()
        self.connection.sendall(self.response if response is None else response)


def good(exchange: Exchange) -> bool:
    exchange.taken()
    return False


def reset_before(exchange: Exchange) -> bool:
    return exchange.reset()


def reset_after(exchange: Exchange) -> bool:
    exchange.take()
    return exchange.reset()


def reset_after_response(exchange: Exchange) -> bool:
    exchange.taken()
    return exchange.reset()


def half_a_response(exchange: Exchange) -> bool:
    length = exchange.chance.randrange(len(exchange.response))
    exchange.taken(exchange.response[:length])
    return True


def informational_first(exchange: Exchange) -> bool:
    first = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * exchange.chance.randint(1, 3)
    exchange.taken(first + exchange.response)
    return False


def switching_protocols(exchange: Exchange) -> bool:
    exchange.taken(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + exchange.response)
    return True


def wrong_length(exchange: Exchange) -> bool:
    length = exchange.chance.choice([b"0", b"5", b"500", b"-1", b"x", b"13, 14"])
    exchange.taken(exchange.response.replace(b"content-length: ", b"content-length: " + length + b"\r\nx: "))
    return exchange.chance.random() < 0.5


def chunked_garbage(exchange: Exchange) -> bool:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    exchange.taken(
        head + exchange.chance.choice([b"zz\r\n{}\r\n", b"5\r\n{}\r\n0\r\n\r\n", b"ffffffff\r\n{", b"0\r\n"])
    )
    return True


def surplus(exchange: Exchange) -> bool:
    # In one segment. A surplus response that comes while the next request is on its way cannot be told from
    # the response to that request, by any client of HTTP/1.1.
    exchange.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    exchange.taken()
    exchange.connection.sendall(answer(900_000))
    exchange.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    return exchange.chance.random() < 0.5


def garbage(exchange: Exchange) -> bool:
    exchange.taken(exchange.chance.randbytes(exchange.chance.randint(1, 200)))
    return True


def damaged_record(exchange: Exchange) -> bool:
    exchange.take()
    with socket.socket(fileno=os.dup(exchange.connection.fileno())) as bare:
        bare.sendall(b"\x17\x03\x03\x00\x20" + exchange.chance.randbytes(32))
    return True


def old_version(exchange: Exchange) -> bool:
    exchange.taken(exchange.response.replace(b"HTTP/1.1", b"HTTP/1.0"))
    return True


def slow_drip(exchange: Exchange) -> bool:
    exchange.take()
    for byte in exchange.response:
        exchange.connection.sendall(bytes([byte]))
    return False


def silence(exchange: Exchange) -> bool:
    exchange.take()
    exchange.connection.settimeout(TIMEOUT * 4)
    exchange.connection.recv(1)
    return True


def refused(exchange: Exchange) -> bool:
    status = exchange.chance.choice([*REFUSED, 429])
    exchange.connection.sendall(b"HTTP/1.1 %d X\r\ncontent-length: 2\r\n\r\n{}" % status)
    return exchange.chance.random() < 0.5


def server_error(exchange: Exchange) -> bool:
    exchange.taken(b"HTTP/1.1 500 X\r\ncontent-length: 2\r\n\r\n{}")
    return False


FAULTS: dict[str, Callable[[Exchange], bool]] = {
    fault.__name__: fault
    for fault in (
        good,
        reset_before,
        reset_after,
        reset_after_response,
        half_a_response,
        informational_first,
        switching_protocols,
        wrong_length,
        chunked_garbage,
        surplus,
        garbage,
        damaged_record,
        old_version,
        slow_drip,
        silence,
        refused,
        server_error,
    )
}


def try_seeds(first: int, run: Callable[[int], None]) -> list[str]:
    """Run a batch of seeds, and return what failed: the other seeds are tried too."""

    def failure(seed: int) -> str | None:
        try:
            run(seed)
        except Exception as error:  # noqa: BLE001 - reported below
            return f"seed {seed}: {error!r}"
        return None

    with ThreadPoolExecutor(TOGETHER) as executor:
        found = executor.map(failure, range(first, min(first + BATCH, SEEDS)))
        return [failed for failed in found if failed]
