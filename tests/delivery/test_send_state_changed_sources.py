"""For any two runs with one ledger: no event that was accepted, or may have been, is reported as UNSENT."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from attrs import frozen
from either_client import EitherClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gameball import DeliveryReport, Event, GameballError, Outcome
from gameball.sandbox import Ending, Fault, Sandbox

FAULTS = [
    Fault(),
    Fault(),
    Fault(status=400),
    Fault(status=500),
    Fault(status=500, accepts=True),
    Fault(status=503),
    Fault(ending=Ending.RESET, accepts=True),
]
MAY_BE_ACCEPTED = {Outcome.ACCEPTED, Outcome.UNKNOWN}


@frozen
class Run:
    """A send of some customers, one event of each."""

    customers: tuple[int, ...]
    is_list: bool
    fails_after: int | None
    faults: tuple[Fault, ...]
    stop: frozenset[Outcome]


class BrokenSourceError(Exception):
    """What a source raises."""


def runs(customers: Sequence[int]) -> st.SearchStrategy[Run]:
    return st.builds(
        Run,
        st.just(tuple(customers)),
        st.booleans(),
        st.none() | st.integers(0, len(customers)),
        st.lists(st.sampled_from(FAULTS), max_size=6).map(tuple),
        st.sets(st.sampled_from([Outcome.REJECTED, Outcome.UNKNOWN, Outcome.UNSENT])).map(frozenset),
    )


@st.composite
def two_runs(draw: st.DrawFn) -> tuple[Run, Run]:
    """Two runs. The second may have other customers: removed, inserted, moved or appended ones."""
    first = list(range(draw(st.integers(1, 12))))
    second = list(first)
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(second)))
        match draw(st.sampled_from(["insert", "remove", "move", "append"])):
            case "insert":
                second.insert(place, 100 + len(second))
            case "append":
                second.append(100 + len(second))
            case "remove" if second[place:]:
                del second[place]
            case "move" if second[place:]:
                second.append(second.pop(place))
            case _:
                pass
    return draw(runs(first)), draw(runs(second))


def source_of(run: Run) -> Any:
    events = [Event(f"cust-{number}", "x") for number in run.customers]

    def read() -> Iterator[Event]:
        yield from events[: run.fails_after]
        if run.fails_after is not None:
            raise BrokenSourceError

    return events if run.is_list and run.fails_after is None else read()


def report_of(kind: str, box: Sandbox, run: Run, path: Path, max_objects: int) -> DeliveryReport:
    """Send, and return the report, however the send ends."""
    box.fail_next(*run.faults)
    options: dict[str, Any] = {"max_objects": max_objects, "concurrency": 2, "ledger": path, "check": False}
    try:
        return EitherClient(kind, box.url).send(source_of(run), stop_on_error=run.stop, **options)
    except (GameballError, BrokenSourceError) as error:
        report: DeliveryReport = vars(error)["report"]
        return report


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_for_any_two_runs_what_may_have_been_accepted_is_never_unsent(kind: str, box: Sandbox) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(both=two_runs(), max_objects=st.integers(1, 5))
    def check(both: tuple[Run, Run], max_objects: int) -> None:
        box.forget()
        with TemporaryDirectory() as folder:
            for run in both:
                report = report_of(kind, box, run, Path(folder) / "x.ledger", max_objects)
                accepted = {customer for customer, _, _ in box.events}
                for receipt in report.receipts:
                    for number in run.customers[receipt.first : receipt.last + 1]:
                        if f"cust-{number}" in accepted:
                            assert receipt.outcome in MAY_BE_ACCEPTED
                        else:
                            assert receipt.outcome is not Outcome.ACCEPTED
        assert set(box.events.values()) <= {1}

    check()
