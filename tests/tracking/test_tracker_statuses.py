"""What a tracker does with each kind of response: the table of the docs."""

import pytest
from either_client import hurry
from statuses import REJECTED, SENT_AGAIN, UNKNOWN, WRONG_KEYS, name_of
from waiting import LONGEST

from gameball import Gameball, TrackerStats
from gameball.sandbox import Fault, Sandbox
from gameball.tracking import workers


def track_one(client: Gameball) -> TrackerStats:
    hurry(client)
    tracker = client.events.tracker(linger=0.0)
    tracker.track("cust-1", "song_liked")
    assert tracker.flush(LONGEST)
    return tracker.stats


@pytest.mark.parametrize("fault", REJECTED, ids=name_of)
def test_any_other_4xx_and_3xx_rejects_the_events(fault: Fault, client: Gameball, box: Sandbox) -> None:
    box.fail_next(fault)
    assert track_one(client) == TrackerStats(tracked=1, rejected=1)
    assert len(box.received) == 1


@pytest.mark.parametrize("fault", UNKNOWN, ids=name_of)
def test_any_other_5xx_and_a_response_without_a_job_id_leaves_the_events_unknown(
    fault: Fault, client: Gameball, box: Sandbox
) -> None:
    box.fail_next(fault)
    assert track_one(client) == TrackerStats(tracked=1, unknown=1)
    assert len(box.received) == 1


@pytest.mark.parametrize("fault", [*SENT_AGAIN, *WRONG_KEYS], ids=name_of)
def test_what_was_certainly_not_accepted_is_sent_again(
    fault: Fault, client: Gameball, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "WRONG_KEYS_PAUSE", 0.01)
    box.fail_next(fault)
    assert track_one(client) == TrackerStats(tracked=1, accepted=1)
    assert len(box.received) == 2
