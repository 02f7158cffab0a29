"""Django, and gunicorn with gevent workers, on PostgreSQL."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
from command import environment
from outbox_processes import new_database
from sqlalchemy import text

from gameball import Gameball
from gameball.outbox import Outbox
from gameball.sandbox import Sandbox

SUPPORT = Path(__file__).parents[1] / "support"
CONFIGURATION = """
from gevent import monkey
monkey.patch_all()

def post_worker_init(worker):
    from outbox_web import tracker
    tracker.start()
"""


def numbers(box: Sandbox, name: str) -> list[int]:
    return sorted(
        orjson.loads(metadata)["n"] for _, found, metadata in box.events.elements() if found == name
    )


def test_django_writes_events_in_its_atomic_transactions(
    postgres: Any, client: Gameball, box: Sandbox
) -> None:
    url = new_database(postgres)
    with Outbox(url) as outbox:
        outbox.create()
        with outbox.engine.begin() as connection:
            connection.execute(text("CREATE TABLE orders (number BIGINT)"))
        variables = environment(box.url, OUTBOX_DATABASE=url)
        variables.pop("PYTHONWARNINGS", None)  # Django has warnings of its own
        subprocess.run([sys.executable, SUPPORT / "outbox_django.py"], env=variables, check=True, timeout=60)
        outbox.deliver(client, until_empty=True)
        with outbox.engine.begin() as connection:
            committed = set(connection.execute(text("SELECT number FROM orders")).scalars())
    assert committed == {n for n in range(40) if n % 4}
    assert numbers(box, "order_placed") == sorted(committed)
    assert numbers(box, "bonus_earned") == sorted(n for n in committed if n % 5)


def test_a_gevent_worker_delivers_what_its_requests_add(postgres: Any, box: Sandbox, tmp_path: Path) -> None:
    url = new_database(postgres)
    with Outbox(url) as outbox:
        outbox.create()
        (tmp_path / "configuration.py").write_text(CONFIGURATION)
        variables = environment(box.url, OUTBOX_DATABASE=url)
        variables.pop("PYTHONWARNINGS", None)  # gunicorn has warnings of its own
        variables["PYTHONPATH"] = os.pathsep.join([str(SUPPORT), variables.get("PYTHONPATH", "")]).rstrip(
            os.pathsep
        )
        socket, log = tmp_path / "socket", tmp_path / "log"
        options = ["--config", str(tmp_path / "configuration.py"), "--workers", "2"]
        options += ["--worker-class", "gevent", "--bind", f"unix:{socket}"]
        with (
            log.open("w") as output,
            subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *options, "outbox_web:app"],
                cwd=tmp_path,
                env=variables,
                stdout=output,
                stderr=output,
                start_new_session=True,
            ) as server,
        ):
            try:
                # The deliverer runs before the first request, because of post_worker_init.
                box.wait_for(lambda: outbox.status().holder is not None)
                transport = httpx.HTTPTransport(uds=str(socket), retries=3)
                with (
                    httpx.Client(transport=transport, base_url="http://web", timeout=30) as browser,
                    ThreadPoolExecutor(8) as pool,
                ):
                    codes = list(pool.map(lambda n: browser.post(f"/orders/{n}").status_code, range(100)))
                assert codes == [200] * 100, log.read_text()
                box.wait_for(lambda: box.events.total() >= 100, timeout=30)
                server.send_signal(signal.SIGTERM)
                assert server.wait(20) == 0, log.read_text()
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(server.pid, signal.SIGKILL)
        assert numbers(box, "order_placed") == list(range(100))
        status = outbox.status()
        assert (status.accepted, status.unknown, status.holder) == (100, 0, None), log.read_text()
