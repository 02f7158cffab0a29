"""The arguments of a send, checked before anything is sent."""

from typing import Any

import pytest
from either_client import EitherClient
from sending import events

from gameball import Event, Outcome
from gameball.sandbox import Sandbox


def test_accepted_is_refused_in_stop_on_error(either: EitherClient) -> None:
    with pytest.raises(ValueError, match="stop_on_error holds accepted"):
        either.send(events(1), stop_on_error={Outcome.ACCEPTED})


EVENT = Event("cust-1", "song_liked", {"song_id": "231402"})


def test_limits_out_of_range_are_refused_before_anything_is_sent(either: EitherClient) -> None:
    with pytest.raises(ValueError, match="max_objects is 1001"):
        either.send([EVENT], max_objects=1001)
    with pytest.raises(ValueError, match="max_objects is 0"):
        either.call(lambda gb: gb.events.stream([EVENT], max_objects=0))


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
def test_an_argument_of_the_wrong_type_or_range_is_refused_by_name(
    arguments: dict[str, Any], said: str, either: EitherClient, box: Sandbox
) -> None:
    with pytest.raises(ValueError, match=said):
        either.send([Event("a", "x")], **arguments)
    assert box.received == []
