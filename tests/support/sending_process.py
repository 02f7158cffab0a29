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
            print("begun", flush=True)
            client.events.send(events, **arguments)

    async def asynchronous() -> None:
        async with AsyncGameball("key", "secret", **settings) as client:
            print("begun", flush=True)
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
        print(type(error).__name__, flush=True)
        print(describe(cause.report) if cause is not None else "{}", flush=True)


def main() -> None:
    # Imported before the first fork, for all children.
    __import__("gameball.client")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            send(json.loads(line))
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print("ended", status, flush=True)


if __name__ == "__main__":
    main()
