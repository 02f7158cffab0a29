"""The public names, and the agreement of the sync and async signatures."""

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

import gameball
from gameball.async_client import AsyncGameball
from gameball.async_events_client import AsyncEvents
from gameball.client import Gameball
from gameball.events_client import Events
from gameball.jobs.clients import AsyncJobs, Jobs
from gameball.transport.raw_client import RawClient

ROOT = Path(__file__).resolve().parent.parent
NAMES = [
    "APIError",
    "AsyncEvents",
    "AsyncGameball",
    "AsyncJobs",
    "AsyncTracker",
    "AuthenticationError",
    "BatchJob",
    "Chunk",
    "ClientClosedError",
    "ConnectionFailedError",
    "Credentials",
    "CustomerEvents",
    "DOCUMENTED_LIMITS",
    "DeadlineError",
    "DeliveryError",
    "DeliveryReport",
    "Event",
    "EventLoopError",
    "Events",
    "Gameball",
    "GameballError",
    "InvalidEventError",
    "InvalidRequestError",
    "JobItem",
    "JobStatus",
    "JobTimeoutError",
    "Jobs",
    "Ledger",
    "LedgerChunk",
    "LedgerError",
    "LedgerLockedError",
    "LedgerMismatchError",
    "LedgerRun",
    "MissingCredentialsError",
    "NotFoundError",
    "Outcome",
    "OutboxError",
    "PermissionDeniedError",
    "RateLimit",
    "RateLimitError",
    "RawClient",
    "Receipt",
    "RecordError",
    "ResponseLostError",
    "ServerError",
    "SourceError",
    "Tracker",
    "TrackerFullError",
    "TrackerStats",
    "__version__",
    "chunk_events",
]


def test_the_public_names_are_these() -> None:
    assert sorted(vars(gameball)["__all__"]) == sorted(NAMES)
    assert all(getattr(gameball, name) is not None for name in NAMES)
    assert set(NAMES) <= set(dir(gameball))


@pytest.mark.parametrize("kind", [Gameball, AsyncGameball])
def test_a_mock_of_a_client_has_the_parts_of_the_client(kind: type[Any]) -> None:
    parts = {Gameball: (Events, Jobs), AsyncGameball: (AsyncEvents, AsyncJobs)}[kind]
    mock = create_autospec(kind, instance=True)
    for part, expected in zip((mock.events, mock.jobs, mock.raw), (*parts, RawClient), strict=True):
        assert isinstance(part, expected)
    with pytest.raises(AttributeError):
        _ = mock.events.snd
    with pytest.raises(TypeError):
        mock.events.send([], chek=False)
    report = mock.events.send([])
    assert inspect.iscoroutine(report) == (kind is AsyncGameball)
    if inspect.iscoroutine(report):
        report.close()
    mock.events.send.assert_called_once_with([])


@pytest.mark.parametrize("kind", [Gameball, AsyncGameball])
def test_a_client_that_is_not_complete_has_no_parts(kind: type[Any]) -> None:
    with pytest.raises(AttributeError, match="its constructor failed"):
        _ = object.__new__(kind).events


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="attribute nothing"):
        _ = gameball.nothing  # type: ignore[attr-defined]


def public_methods(kind: type) -> dict[str, inspect.Signature]:
    # Users create only the two clients.
    made = ("__init__",) if kind in {Gameball, AsyncGameball} else ()
    names = [name for name in vars(kind) if not name.startswith("_") or name in made]
    return {
        name: inspect.signature(getattr(kind, name))
        for name in names
        if inspect.isfunction(getattr(kind, name))
    }


@pytest.mark.parametrize(
    ("sync", "asynchronous"), [(Gameball, AsyncGameball), (Events, AsyncEvents), (Jobs, AsyncJobs)]
)
def test_sync_and_async_take_the_same_arguments(sync: type, asynchronous: type) -> None:
    ours, theirs = public_methods(sync), public_methods(asynchronous)
    assert ours.keys() == theirs.keys()
    for name, signature in ours.items():
        for argument, parameter in signature.parameters.items():
            twin = theirs[name].parameters[argument]
            assert (parameter.kind, parameter.default) == (twin.kind, twin.default)
        assert list(signature.parameters) == list(theirs[name].parameters)


@pytest.mark.parametrize("kind", [Gameball, AsyncGameball, Events, AsyncEvents, Jobs, AsyncJobs])
def test_no_public_signature_hides_its_arguments(kind: type) -> None:
    for signature in public_methods(kind).values():
        kinds = {parameter.kind for parameter in signature.parameters.values()}
        assert not kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}


def test_everything_public_is_documented() -> None:
    for name in NAMES:
        if name != "__version__":
            thing = getattr(gameball, name)
            # inspect.getdoc would also accept an inherited docstring.
            assert vars(thing)["__doc__"] if isinstance(thing, type) else inspect.getdoc(thing), name
    for kind in (Gameball, AsyncGameball, Events, AsyncEvents, Jobs, AsyncJobs):
        for method in public_methods(kind):
            assert inspect.getdoc(getattr(kind, method)), method


def test_importing_does_no_work_and_does_not_import_the_http_library() -> None:
    code = (
        "import sys, gameball; sys.exit(any(name in sys.modules for name in ('httpx', 'attrs', 'asyncio')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_hand_written_file_is_longer_than_400_lines() -> None:
    sources = [path for folder in ("gameball", "scripts") for path in (ROOT / folder).rglob("*.py")]
    assert sources
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in sources}
    assert {name: length for name, length in lengths.items() if length > 400} == {}
