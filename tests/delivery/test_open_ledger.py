"""The ledger of a send."""

from typing import Any

from either_client import KEYS
from sending import events

from gameball import Gameball, Ledger, Outcome
from gameball.sandbox import Sandbox


def test_a_ledger_that_the_user_opened_stays_open(box: Sandbox, tmp_path: Any) -> None:
    with Ledger(tmp_path / "x.ledger") as ledger, Gameball(*KEYS, base_url=box.url) as client:
        client.events.send(events(3), ledger=ledger)
        assert ledger.ranges(Outcome.ACCEPTED) == [range(3)]
