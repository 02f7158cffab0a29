"""What is counted during a send."""

import pytest

from gameball import GameballError, LedgerError, Outcome, Receipt, ServerError
from gameball.cli.send.tally import Tally, counted


def receipt(outcome: Outcome, error: GameballError | None, attempts: int) -> Receipt:
    return Receipt(0, 0, 9, 10, 10, outcome, error=error, attempts=attempts)


@pytest.mark.parametrize(
    ("error", "attempts", "reason"),
    [
        # The library gives a chunk that was never sent the error of the chunk that stopped the send.
        (ServerError("oops", status=500), 0, "not sent, because the send was stopped"),
        (ServerError("busy", status=503), 5, "busy (HTTP 503)"),
        (LedgerError("no room"), 0, "no room"),
    ],
)
def test_an_unsent_chunk_has_a_reason_of_its_own(error: GameballError, attempts: int, reason: str) -> None:
    tally = Tally()
    tally.add(receipt(Outcome.UNSENT, error, attempts), 0.0)
    assert tally.failures[0].reason == reason


def test_rates_are_those_of_the_last_seconds() -> None:
    tally = Tally()
    for second in range(100):
        tally.add(receipt(Outcome.ACCEPTED, None, 1), float(second))
    events, requests = tally.rates(99.0)
    assert events == pytest.approx(10.0)
    assert requests == pytest.approx(1.0)
    # It falls when nothing arrives any more.
    assert tally.rates(200.0)[0] < 1.0


def test_a_count_has_its_noun_in_the_right_number() -> None:
    assert [counted(n, "request") for n in (0, 1, 2000)] == ["0 requests", "1 request", "2,000 requests"]
