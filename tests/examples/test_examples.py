"""Each example is started as its page says, loaded with requests, and compared with what arrived."""

import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from waiting import LONGEST, wait_until

from gameball.sandbox import Sandbox

_ROOT = Path(__file__).resolve().parents[2]
_EVENTS = 60


def environment(box: Sandbox, *more_paths: Path) -> dict[str, str]:
    paths = [_ROOT, _ROOT / "generated", *more_paths]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "GAMEBALL_API_KEY": "key",
        "GAMEBALL_SECRET_KEY": "secret",
        "GAMEBALL_BASE_URL": box.url,
    }


@contextmanager
def running(command: list[str], log: Path, env: dict[str, str]) -> Iterator[None]:
    """Run a server, and end it as its supervisor would."""
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=_ROOT,
            env=env,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield
            process.send_signal(signal.SIGTERM)
            process.wait(LONGEST)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def answers(url: str) -> bool:
    try:
        httpx.get(url, timeout=1.0, trust_env=False)
    except httpx.TransportError:
        return False
    return True


def like_songs(url: str) -> None:
    wait_until(lambda: answers(url))
    with httpx.Client(base_url=url, timeout=10.0, trust_env=False) as client:
        for number in range(_EVENTS):
            assert client.post(f"/customers/cust-{number}/likes/{number}").status_code == 204


def expected() -> Counter[tuple[str, str, str]]:
    return Counter((f"cust-{n}", "song_liked", f'{{"song_id":"{n}"}}') for n in range(_EVENTS))


#: Starting a server takes seconds, so only the cases that failed in other clients are run by default.
_EVERY_WORKER = "GAMEBALL_EVERY_WORKER" in os.environ


# gunicorn loses a SIGTERM that reaches a worker before it has set its signal handlers, with any application,
# and kills the worker 30 seconds later.
_CONFIGURATION = """
def post_worker_init(worker):
    worker.log.info("worker is ready")
"""


@pytest.mark.parametrize("preload", [["--preload"], []] if _EVERY_WORKER else [["--preload"]])
@pytest.mark.parametrize("worker", ["sync", "gthread", "gevent"] if _EVERY_WORKER else ["sync", "gevent"])
def test_flask_under_gunicorn(box: Sandbox, tmp_path: Path, worker: str, preload: list[str]) -> None:
    port = free_port()
    options = ["--worker-class", worker, "--workers", "2", "--bind", f"127.0.0.1:{port}", *preload]
    (tmp_path / "gunicorn.conf.py").write_text(_CONFIGURATION)
    options += ["--config", str(tmp_path / "gunicorn.conf.py")]
    command = ["gunicorn", "--chdir", "examples", *options, "flask_app:app"]
    log = tmp_path / "log"
    with running(command, log, environment(box)):
        like_songs(f"http://127.0.0.1:{port}")
        wait_until(lambda: log.read_text().count("worker is ready") == 2)
    assert box.events == expected()


def test_fastapi_under_uvicorn(box: Sandbox, tmp_path: Path) -> None:
    port = free_port()
    command = ["uvicorn", "--app-dir", "examples", "--port", str(port), "fastapi_app:app"]
    with running(command, tmp_path / "log", environment(box)):
        like_songs(f"http://127.0.0.1:{port}")
    assert box.events == expected()


_BROKER = """
broker_url = "filesystem://"
broker_transport_options = {"data_folder_in": FOLDER, "data_folder_out": FOLDER, "control_folder": FOLDER}
"""
_SEND = f"""
from celery_tasks import like
for number in range({_EVENTS}):
    like.delay(f"cust-{{number}}", str(number))
"""


def test_celery_with_prefork_workers(box: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    folder.mkdir()
    (tmp_path / "celeryconfig.py").write_text(_BROKER.replace("FOLDER", repr(str(folder))))
    env = environment(box, tmp_path)
    subprocess.run([sys.executable, "-c", _SEND], cwd=_ROOT / "examples", env=env, check=True, timeout=60)
    command = ["celery", "--workdir", "examples", "--app", "celery_tasks", "worker", "--concurrency", "2"]
    command += ["--without-mingle", "--without-gossip", "--without-heartbeat"]
    with running(command, tmp_path / "log", env):
        wait_until(lambda: not list(folder.glob("*.msg")) and box.batches)
    assert box.events == expected()
