"""What is unknown, resolved by a person who has found out."""

from pathlib import Path
from typing import Any

import pytest
from either_client import EitherClient
from sending import events

from gameball import Ledger, LedgerLockedError, Outcome, Receipt
from gameball.sandbox import Fault, Sandbox

OPTIONS: dict[str, Any] = {"max_objects": 3, "concurrency": 1, "stop_on_error": False}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.ledger"


def send_some_unknown(either: EitherClient, box: Sandbox, path: Path) -> None:
    """Send 15 events, of which 3 to 8 are unknown, 9 to 11 are rejected, and the others are accepted."""
    box.fail_next(Fault(), Fault(status=500, accepts=True), Fault(status=500), Fault(status=400))
    either.send(events(15), ledger=path, check=False, **OPTIONS)


def test_what_was_resolved_is_skipped_or_sent_again_by_the_next_send(
    either: EitherClient, box: Sandbox, path: Path
) -> None:
    send_some_unknown(either, box, path)
    with Ledger(path) as ledger:
        assert ledger.ranges(Outcome.UNKNOWN) == [range(3, 6), range(6, 9)]
        ledger.resolve(range(3, 6), Outcome.ACCEPTED)
        ledger.resolve(range(6, 9), Outcome.UNSENT)
        assert ledger.ranges(Outcome.UNKNOWN) == []
    with Ledger(path) as ledger:
        assert ledger.ranges(Outcome.ACCEPTED) == [range(3), range(3, 6), range(12, 15)]
        assert ledger.ranges(Outcome.UNSENT) == [range(6, 9)]
    report = either.send(events(15), ledger=path, **OPTIONS)
    assert report.accepted == 15
    assert set(box.events.values()) == {1}
    assert len(box.events) == 15


def test_several_chunks_are_resolved_together(either: EitherClient, box: Sandbox, path: Path) -> None:
    send_some_unknown(either, box, path)
    with Ledger(path) as ledger:
        ledger.resolve(range(3, 9), Outcome.UNSENT)
        assert ledger.ranges(Outcome.UNSENT) == [range(3, 6), range(6, 9)]


@pytest.mark.parametrize(
    ("positions", "reason"),
    [
        (range(4, 6), "items 3 to 5 were sent in one request, and can only be resolved together"),
        (range(3, 8), "items 6 to 8 were sent in one request"),
        (range(3), "the ledger has items 0 to 2 as accepted, and only UNKNOWN can be"),
        (range(3, 10), "the ledger has items 9 to 11 as rejected"),
        (range(6, 12), "the ledger has items 9 to 11 as rejected"),
        (range(20, 30), "the ledger has no record of them"),
        (range(3, 3), "must be a range of at least one source item"),
        (range(3, 9, 2), "must be a range of at least one source item"),
    ],
)
def test_only_whole_chunks_that_are_unknown_can_be_resolved(
    positions: range, reason: str, either: EitherClient, box: Sandbox, path: Path
) -> None:
    send_some_unknown(either, box, path)
    with Ledger(path) as ledger:
        before = ledger.chunks()
        with pytest.raises(ValueError, match=reason):
            ledger.resolve(positions, Outcome.ACCEPTED)
        assert ledger.chunks() == before


def test_a_range_beyond_what_is_recorded_is_refused(either: EitherClient, box: Sandbox, path: Path) -> None:
    box.fail_next(Fault(status=500))
    either.send(events(3), ledger=path, check=False)
    with Ledger(path) as ledger, pytest.raises(ValueError, match="has records of items 0 to 2 only"):
        ledger.resolve(range(5), Outcome.ACCEPTED)


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.REJECTED, "settled"])
def test_nothing_is_resolved_as_another_outcome(outcome: Any, path: Path) -> None:
    with (
        Ledger(path) as ledger,
        pytest.raises(ValueError, match="must be Outcome.ACCEPTED or Outcome.UNSENT"),
    ):
        ledger.resolve(range(1), outcome)


def test_nothing_is_resolved_while_a_send_uses_the_ledger(
    either: EitherClient, box: Sandbox, path: Path
) -> None:
    send_some_unknown(either, box, path)
    said: list[str] = []
    with Ledger(path) as ledger:

        def resolve(_: Receipt) -> None:
            try:
                ledger.resolve(range(3, 6), Outcome.ACCEPTED)
            except LedgerLockedError as error:
                said.append(str(error))

        either.send(events(15), ledger=ledger, on_receipt=resolve, check=False, **OPTIONS)
        assert said
        assert "another send in this process is using" in said[0]
        ledger.resolve(range(3, 6), Outcome.ACCEPTED)
