"""A tracker that also delivers an outbox."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from outbox_processes import add, likes
from waiting import wait_until

from gameball import AsyncGameball, Gameball
from gameball.outbox import Outbox
from gameball.sandbox import Fault, Sandbox

_ROOT = Path(__file__).resolve().parents[2]
_CONFIGURATION = """
def post_worker_init(worker):
    from outbox_web import tracker
    tracker.start()
"""


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'shop.db'}"


@pytest.fixture
def outbox(database: str) -> Iterator[Outbox]:
    outbox = Outbox(database)
    outbox.create()
    yield outbox
    outbox.close()


def test_a_tracker_delivers_from_the_first_add_until_it_is_closed(
    outbox: Outbox, client: Gameball, box: Sandbox
) -> None:
    tracker = client.events.tracker(outbox=outbox)
    assert outbox.status().holder is None
    add(outbox, *likes(30))
    box.wait_for(lambda: box.events.total() == 30)
    begun = time.monotonic()
    tracker.close(timeout=4.0)
    assert time.monotonic() - begun < 4.0
    add(outbox, *likes(1))
    status = outbox.status()
    assert (status.accepted, status.waiting, status.holder) == (30, 1, None)


@pytest.mark.parametrize("how", ["track", "start"])
def test_rows_that_were_left_are_delivered_when_the_tracker_starts(
    outbox: Outbox, client: Gameball, box: Sandbox, how: str
) -> None:
    add(outbox, *likes(5))
    with client.events.tracker(outbox=outbox) as tracker:
        if how == "start":
            tracker.start()
        else:
            assert tracker.track("cust-1", "page_viewed")
        box.wait_for(lambda: box.events.total() == (5 if how == "start" else 6))


def test_a_thread_that_cannot_be_started_is_started_by_a_later_add(
    outbox: Outbox,
    client: Gameball,
    box: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    start = threading.Thread.start

    def fail(thread: threading.Thread) -> None:
        if thread.name == "gameball-outbox":
            raise RuntimeError("can't start new thread")
        start(thread)

    with client.events.tracker(outbox=outbox):
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", fail)
            add(outbox, *likes(1))
        assert "the thread that delivers the outbox could not be started" in caplog.text
        assert outbox.status().waiting == 1
        add(outbox, *likes(1))
        box.wait_for(lambda: box.events.total() == 2)


async def _deliver_asynchronously(outbox: Outbox, box: Sandbox) -> None:
    async with AsyncGameball("key", "secret", base_url=box.url) as client:
        tracker = client.events.tracker(outbox=outbox)
        tracker.start()
        await asyncio.to_thread(box.wait_for, lambda: box.events.total() == 5)
        await tracker.close()


def test_the_tracker_of_the_asynchronous_client_delivers_too(outbox: Outbox, box: Sandbox) -> None:
    add(outbox, *likes(5))
    asyncio.run(_deliver_asynchronously(outbox, box))
    assert outbox.status().accepted == 5


def test_close_keeps_its_deadline_while_a_request_of_the_outbox_gets_no_response(
    outbox: Outbox, client: Gameball, box: Sandbox
) -> None:
    box.fail_next(Fault(delay=60.0))
    tracker = client.events.tracker(outbox=outbox)
    add(outbox, *likes(1))
    wait_until(lambda: outbox.status().in_flight)
    begun = time.monotonic()
    tracker.close(timeout=1.0)
    assert time.monotonic() - begun < 2.0


def test_a_closed_database_is_logged_and_does_not_hinder_track(
    tmp_path: Path, client: Gameball, box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = Outbox(f"sqlite:///{tmp_path / 'empty.db'}")
    with client.events.tracker(outbox=outbox, linger=0.0) as tracker:
        assert tracker.track("cust-1", "page_viewed")
        box.wait_for(lambda: box.events)
        wait_until(lambda: "call Outbox.create" in caplog.text)
    outbox.close()


def test_when_a_gunicorn_worker_is_killed_another_one_delivers(
    outbox: Outbox, database: str, box: Sandbox, tmp_path: Path
) -> None:
    add(outbox, *likes(1))
    (tmp_path / "configuration.py").write_text(_CONFIGURATION)
    paths = [_ROOT, _ROOT / "generated", _ROOT / "tests" / "support"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "OUTBOX_DATABASE": database,
        "GAMEBALL_API_KEY": "key",
        "GAMEBALL_SECRET_KEY": "secret",
        "GAMEBALL_BASE_URL": box.url,
    }
    socket = tmp_path / "socket"
    options = ["--config", str(tmp_path / "configuration.py"), "--preload", "--workers", "2"]
    command = [sys.executable, "-m", "gunicorn", *options, "--bind", f"unix:{socket}", "outbox_web:app"]
    log = tmp_path / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=output, stderr=output, start_new_session=True
        ) as server,
    ):
        try:
            # Nobody has sent a request yet: the row was left by an earlier process.
            box.wait_for(lambda: box.events.total() == 1)
            first = _deliverer(outbox)
            assert first != server.pid
            with httpx.Client(
                transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://web"
            ) as browser:
                wait_until(lambda: outbox.status().in_flight == 0)
                os.kill(first, signal.SIGKILL)
                killed = time.monotonic()
                for number in range(10):
                    assert browser.post(f"/orders/{number}").status_code == 200
            box.wait_for(lambda: box.events.total() == 11, timeout=20)
            assert time.monotonic() - killed < 12
            assert _deliverer(outbox) not in {first, server.pid}
            server.send_signal(signal.SIGTERM)
            assert server.wait(20) == 0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
    status = outbox.status()
    assert (status.accepted, status.unknown, status.holder) == (11, 0, None), log.read_text()


def _deliverer(outbox: Outbox) -> int:
    holder = outbox.status().holder
    assert holder is not None
    return int(holder.rpartition(":")[2])
