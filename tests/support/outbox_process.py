"""Forks processes that add to an outbox and deliver it, so that a test can kill them.

Each line of standard input is an order, as JSON: the role of a child, and its database. The process id of the
child is printed. Children end when they are killed.
"""

import json
import logging
import os
import random
import signal
import sys
import threading
import time
from typing import Any

from sqlalchemy import text

from gameball import Event, Gameball
from gameball.outbox import Outbox
from gameball.outbox.deliverer import Deliverer
from gameball.outbox.lease import LeaseTimes

CUSTOMERS = 20


def web(order: dict[str, Any]) -> None:
    """Write orders with their event, and roll every fourth transaction back."""
    outbox = Outbox(order["database"])
    chance = random.Random()
    for number in range(order["start"], order["start"] + order.get("count", 1_000_000)):
        with outbox.engine.connect() as connection:
            connection.execute(text("INSERT INTO orders (number) VALUES (:n)"), {"n": number})
            outbox.add(connection, Event(f"cust-{number % CUSTOMERS}", f"order-{number % 7}", {"n": number}))
            if chance.random() < 0.25 and "count" not in order:
                connection.rollback()
            else:
                connection.commit()
        time.sleep(order.get("pause", 0.0))


def deliver(order: dict[str, Any]) -> None:
    """Deliver until killed."""
    outbox = Outbox(order["database"])
    times = LeaseTimes(**order["times"]) if "times" in order else LeaseTimes()
    with Gameball("key", "secret", base_url=order["url"], max_attempts=2, rate_limits=None) as client:
        Deliverer(outbox._database, client.events, threading.Event(), until_empty=False, times=times).run()


def main() -> None:
    """Fork a child for each order."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children that end leave nothing behind
    logging.disable(logging.WARNING)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                {"web": web, "deliver": deliver}[order["role"]](order)
                os._exit(0)
            except BaseException as error:  # noqa: BLE001 - the child ends here in every case
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
                os._exit(1)
        os.write(1, f"{child}\n".encode())  # at once: the child writes to the same pipe


if __name__ == "__main__":
    main()
