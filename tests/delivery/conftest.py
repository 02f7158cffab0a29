"""Fixtures that change how long an interrupted send waits for requests in flight."""

import pytest


@pytest.fixture
def long_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the grace period longer than any test may take, however loaded the machine is."""
    for module in ("sender", "async_sender"):
        monkeypatch.setattr(f"gameball.delivery.{module}.GRACE", 60.0)
    for module in ("client", "async_client"):
        monkeypatch.setattr(f"gameball.{module}.CLOSE_TIMEOUT", 60.0)


@pytest.fixture
def little_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sender", "async_sender"):
        monkeypatch.setattr(f"gameball.delivery.{module}.GRACE", 0.2)
        monkeypatch.setattr(f"gameball.delivery.{module}.ABORT_TIMEOUT", 0.2)
