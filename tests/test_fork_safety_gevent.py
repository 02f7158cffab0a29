"""With gevent, threads are greenlets, which go on in a forked child: they must send nothing there."""

from pathlib import Path

import pytest
from programs import run_program

from gameball.sandbox import Sandbox

_START = """
from gevent import monkey
monkey.patch_all()
import os, sys, threading, time
from gameball import Event, Gameball
gb = Gameball("key", "secret", rate_limits=None)

def fork():
    children = []
    while len(children) < 2 and (child := os.fork()):
        children.append(child)
    return children

def end(children):
    # Time enough for a greenlet that went on in a child to send.
    if len(children) < 2:
        time.sleep(1.0)
        os._exit(0)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
"""

_TRACKER = """
tracker = gb.events.tracker(linger=0.3, on_failure=lambda receipt, events: print(receipt, file=sys.stderr))
for number in range(5):
    tracker.track(f"cust-{number}", "song_liked")
time.sleep(PAUSE)
children = fork()
if len(children) == 2:
    tracker.flush(30.0)
    assert tracker.stats.accepted == 5, tracker.stats
end(children)
"""

_SEND = """
def send():
    events = [Event(f"cust-{number}", "song_liked") for number in range(60)]
    reports.append(gb.events.send(events, max_objects=1, ledger=LEDGER))

reports = []
sending = threading.Thread(target=send)
sending.start()
time.sleep(PAUSE)
children = fork()
if len(children) == 2:
    sending.join()
    assert reports[0].accepted == 60, reports
end(children)
"""

_OUTBOX = """
from gameball.outbox import Outbox
outbox = Outbox(DATABASE)
outbox.create()
with outbox.engine.begin() as connection:
    for number in range(60):
        outbox.add(connection, Event(f"cust-{number}", "song_liked"))
stop = threading.Event()
delivering = threading.Thread(target=outbox.deliver, args=(gb,), kwargs={"stop": stop})
delivering.start()
time.sleep(PAUSE)
children = fork()
if len(children) == 2:
    while outbox.status().accepted < 60:
        time.sleep(0.05)
    stop.set()
    delivering.join()
    assert outbox.status().unknown == 0, outbox.status()
end(children)
"""


# Forked while the events are queued, and while they are in flight.
@pytest.mark.parametrize("pause", [0.0, 0.05, 0.45])
def test_children_do_not_send_what_the_parent_has_tracked(pause: float) -> None:
    with Sandbox(latency=0.3) as box:
        assert run_program(_START + _TRACKER.replace("PAUSE", str(pause)), box.url) == ""
        assert list(box.events.values()) == [1] * 5


@pytest.mark.parametrize("ledger", [False, True])
def test_children_do_not_continue_a_send(ledger: bool, tmp_path: Path) -> None:
    path = repr(str(tmp_path / "a.ledger")) if ledger else "None"
    with Sandbox(latency=0.05) as box:
        errors = run_program(_START + _SEND.replace("LEDGER", path).replace("PAUSE", "0.2"), box.url)
        assert list(box.events.values()) == [1] * 60
    # In a child the thread that sends gets an error, as a send that is used after a fork does.
    assert errors.count("continues in the parent process") == 2


@pytest.mark.parametrize("pause", [0.1, 0.6])
def test_children_do_not_continue_the_delivery_of_an_outbox(pause: float, tmp_path: Path) -> None:
    database = repr(f"sqlite:///{tmp_path / 'shop.db'}")
    with Sandbox(latency=0.5) as box:
        run_program(_START + _OUTBOX.replace("DATABASE", database).replace("PAUSE", str(pause)), box.url)
        assert list(box.events.values()) == [1] * 60
