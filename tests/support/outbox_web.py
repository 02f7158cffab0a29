"""A web application whose workers deliver their outbox. A test runs it under gunicorn."""

import os

from flask import Flask

from gameball import Event, Gameball
from gameball.outbox import Outbox

app = Flask(__name__)
outbox = Outbox(os.environ["OUTBOX_DATABASE"])
tracker = Gameball(rate_limits=None).events.tracker(outbox=outbox)


@app.post("/orders/<int:number>")
def order(number: int) -> tuple[str, int]:
    """Write an order's event, and return the process that did."""
    with outbox.engine.begin() as connection:
        outbox.add(connection, Event(f"cust-{number}", "order_placed", {"n": number}))
    return str(os.getpid()), 200
