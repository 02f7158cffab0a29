"""The example for Django, under a real gunicorn, with a real deliverer."""

import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import orjson
from command import environment
from waiting import wait_until

from gameball.sandbox import Sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_orders_that_were_committed_are_delivered_and_others_are_not(box: Sandbox, tmp_path: Path) -> None:
    database = tmp_path / "shop.db"
    variables = environment(
        box.url, SHOP_DATABASE=str(database), GAMEBALL_OUTBOX_DATABASE=f"sqlite:///{database}"
    )
    variables.pop("PYTHONWARNINGS")  # Django and gunicorn have warnings of their own
    python = sys.executable
    subprocess.run([python, EXAMPLES / "django_shop.py"], env=variables, check=True)
    log = tmp_path / "gunicorn.log"
    shop = [python, "-m", "gunicorn", "--chdir", str(EXAMPLES), "--bind", "127.0.0.1:0", "--workers", "2"]
    with (
        log.open("wb") as output,
        subprocess.Popen([*shop, "django_shop:application"], env=variables, stderr=output) as server,
        subprocess.Popen(
            [python, "-m", "gameball.cli", "outbox", "run"], env=variables, stdout=subprocess.DEVNULL
        ) as deliverer,
    ):
        try:
            wait_until(
                lambda: b"Listening at" in log.read_bytes() and log.read_bytes().count(b"Booting") == 2
            )
            found = re.search(rb"Listening at: (http://[0-9.:]+)", log.read_bytes())
            assert found is not None
            with httpx.Client(base_url=found[1].decode(), trust_env=False, timeout=30) as browser:
                codes = [
                    browser.post(f"/orders/cust-{n % 7}/{2_000 + n if n % 4 == 0 else n}").status_code
                    for n in range(60)
                ]
            assert codes == [500 if n % 4 == 0 else 201 for n in range(60)]
            expected = {n for n in range(60) if n % 4}
            box.wait_for(lambda: box.events.total() >= len(expected), timeout=30)
        finally:
            server.send_signal(signal.SIGTERM)
            deliverer.send_signal(signal.SIGTERM)
            server.wait(30)
            deliverer.wait(30)
    assert {orjson.loads(metadata)["total"] for _, _, metadata in box.events} == expected
    assert set(box.events.values()) == {1}
    with sqlite3.connect(database) as connection:
        assert {total for (total,) in connection.execute("SELECT total FROM orders")} == expected
    connection.close()
    assert deliverer.returncode == 0
