"""Fixtures that change how long an interrupted send waits for requests in flight."""

import pytest
from closing import set_close_timeout


@pytest.fixture
def long_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the grace period longer than any test may take, however loaded the machine is."""
    set_close_timeout(monkeypatch, 60.0)


@pytest.fixture
def little_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    set_close_timeout(monkeypatch, 0.2)
    for module in ("closing", "async_closing", "sender", "async_sender"):
        monkeypatch.setattr(f"gameball.delivery.{module}.ABORT_TIMEOUT", 0.2)
