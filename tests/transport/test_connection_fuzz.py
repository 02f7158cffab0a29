"""Random faults at the level of bytes. Report, ledger and the server's own record must agree on each of them.

``GAMEBALL_FUZZ_SEEDS`` sets how many seeds are tried.
"""

import os
import random
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from attrs import define, field
from either_client import EitherClient
from raw_server import RawServer, answer

from gameball import DeliveryReport, Event, Ledger, Outcome

SEEDS = int(os.environ.get("GAMEBALL_FUZZ_SEEDS", "200"))
#: How many seeds one test tries.
BATCH = 50
#: How many run at the same time: most of their time is waiting.
TOGETHER = 8
EVENTS = 6
#: If a good response takes longer on a loaded machine, the event is UNKNOWN, which is no fault.
TIMEOUT = 0.25
#: A response that is not a 2xx says that nothing was accepted, except for 500.
REFUSED = {400: Outcome.REJECTED, 413: Outcome.REJECTED, 422: Outcome.REJECTED, 503: Outcome.UNSENT}


@define
class Server:
    """Answers each request with a random fault, and records which requests it took.

    Attributes:
        chance: The source of the faults.
        taken: How often each customer's event was taken.
        promised: The job id that was sent for each customer's event that was taken.
        faults: The names of the faults so far.
    """

    chance: random.Random
    taken: Counter[str] = field(factory=Counter)
    promised: dict[str, int] = field(factory=dict)
    faults: list[str] = field(factory=list)
    lock: threading.Lock = field(factory=threading.Lock)

    def choose(self) -> tuple[str, random.Random]:
        with self.lock:
            name = self.chance.choice(sorted(FAULTS))
            self.faults.append(name)
            return name, random.Random(self.chance.random())

    def take(self, customers: list[str], job_id: int) -> None:
        with self.lock:
            for customer in customers:
                self.taken[customer] += 1
                self.promised[customer] = job_id


@define
class Exchange:
    """One request, and the connection on which it is answered."""

    connection: socket.socket
    job_id: int
    chance: random.Random
    take: Callable[[], None]

    def reset(self) -> bool:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return True

    def taken(self, response: bytes | None = None) -> None:
        """Take the request, and only then respond: the client must not know of it before the record does."""
        self.take()
        self.connection.sendall(answer(self.job_id) if response is None else response)


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
    whole = answer(exchange.job_id)
    exchange.taken(whole[: exchange.chance.randrange(len(whole))])
    return True


def informational_first(exchange: Exchange) -> bool:
    first = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * exchange.chance.randint(1, 3)
    exchange.taken(first + answer(exchange.job_id))
    return False


def switching_protocols(exchange: Exchange) -> bool:
    exchange.taken(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + answer(exchange.job_id))
    return True


def wrong_length(exchange: Exchange) -> bool:
    length = exchange.chance.choice([b"0", b"5", b"500", b"-1", b"x", b"13, 14"])
    exchange.taken(
        answer(exchange.job_id).replace(b"content-length: ", b"content-length: " + length + b"\r\nx: ")
    )
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
    exchange.taken(answer(exchange.job_id).replace(b"HTTP/1.1", b"HTTP/1.0"))
    return True


def slow_drip(exchange: Exchange) -> bool:
    exchange.take()
    for byte in answer(exchange.job_id):
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


def run(seed: int, tls: ssl.SSLContext, ledger: Path) -> None:
    """Send some events to a server with faults, and compare all records of what happened."""
    chance = random.Random(seed)
    kind = chance.choice(["sync", "async"])
    server = Server(random.Random(seed))

    def handler(connection: socket.socket, number: int, body: bytes) -> bool:
        name, own = server.choose()
        customers = [f"cust-{n}" for n in range(EVENTS) if b'"cust-%d"' % n in body]
        exchange = Exchange(connection, 1000 + number, own, lambda: server.take(customers, 1000 + number))
        return FAULTS[name](exchange)

    path = ledger / f"{seed}.ledger" if chance.random() < 0.5 else None
    with RawServer(None, tls if chance.random() < 0.3 else None, with_body=handler) as raw:
        report = EitherClient(kind, raw.url).send(
            [Event(f"cust-{n}", "song_liked") for n in range(EVENTS)],
            max_objects=chance.randint(1, 2),
            concurrency=chance.randint(1, 4),
            ordered=chance.random() < 0.3,
            deadline=chance.choice([None, None, None, 0.2]),
            ledger=path,
            check=False,
            stop_on_error=False,
            options={"max_attempts": 3, "timeout": TIMEOUT, "close_timeout": 0.2},
        )
    check_report(report, server)
    if path is not None:
        with Ledger(path) as kept:
            for outcome in (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.UNKNOWN):
                assert positions(kept.ranges(outcome)) == positions(report.ranges(outcome)), outcome


def positions(ranges: list[range]) -> list[int]:
    return sorted(position for found in ranges for position in found)


def check_report(report: DeliveryReport, server: Server) -> None:
    covered = [n for receipt in report.receipts for n in range(receipt.first, receipt.last + 1)]
    assert sorted(covered) == list(range(EVENTS)), "an event is reported twice or not at all"
    for receipt in report.receipts:
        for number in range(receipt.first, receipt.last + 1):
            times = server.taken[f"cust-{number}"]
            match receipt.outcome:
                case Outcome.ACCEPTED:
                    assert times == 1, (receipt, server.faults)
                    assert server.promised[f"cust-{number}"] == receipt.job_id, (receipt, server.faults)
                case Outcome.UNSENT | Outcome.REJECTED:
                    assert times == 0, (receipt, server.faults)
                case Outcome.UNKNOWN:
                    assert times <= 1, (receipt, server.faults)


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_report_ledger_and_server_agree_whatever_the_server_does(
    first: int, tls: ssl.SSLContext, tmp_path: Path
) -> None:
    def failure(seed: int) -> str | None:
        try:
            run(seed, tls, tmp_path)
        except Exception as error:  # noqa: BLE001 - the other seeds are tried too
            return f"seed {seed}: {error!r}"
        return None

    with ThreadPoolExecutor(TOGETHER) as executor:
        found = executor.map(failure, range(first, min(first + BATCH, SEEDS)))
        assert [failed for failed in found if failed] == []
