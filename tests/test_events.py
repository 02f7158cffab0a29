"""What an event is: immutable, picklable, and without payload in its repr."""

import pickle

import pytest

from gameball import Credentials, Event, Gameball


def test_events_can_be_pickled_and_clients_and_keys_cannot() -> None:
    event = Event("a", "b", {"n": 1})
    assert pickle.loads(pickle.dumps(event)) == event
    assert pickle.loads(pickle.dumps(Event("a", "b"))) == Event("a", "b")
    with pytest.raises(TypeError, match="credentials cannot be pickled"):
        pickle.dumps(Credentials("key", "secret"))
    with pytest.raises(TypeError):
        pickle.dumps(Gameball("key", "secret"))


def test_an_event_is_immutable_and_its_repr_shows_no_payload() -> None:
    event = Event("a", "b", {"n": "payload"})
    assert repr(event) == "Event(customer_id='a', name='b', metadata=<1 entries>)"
    assert event == Event("a", "b", {"n": "payload"})
    with pytest.raises(AttributeError):
        event.name = "c"  # type: ignore[misc]
