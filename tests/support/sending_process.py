"""A process that forks senders, so that a test can kill them: started once, because importing takes long.

Reads lines of JSON from standard input: {"kind", "url", "ledger", "count", "grace"}. For each it forks a
child that sends; it prints the child's process id, then what the child prints, and last how the child ended.
"""

import asyncio
import json
import os
import sys
import threading
from typing import Any

from gameball import AsyncGameball, DeliveryReport, Event, Gameball


def tell(line: str) -> None:
    """Write a line at once: the parent and its child write to the same pipe, and print may write in parts."""
    os.write(1, f"{line}\n".encode())


def describe(report: DeliveryReport) -> str:
    counts = {
        "accepted": report.accepted,
        "rejected": report.rejected,
        "unknown": report.unknown,
        "unsent": report.unsent,
    }
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("gameball")]
    return json.dumps({**counts, "threads": threads})


def send(order: dict[str, Any]) -> None:
    events = [Event(f"cust-{n}", "song_liked", {"n": n}) for n in range(order["count"])]
    arguments: dict[str, Any] = {
        "ledger": order["ledger"],
        "max_objects": 3,
        "concurrency": 3,
        "check": False,
        "stop_on_error": False,
    }
    settings: dict[str, Any] = {"base_url": order["url"], "rate_limits": None}
    if "grace" in order:
        settings["close_timeout"] = order["grace"]

    def sync() -> None:
        with Gameball("key", "secret", **settings) as client:
            tell("begun")
            client.events.send(events, **arguments)

    async def asynchronous() -> None:
        async with AsyncGameball("key", "secret", **settings) as client:
            tell("begun")
            await client.events.send(events, **arguments)

    try:
        if order["kind"] == "sync":
            sync()
        else:
            asyncio.run(asynchronous())
    except BaseException as error:  # noqa: BLE001 - the test checks which error it is
        cause: BaseException | None = error
        while cause is not None and not hasattr(cause, "report"):
            cause = cause.__cause__ or cause.__context__
        tell(type(error).__name__)
        tell(describe(cause.report) if cause is not None else "{}")


def main() -> None:
    # Imported before the first fork, for all children.
    __import__("gameball.client")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            send(json.loads(line))
            os._exit(0)
        tell(str(child))
        _, status = os.waitpid(child, 0)
        tell(f"ended {status}")


if __name__ == "__main__":
    main()
