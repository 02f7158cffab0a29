"""A server of events with random faults, which records what it took."""

import socket
import ssl
from collections import Counter
from typing import Final

from attrs import define, field
from byte_faults import Exchange, FaultyServer
from raw_server import RawServer, answer

EVENTS: Final = 6
#: More than the buffers of a connection hold, so that a reset strikes while the request is being sent.
LARGE: Final = "x" * 300_000


@define
class EventServer(FaultyServer):
    """Records which events it took.

    Attributes:
        taken: How often each customer's event was taken.
        promised: The job id that was sent for each customer's event that was taken.
    """

    taken: Counter[str] = field(factory=Counter)
    promised: dict[str, int] = field(factory=dict)

    def handle(self, connection: socket.socket, number: int, body: bytes) -> bool:
        fault, chance = self.choose()
        job_id = 1000 + number
        customers = [f"cust-{n}" for n in range(EVENTS) if b'"cust-%d"' % n in body]
        return fault(Exchange(connection, chance, answer(job_id), lambda: self.take(customers, job_id)))

    def take(self, customers: list[str], job_id: int) -> None:
        with self.lock:
            for customer in customers:
                self.taken[customer] += 1
                self.promised[customer] = job_id

    def serve(self, tls: ssl.SSLContext | None) -> RawServer:
        """Return a server that does what this one chooses."""
        return RawServer(None, tls, with_body=self.handle, cut=self.cut)
