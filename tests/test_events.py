"""What an event may contain, and how it is encoded as JSON."""

import enum
import math
import pickle
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import orjson
import pytest
from event_strategies import nested
from hypothesis import given
from hypothesis import strategies as st

from gameball import Credentials, CustomerEvents, Event, Gameball, InvalidEventError, chunk_events
from gameball.events import EventLike


class Colour(enum.Enum):
    RED = "red"


def test_common_values_that_json_cannot_represent_are_converted() -> None:
    metadata = {
        "aware": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))),
        "day": date(2026, 1, 2),
        "id": UUID(int=1),
        "price": Decimal("12.30"),
        "huge": Decimal("12345678901234567890.123456789"),
        "colour": Colour.RED,
        "pair": (1, 2),
        "nothing": None,
    }
    (chunk,) = chunk_events([Event("a", "bought", metadata)])
    assert b'"huge":12345678901234567890.123456789' in chunk.content
    assert b'"price":12.30' in chunk.content
    assert orjson.loads(chunk.content)["body"][0]["events"]["bought"] == {
        "aware": "2026-01-02T03:04:05+02:00",
        "day": "2026-01-02",
        "id": "00000000-0000-0000-0000-000000000001",
        "price": 12.3,
        "huge": 12345678901234567890.123456789,
        "colour": "red",
        "pair": [1, 2],
        "nothing": None,
    }


class Naive(enum.Enum):
    TIME = datetime(2026, 1, 1)  # noqa: DTZ001 - that it is naive is the point


DEEP: dict[str, Any] = {}
for _ in range(300):
    DEEP = {"deeper": DEEP}


INVALID = [
    (Event("", "liked"), "customer_id", "must not be blank"),
    (Event("  ", "liked"), "customer_id", "must not be blank"),
    (Event(7, "liked"), "customer_id", "must be a string, got int"),  # type: ignore[arg-type]
    (Event([], "liked"), "customer_id", "must be a string, got list"),  # type: ignore[arg-type]
    (Event("\ud800", "liked"), "customer_id", "half of a surrogate pair"),
    (Event("a", ""), "name", "must not be blank"),
    (Event("a", "\t"), "name", "must not be blank"),
    (Event("a", None), "name", "must be a string, got NoneType"),  # type: ignore[arg-type]
    (Event("a", {}), "name", "must be a string, got dict"),  # type: ignore[arg-type]
    (Event("a", "x\udfff"), "name", "half of a surrogate pair"),
    (Event("a", "liked", None), "metadata", "must be a mapping, got NoneType"),  # type: ignore[arg-type]
    (Event("a", "liked", [1]), "metadata", "must be a mapping, got list"),  # type: ignore[arg-type]
    (Event("a", "liked", {"n": math.nan}), "metadata.n", "NaN or infinite"),
    (Event("a", "liked", {"n": [1, {"m": -math.inf}]}), "metadata.n[1].m", "NaN or infinite"),
    (Event("a", "liked", {"n": Decimal("NaN")}), "metadata.n", "NaN or infinite"),
    (Event("a", "liked", {"n": Decimal("sNaN")}), "metadata.n", "NaN or infinite"),
    (Event("a", "liked", {"n": Fraction(10**400)}), "metadata.n", "NaN or infinite"),
    (Event("a", "liked", {"n": Decimal("1E+400")}), "metadata.n", "too large for a float"),
    (Event("a", "liked", {"x": None, "n": math.inf}), "metadata.n", "NaN or infinite"),
    (Event("a", "liked", {"n": datetime(2026, 1, 1)}), "metadata.n", "without a time zone"),  # noqa: DTZ001
    (Event("a", "liked", {"n": Naive.TIME}), "metadata.n", "without a time zone"),
    (Event("a", "liked", {1: "n"}), "metadata", "has the key 1"),  # type: ignore[dict-item]
    (Event("a", "liked", {"m": {None: 1}}), "metadata.m", "has the key None"),
    (Event("a", "liked", {("payload",): 1}), "metadata", "has a tuple as a key"),  # type: ignore[dict-item]
    (Event("a", "liked", {"n": {1, 2}}), "metadata.n", "is a set"),
    (Event("a", "liked", {"n": b"x"}), "metadata.n", "is a bytes"),
    (Event("a", "liked", {"n": "\ud800"}), "metadata.n", "half of a surrogate pair"),
    (Event("a", "liked", {"\ud800": 1}), "a key of metadata", "half of a surrogate pair"),
    (Event("a", "liked", {"n": 2**64}), "metadata.n", "more than 64 bits"),
    (Event("a", "liked", DEEP), "metadata", "nested too deeply"),
    (CustomerEvents("a", {}), "events", "at least one event name"),
    (CustomerEvents("", {"liked": {}}), "customer_id", "must not be blank"),
    (CustomerEvents("a", {"": {}}), "name", "must not be blank"),
    (CustomerEvents("a", {"liked": {"n": math.nan}}), "events.liked.n", "NaN or infinite"),
    (CustomerEvents("a", {"liked": {"n": object()}}), "events.liked.n", "is a object"),
    (("a", "liked"), "the item", "got tuple"),
    ({"customerId": "a"}, "the item", "got dict"),
]


@pytest.mark.parametrize(("item", "field", "reason"), INVALID)
def test_an_invalid_event_is_refused_with_its_field_and_reason(
    item: EventLike, field: str, reason: str
) -> None:
    with pytest.raises(InvalidEventError) as caught:
        list(chunk_events([Event("fine", "liked"), Event("fine", "shared"), item]))
    assert caught.value.index == 2
    assert caught.value.field == field
    assert reason in caught.value.reason
    assert "event 2 " in str(caught.value)
    assert isinstance(caught.value, ValueError)
    known = getattr(item, "customer_id", None)
    expected = known if isinstance(known, str) and field != "customer_id" else None
    assert caught.value.customer_id == expected


def is_finite(number: float | Decimal) -> bool:
    try:
        return math.isfinite(number)
    except ValueError:  # a signalling NaN, which find_problem once failed on as well
        return False


def numbers_in(value: Any) -> list[float | Decimal]:
    if isinstance(value, dict | list):
        return [
            number
            for item in (value.values() if isinstance(value, dict) else value)
            for number in numbers_in(item)
        ]
    return [value] if isinstance(value, float | Decimal) else []


@given(nested(st.none() | st.just("null") | st.floats() | st.decimals()))
def test_a_number_that_is_not_finite_is_refused_however_many_nulls_are_around_it(
    metadata: dict[str, Any],
) -> None:
    if all(map(is_finite, numbers_in(metadata))):
        assert [chunk.events for chunk in chunk_events([Event("a", "liked", metadata)])] == [1]
    else:
        with pytest.raises(InvalidEventError, match="NaN or infinite"):
            list(chunk_events([Event("a", "liked", metadata)]))


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
