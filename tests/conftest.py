"""Shared fixtures: a running sandbox, and clients that use it."""

import io
import logging
import signal
from collections.abc import Iterator
from typing import Any, NoReturn

import httpx
import pytest
import shared_postgres
from command import FORKS, end_what_was_begun
from either_client import KEYS, EitherClient
from hypothesis import HealthCheck, settings
from waiting import LONGEST, stacks_of_threads

from gameball import Gameball
from gameball.sandbox import Sandbox

# No deadline: a slow example only shows that the machine is loaded.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure() -> None:
    # `nohup` and a shell's `&` let a program ignore these, and the commands that the tests begin would, too.
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is signal.SIG_IGN:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)


@pytest.fixture(scope="session", autouse=True)
def _end_the_forks() -> Iterator[None]:
    yield
    FORKS.close()


@pytest.fixture(autouse=True)
def _end_what_was_begun() -> Iterator[None]:
    yield
    end_what_was_begun()


@pytest.hookimpl(optionalhook=True)  # pytest-xdist may not be installed
def pytest_configure_node(node: Any) -> None:
    shared_postgres.tell_worker(node)


def pytest_unconfigure(config: pytest.Config) -> None:
    shared_postgres.stop_of_run(config)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Any:
    """The PostgreSQL server of the test run, which other workers use too."""
    return shared_postgres.start(shared_postgres.folder_of_run(request.config))


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox(job_seconds=0.0) as box:
        yield box


@pytest.fixture
def box(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    running_sandbox.forget()
    yield running_sandbox
    # A fault that no request has used would be that of the next one.
    running_sandbox.forget()
    # Requests that a client abandoned may still arrive, and would be in the next test's record. Connections
    # are accepted in order: when this one gets its response, all earlier ones were accepted.
    try:
        httpx.get(running_sandbox.url, trust_env=False)
    except httpx.TimeoutException as error:
        error.add_note(stacks_of_threads())  # it did not respond once, and nothing said why
        raise
    running_sandbox.wait_for(lambda: not running_sandbox.app.transports)


@pytest.fixture
def client(box: Sandbox) -> Iterator[Gameball]:
    with Gameball(*KEYS, base_url=box.url, timeout=LONGEST, rate_limits=None, max_attempts=1) as client:
        yield client


@pytest.fixture(autouse=True)
def _the_level_of_the_logger() -> Iterator[None]:
    """Restore what a command sets that a test runs in its own process."""
    logger = logging.getLogger("gameball")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture(autouse=True)
def _no_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "GAMEBALL_API_KEY",
        "GAMEBALL_SECRET_KEY",
        "GAMEBALL_BASE_URL",
        "GAMEBALL_API_VERSION",
        "GAMEBALL_ALLOW_HTTP",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["sync", "async"])
def either(request: pytest.FixtureRequest, box: Sandbox) -> EitherClient:
    return EitherClient(request.param, box.url)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that any library logs, from DEBUG on."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


class Broken(logging.Handler):
    """A filter, or a handler, that raises at each record, and keeps their messages."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> NoReturn:
        self.seen.append(record.getMessage())
        raise ZeroDivisionError


@pytest.fixture(params=["handler", "filter"])
def broken_log(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Logging at DEBUG that raises at each record. The list has their messages."""
    logger = logging.getLogger("gameball")
    broken = Broken()
    if request.param == "handler":
        logger.addHandler(broken)
    else:
        logger.addFilter(broken.emit)
    logger.setLevel(logging.DEBUG)
    yield broken.seen
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(broken)
    logger.removeFilter(broken.emit)
