"""Sources and sandboxes for the tests of the command."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from command import write_events

from gameball.sandbox import Sandbox


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source that takes three requests."""
    return write_events(tmp_path / "events.jsonl", 2500)


@pytest.fixture
def slow_box() -> Iterator[Sandbox]:
    """A sandbox that leaves time to interrupt or kill a send."""
    with Sandbox(latency=0.02) as box:
        yield box
