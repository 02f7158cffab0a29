"""What an event may contain, and how it is encoded as JSON."""

import enum
import json
import math
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import pandas as pd
import pytest
from event_strategies import FINITE, SCALARS, nested
from hypothesis import given
from hypothesis import strategies as st

from gameball import CustomerEvents, Event, Gameball, InvalidEventError, chunk_events
from gameball.events import EventLike
from gameball.sandbox import Sandbox


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


class Odd(tzinfo):
    """A time zone that raises."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        raise RuntimeError("secret of the user")

    tzname = dst = utcoffset  # type: ignore[assignment]


class Broken(Mapping[str, Any]):
    """A mapping that raises when it is read."""

    def __getitem__(self, key: str) -> Any:
        raise KeyError("secret of the user")

    def __iter__(self) -> Iterator[str]:
        return iter("xy")

    def __len__(self) -> int:
        return 2


RAISING = datetime(2026, 1, 2, tzinfo=Odd())

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
    (("a", "liked"), "the item", "got a tuple of 2"),
    (Event("a", "liked", {"n": [pd.NaT]}), "metadata.n[0]", "is pandas.NaTType, a missing time; send None"),
    (
        Event("a", "liked", {"n": RAISING}),
        "metadata.n",
        "a datetime.datetime that raises RuntimeError",
    ),
    (
        Event("a", "liked", {"x": None, "n": RAISING}),
        "metadata.n",
        "that raises RuntimeError when it is read",
    ),
    (Event("a", "liked", {"n": Broken()}), "metadata.n", "Broken that raises KeyError when it is read"),
    (CustomerEvents("a", {"x": {"n": RAISING}}), "events.x.n", "that raises RuntimeError when it is read"),
    (CustomerEvents("a", Broken()), "events", "raises KeyError when it is read"),
    (Event("a", "liked", {"n": Fraction(1, 3)}), "metadata.n", "a fractions.Fraction that a float cannot"),
    (
        Event("a", "liked", {"n": np.longdouble(1) / 3}),
        "metadata.n",
        "numpy.longdouble that a float cannot",
    ),
    (Event("a", "liked", {"n": np.float32("nan")}), "metadata.n", "NaN or infinite"),
    (
        Event("a", "liked", {"n": np.datetime64("2026-01-02")}),
        "metadata.n",
        "a numpy.datetime64, which JSON",
    ),
    (Event("a", "liked", {"n": np.timedelta64(1, "s")}), "metadata.n", "is a numpy.timedelta64, which JSON"),
    (Event("a", "liked", {"n": np.array([1])}), "metadata.n", "is a numpy.ndarray, which JSON"),
    (Event("a", "liked", {"n": pd.NA}), "metadata.n", "is a pandas.NAType, which JSON"),
    (Event("a", "liked", {np.str_("n"): 1}), "metadata", "has a numpy.str_ as a key"),
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
    assert "secret of the user" not in str(caught.value)
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


def sent(events: list[EventLike]) -> list[Any]:
    """Return the metadata of events as they are sent, each number parsed without losing a digit."""
    return [
        metadata
        for chunk in chunk_events(events, coalesce=False)
        for item in json.loads(chunk.content, parse_float=Decimal)["body"]
        for metadata in item["events"].values()
    ]


DECIMALS = st.decimals(allow_nan=False, allow_infinity=False).filter(is_finite)
NUMPY = (
    st.integers(0, 255).map(np.uint8)
    | st.integers(-(2**63), 2**63 - 1).map(np.int64)
    | st.booleans().map(np.bool_)
    | st.floats(allow_nan=False, allow_infinity=False, width=32).map(np.float32)
    | FINITE.map(np.float64)
    | FINITE.map(np.longdouble)
)
FRACTIONS = FINITE.map(Fraction)


def same(parsed: Any, passed: Any) -> bool:
    """Return whether a value that was parsed is exactly the one that was passed."""
    if isinstance(passed, dict):
        return list(parsed) == list(passed) and all(same(parsed[key], passed[key]) for key in passed)
    if isinstance(passed, list | tuple):
        return len(parsed) == len(passed) and all(map(same, parsed, passed))
    if isinstance(passed, float | np.floating | Fraction):
        return float(parsed) == float(passed)
    return bool(parsed == passed)


@given(nested(SCALARS | FINITE | DECIMALS | NUMPY | FRACTIONS))
def test_what_is_sent_is_exactly_what_was_passed(metadata: dict[str, Any]) -> None:
    (parsed,) = sent([("a", "b", metadata)])
    assert same(parsed, metadata)


@given(st.fractions())
def test_a_fraction_is_sent_exactly_or_refused(number: Fraction) -> None:
    if float(number) == number:
        (parsed,) = sent([("a", "b", {"n": number})])
        assert float(parsed["n"]) == number
    else:
        with pytest.raises(InvalidEventError, match=r"metadata\.n is a fractions\.Fraction"):
            sent([("a", "b", {"n": number})])


def test_a_decimal_is_sent_with_all_its_digits() -> None:
    class Loud(Decimal):
        def __str__(self) -> str:
            return "no number"

    numbers = [Decimal("12345678901234567.89"), Decimal("0.1"), Decimal("1E+30"), Loud("2.50")]
    (parsed,) = sent([Event("a", "b", {"numbers": numbers})])
    assert list(map(Decimal, map(str, parsed["numbers"]))) == numbers
    (chunk,) = chunk_events([Event("a", "b", {"numbers": numbers})])
    assert b"[12345678901234567.89,0.1,1E+30,2.50]" in chunk.content


@pytest.mark.parametrize(
    "events",
    [
        [Event("a", "b", None), Event("a", "c"), ("a", "d", None)],
        [CustomerEvents("a", {"b": None, "c": {}, "d": None})],
        [CustomerEvents("a", {"b": None}), ("a", "c", {}), Event("a", "d", None)],
    ],
)
def test_metadata_none_means_no_metadata(events: list[EventLike]) -> None:
    (chunk,) = chunk_events(events)
    assert orjson.loads(chunk.content)["body"] == [{"customerId": "a", "events": {"b": {}, "c": {}, "d": {}}}]
    assert Event("a", "b", None) == Event("a", "b")
    assert pickle.loads(pickle.dumps(Event("a", "b", None))) == Event("a", "b")


def make_fragment() -> Any:
    return orjson.Fragment(b"] broken [")


@pytest.mark.parametrize(
    ("make", "place"),
    [
        (lambda: Event("a", "c", {"n": make_fragment()}), "metadata.n is"),
        (lambda: ("a", "c", {"n": [{"m": make_fragment()}]}), r"metadata.n\[0\].m is"),
        (lambda: ("a", "c", make_fragment()), "metadata must be a mapping"),
        (lambda: CustomerEvents("a", {"x": {"n": make_fragment()}}), "events.x.n is"),
    ],
)
# Each fragment exists only while it is being encoded.
def test_a_fragment_is_refused(make: Callable[[], EventLike], place: str) -> None:
    skipped: list[InvalidEventError] = []
    source: Iterator[EventLike] = (Event("a", "b", {"n": 1}) if n != 1 else make() for n in range(3))
    with Sandbox() as box, Gameball("key", "secret", base_url=box.url) as gb:
        assert gb.events.send(source, on_invalid=skipped.append).accepted == 2
    (error,) = skipped
    assert error.index == 1
    assert re.search(f"{place}.*Fragment", str(error))
