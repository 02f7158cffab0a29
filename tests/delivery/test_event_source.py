"""Whatever ends a send, all that was taken from its source is accounted for, and none of it is shown."""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from either_client import EitherClient

from gameball import (
    AsyncGameball,
    CustomerEvents,
    Event,
    Gameball,
    LedgerMismatchError,
    Outcome,
    chunk_events,
)
from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk_events import build_chunks
from gameball.sandbox import Fault, Sandbox


class Counted:
    """A source that knows how many events were taken from it."""

    def __init__(self, end: BaseException | None = None, after: int = 9) -> None:
        self.taken = 0
        self._end = end
        self._after = after

    def __iter__(self) -> Iterator[Event | CustomerEvents]:
        for number in itertools.count():
            if self._end is not None and number == self._after:
                raise self._end
            several = number % 4 == 3
            self.taken += 2 if several else 1
            yield CustomerEvents(f"c{number}", {"a": {}, "b": {}}) if several else Event(f"c{number}", "x")


def count(report: Any) -> int:
    return int(report.accepted + report.rejected + report.unknown + report.unsent)


def stop_it(_: object) -> None:
    raise ZeroDivisionError


# What was taken from a generator and was in no request yet was in no receipt either, and was lost to whoever
# went on with the same generator.
@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_failure_leaves_nothing_that_was_taken_without_a_receipt(
    status: int, either: EitherClient, box: Sandbox
) -> None:
    source = Counted()
    box.fail_next(Fault(), Fault(status=status))
    report = either.send(iter(source), max_objects=3, concurrency=1, check=False)
    assert count(report) == source.taken
    assert report.receipts[-1].outcome is Outcome.UNSENT
    assert report.receipts[-1].objects == 0


@pytest.mark.parametrize("on_receipt", [None, stop_it])
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("sync", ZeroDivisionError()),
        ("sync", KeyboardInterrupt()),
        ("async", ZeroDivisionError()),
        ("async", asyncio.CancelledError()),
    ],
)
def test_an_error_leaves_nothing_that_was_taken_without_a_receipt(
    kind: str, error: BaseException, on_receipt: Callable[[object], None] | None, box: Sandbox
) -> None:
    source = Counted(error)
    with pytest.raises((type(error), ZeroDivisionError)) as caught:
        EitherClient(kind, box.url).send(iter(source), max_objects=3, concurrency=1, on_receipt=on_receipt)
    report: Any = vars(caught.value)["report"]
    assert count(report) == source.taken
    positions = [(receipt.first, receipt.last) for receipt in report.receipts]
    assert all(last + 1 == first for (_, last), (first, _) in itertools.pairwise(positions))


def test_a_generator_that_is_not_the_ledgers_is_accounted_for(either: EitherClient, tmp_path: Any) -> None:
    path = tmp_path / "a.ledger"
    either.send([Event(f"other-{n}", "x") for n in range(10)], max_objects=3, ledger=path)
    source = Counted()
    with pytest.raises(LedgerMismatchError) as caught:
        either.send(iter(source), max_objects=3, ledger=path)
    report: Any = vars(caught.value)["report"]
    assert report.unsent == count(report) == source.taken > 0


class Interrupting(Decimal):
    """A number that is interrupted while it is written."""

    def __float__(self) -> float:
        raise KeyboardInterrupt


# orjson makes a TypeError of whatever comes up while it asks how to write a value. So Ctrl-C was taken for an
# event that is nested too deeply, and with on_invalid the event was lost and the send went on.
def test_an_interrupt_while_an_event_is_encoded_is_an_interrupt() -> None:
    told: list[object] = []
    events = [Event("a", "x", {"n": 1}), Event("b", "x", {"amount": Interrupting("1.5")})]
    builder = ChunkBuilder(max_objects=10, max_bytes=10_000, coalesce=True)
    with pytest.raises(KeyboardInterrupt):
        list(build_chunks(events, builder, None, told.append))
    assert told == []
    for item in (events[1], CustomerEvents("b", {"x": events[1].metadata, "y": {}})):
        with pytest.raises(KeyboardInterrupt):
            list(chunk_events([item]))


class Lazy(Mapping[str, object]):
    """Metadata that is read from somewhere when it is needed, and cannot be."""

    def __getitem__(self, key: str) -> object:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise ConnectionError("the database is gone")

    def __len__(self) -> int:
        return 1


def test_metadata_that_cannot_be_read_fails_as_it_does() -> None:
    with pytest.raises(ConnectionError, match="database"):
        list(chunk_events([Event("a", "x", Lazy())]))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"max_objects": 999.5}, "max_objects is 999.5, and must be a whole number, 1 to 1,000"),
        ({"max_objects": True}, "max_objects"),
        ({"max_bytes": float("nan")}, "max_bytes is nan"),
        ({"concurrency": 1.5}, "concurrency is 1.5, and must be a whole number, at least 1"),
        ({"concurrency": 0}, "concurrency"),
        ({"coalesce": "no"}, "coalesce is 'no', and must be True or False"),
        ({"stop_on_error": Outcome.UNKNOWN}, "outcomes such as {Outcome.UNKNOWN}"),
        ({"ledger": ""}, "ledger is blank"),
    ],
)
def test_an_argument_of_another_kind_is_refused_by_name(
    arguments: dict[str, Any], said: str, either: EitherClient, box: Sandbox
) -> None:
    with pytest.raises(ValueError, match=said):
        either.send([Event("a", "x")], **arguments)
    assert box.received == []


@pytest.mark.parametrize("client", [Gameball, AsyncGameball])
def test_rate_limits_of_another_kind_are_refused_by_name(
    client: type[Gameball] | type[AsyncGameball],
) -> None:
    with pytest.raises(ValueError, match=r"takes RateLimit\(requests, seconds\)"):
        client("key", "secret", rate_limits=[(30, 1.0)])  # type: ignore[list-item]


@pytest.mark.parametrize("location", ["http://xn--/", "/elsewhere", "x" * 70_000])
def test_a_redirect_is_refused_wherever_it_leads(location: str, either: EitherClient, box: Sandbox) -> None:
    # httpx prepares the next request even where redirects are not followed, and some locations made it fail.
    box.fail_next(Fault(status=302, headers=(("location", location),)))
    report = either.send([Event("a", "x")], check=False)
    assert (report.rejected, len(box.received)) == (1, 1)


@pytest.mark.parametrize("job_id", ["../x", None, 1.5, True])
def test_an_id_of_a_job_is_a_whole_number(job_id: Any, either: EitherClient, box: Sandbox) -> None:
    uses: list[Callable[[Any], Any]] = [
        lambda gb: gb.jobs.get(job_id),
        lambda gb: gb.jobs.stop(job_id),
        lambda gb: gb.jobs.wait(job_id),
    ]
    for use in uses:
        with pytest.raises(ValueError, match="whole number"):
            either.call(use)
    assert box.received == []
