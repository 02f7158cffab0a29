"""What the tests share: a running sandbox, and clients of it."""

from collections.abc import Iterator

import pytest
from either_client import KEYS, EitherClient
from hypothesis import settings

from gameball import Gameball
from gameball.sandbox import Sandbox

# A loaded machine may take longer over an example than any deadline that would say something.
settings.register_profile("gameball", deadline=None)
settings.load_profile("gameball")


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox(job_seconds=0.0) as box:
        yield box


@pytest.fixture
def box(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.forget()
    return running_sandbox


@pytest.fixture
def client(box: Sandbox) -> Iterator[Gameball]:
    with Gameball(*KEYS, base_url=box.url, timeout=5, rate_limits=None, max_attempts=1) as client:
        yield client


@pytest.fixture(autouse=True)
def _no_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GAMEBALL_API_KEY", "GAMEBALL_SECRET_KEY", "GAMEBALL_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["sync", "async"])
def either(request: pytest.FixtureRequest, box: Sandbox) -> EitherClient:
    return EitherClient(request.param, box.url)
