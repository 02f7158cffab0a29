"""The arguments of a send, checked before anything is sent."""

from typing import Any

import pytest
from either_client import EitherClient
from sending import events

from gameball import Event, Outcome
from gameball.sandbox import Sandbox


def test_accepted_is_refused_in_stop_on_error(either: EitherClient) -> None:
    with pytest.raises(ValueError, match="stop_on_error may contain only .*, got accepted"):
        either.send(events(1), stop_on_error={Outcome.ACCEPTED})


EVENT = Event("cust-1", "song_liked", {"song_id": "231402"})


def test_limits_out_of_range_are_refused_before_anything_is_sent(either: EitherClient) -> None:
    with pytest.raises(ValueError, match="max_objects must be .*, got 1001"):
        either.send([EVENT], max_objects=1001)
    with pytest.raises(ValueError, match="max_objects must be .*, got 0"):
        either.call(lambda gb: gb.events.stream([EVENT], max_objects=0))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"max_objects": 999.5}, "max_objects must be an integer from 1 to 1,000, got 999.5"),
        ({"max_objects": True}, "max_objects"),
        ({"max_bytes": float("nan")}, "max_bytes must be an integer of at least 1, got nan"),
        ({"concurrency": 1.5}, "concurrency must be an integer of at least 1, got 1.5"),
        ({"concurrency": 0}, "concurrency"),
        ({"coalesce": "no"}, "coalesce must be True or False, got 'no'"),
        ({"stop_on_error": Outcome.UNKNOWN}, "a set such as {Outcome.UNKNOWN}"),
        ({"ledger": ""}, "ledger must be .*, got an empty string"),
    ],
)
def test_an_argument_of_the_wrong_type_or_range_is_refused_by_name(
    arguments: dict[str, Any], said: str, either: EitherClient, box: Sandbox
) -> None:
    with pytest.raises(ValueError, match=said):
        either.send([Event("a", "x")], **arguments)
    assert box.received == []
