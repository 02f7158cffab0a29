"""A source that takes three requests."""

from pathlib import Path

import pytest
from command import write_events


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_events(tmp_path / "events.jsonl", 2500)
