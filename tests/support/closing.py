"""Changes how long an interrupted send waits for requests in flight."""

import pytest

from gameball import AsyncGameball, Gameball


def set_close_timeout(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Change the default of ``close_timeout`` of both clients."""
    for client in (Gameball, AsyncGameball):
        defaults = client.__init__.__kwdefaults__
        assert defaults is not None
        assert "close_timeout" in defaults
        monkeypatch.setitem(defaults, "close_timeout", seconds)
