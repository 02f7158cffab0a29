"""The end of a process: what is queued is sent, within the deadline."""

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import closing

from programs import run_program
from raw_server import RawServer
from waiting import LONGEST

from gameball.sandbox import Sandbox

_PROGRAM = """
import logging, sys
from gameball import Gameball
logging.basicConfig(level=logging.WARNING, format="%(message)s")
tracker = Gameball("key", "secret").events.tracker(close_timeout=float(sys.argv[1]))
for number in range(10_000):
    tracker.track(f"cust-{number}", "song_liked")
"""


def run(url: str, close_timeout: float) -> tuple[float, subprocess.CompletedProcess[str]]:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(close_timeout)],
        env={**os.environ, "GAMEBALL_BASE_URL": url},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return time.monotonic() - begun, done


def test_a_program_that_just_ends_has_sent_everything(box: Sandbox) -> None:
    run(box.url, LONGEST)
    assert sum(box.events.values()) == 10_000


def test_a_server_that_never_answers_does_not_keep_a_program_from_ending() -> None:
    with RawServer(lambda *_: time.sleep(60)) as server:
        seconds, done = run(server.url, 1.0)
    assert seconds < 20
    assert "tracker closed; events tracked: 10000, accepted: 0, rejected: 0" in done.stderr
    unknown, dropped = map(int, re.findall(r"unknown: (\d+), dropped: (\d+)", done.stderr)[-1])
    assert unknown + dropped == 10_000
    # Python 3.12 starts no threads at the end of the program, so fewer requests are sent at once there.
    assert unknown == 8_000 or (sys.version_info[:2] == (3, 12) and unknown % 1_000 == 0 < unknown)


def test_a_server_that_refuses_does_not_keep_a_program_from_ending() -> None:
    # A socket that is bound and does not listen refuses every connection.
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        _, done = run(f"http://127.0.0.1:{bound.getsockname()[1]}", 1.0)
    assert "accepted: 0, rejected: 0, unknown: 0, dropped: 10000" in done.stderr


_AT_EXIT = """
import atexit, logging, sys
from gameball import Gameball
logging.basicConfig(level=logging.WARNING, format="%(message)s")
tracker = Gameball("key", "secret").events.tracker(close_timeout=30.0)
atexit.register(lambda: tracker.track("cust-1", "song_liked"))
"""

# As Python 3.12 does.
_WITHOUT_THREADS = """
import _thread
def fail(*args, **options):
    raise RuntimeError("can't create new thread at interpreter shutdown")
_thread.start_new_thread = threading._start_new_thread = threading._start_joinable_thread = fail
if "gevent.threadpool" in sys.modules:
    sys.modules["gevent.threadpool"].start_new_thread = fail
"""

_WITH_GEVENT = """
import gevent.threadpool
from gevent import monkey
monkey.patch_all()
from gameball import Gameball
tracker = Gameball("key", "secret").events.tracker(close_timeout=30.0)
for number in range(3):
    tracker.track(f"cust-{number}", "song_liked")
"""

_AFTER_THE_END = """
import atexit, logging, sys
def late():
    assert [tracker.track("cust-1", "song_liked") for _ in range(3)] == [False] * 3
    assert tracker.stats.dropped == 3
atexit.register(late)
from gameball import Gameball
logging.basicConfig(level=logging.WARNING, format="%(message)s")
tracker = Gameball("key", "secret").events.tracker()
"""


def _at_exit(statements: str) -> str:
    """Return statements that run others before all functions that were registered with ``atexit`` earlier."""
    return f"import atexit, sys, threading\natexit.register(lambda: exec({statements!r}, globals()))\n"


def test_the_first_event_of_a_process_may_be_tracked_by_an_atexit_function(box: Sandbox) -> None:
    assert run_program(_AT_EXIT, box.url) == ""
    assert sum(box.events.values()) == 1


def test_it_is_sent_and_nothing_is_logged_if_no_thread_can_be_started_any_more(box: Sandbox) -> None:
    assert run_program(_AT_EXIT + _at_exit(_WITHOUT_THREADS), box.url) == ""
    assert sum(box.events.values()) == 1


def test_with_gevent_the_first_connection_may_be_made_when_no_thread_can_be_started(box: Sandbox) -> None:
    assert run_program(_WITH_GEVENT + _at_exit(_WITHOUT_THREADS), box.url) == ""
    assert sum(box.events.values()) == 3


def test_events_tracked_after_the_trackers_were_closed_are_counted_in_warnings(box: Sandbox) -> None:
    warnings = run_program(_AFTER_THE_END, box.url).splitlines()
    assert warnings == ["the tracker is closed; events dropped: 1"] * 3
    assert not box.events
