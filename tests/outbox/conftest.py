"""Real databases, and real processes that use their outbox."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from outbox_processes import Forker, Processes, new_database
from sqlalchemy import text

from gameball.outbox import Outbox


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


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    """The process that forks the others: it imports what they need, once."""
    script = Path(__file__).parents[1] / "support" / "outbox_process.py"
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        yield Forker(process, errors)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def processes(database: str, forker: Forker) -> Iterator[Processes]:
    found = Processes(database, forker)
    yield found
    for child in list(found.running):
        found.kill(child)
