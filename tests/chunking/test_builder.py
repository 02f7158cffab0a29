"""The chunking helper: exact in objects and bytes, and losing nothing."""

import enum
import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameball import Chunk, CustomerEvents, Event, InvalidEventError, chunk_events
from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk_events import build_chunks
from gameball.chunking.split import split_chunk
from gameball.events import EventLike


def bodies(chunks: list[Chunk]) -> list[list[dict[str, Any]]]:
    return [orjson.loads(chunk.content)["body"] for chunk in chunks]


def of_different_customers(count: int) -> list[Event]:
    return [Event(f"cust-{number}", "song_liked") for number in range(count)]


@pytest.mark.parametrize(("objects", "requests"), [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (2500, 3)])
def test_a_request_holds_at_most_1000_objects(objects: int, requests: int) -> None:
    chunks = list(chunk_events(of_different_customers(objects)))
    assert len(chunks) == requests
    assert [chunk.objects for chunk in chunks] == [len(body) for body in bodies(chunks)]
    assert sum(chunk.objects for chunk in chunks) == objects


def test_a_chunk_of_exactly_max_bytes_is_whole_and_one_byte_less_splits_it() -> None:
    events = of_different_customers(10)
    (whole,) = chunk_events(events)
    assert [chunk.content for chunk in chunk_events(events, max_bytes=whole.size)] == [whole.content]
    first, second = chunk_events(events, max_bytes=whole.size - 1)
    assert (first.first, first.last, second.first, second.last) == (0, 8, 9, 9)


def test_a_joined_object_is_measured_as_exactly() -> None:
    events = [Event("cust-1", f"name_{number}", {"n": number}) for number in range(10)]
    (whole,) = chunk_events(events)
    assert whole.objects == 1
    assert len(list(chunk_events(events, max_bytes=whole.size))) == 1
    assert [chunk.events for chunk in chunk_events(events, max_bytes=whole.size - 1)] == [9, 1]


def test_one_object_may_fill_max_bytes_and_not_a_byte_more() -> None:
    event = Event("cust-1", "song_liked", {"text": "x" * 100})
    (chunk,) = chunk_events([event])
    assert list(chunk_events([event], max_bytes=chunk.size)) == [chunk]
    with pytest.raises(InvalidEventError, match=f"{chunk.size} bytes; max_bytes is {chunk.size - 1}"):
        list(chunk_events([event], max_bytes=chunk.size - 1))


def test_events_of_a_customer_share_an_object_until_a_name_comes_again() -> None:
    events = [
        Event("a", "liked", {"n": 1}),
        Event("b", "liked", {"n": 2}),
        Event("a", "shared", {"n": 3}),
        Event("a", "liked", {"n": 4}),
        Event("a", "shared", {"n": 5}),
    ]
    (chunk,) = chunk_events(events)
    assert bodies([chunk]) == [
        [
            {"customerId": "a", "events": {"liked": {"n": 1}, "shared": {"n": 3}}},
            {"customerId": "b", "events": {"liked": {"n": 2}}},
            {"customerId": "a", "events": {"liked": {"n": 4}, "shared": {"n": 5}}},
        ]
    ]
    assert (chunk.objects, chunk.events, chunk.first, chunk.last) == (3, 5, 0, 4)


def test_without_coalescing_every_event_is_an_object_of_its_own() -> None:
    (chunk,) = chunk_events([Event("a", "liked"), Event("a", "shared")], coalesce=False)
    assert chunk.objects == 2


def test_all_forms_of_an_event_mean_the_same() -> None:
    forms: list[EventLike] = [
        Event("a", "liked", {"n": 1}),
        ("a", "liked", {"n": 1}),
        CustomerEvents("a", {"liked": {"n": 1}}),
    ]
    contents = {chunk.content for form in forms for chunk in chunk_events([form])}
    assert len(contents) == 1


def test_customer_events_are_never_divided() -> None:
    several = CustomerEvents("a", {"one": {}, "two": {}, "three": {}})
    chunks = list(chunk_events([Event("b", "x"), several, several], max_objects=2))
    assert [(chunk.objects, chunk.events, chunk.first, chunk.last) for chunk in chunks] == [
        (2, 4, 0, 1),
        (1, 3, 2, 2),
    ]


def test_customer_events_join_an_object_only_when_no_name_collides() -> None:
    chunk = next(
        chunk_events([Event("a", "one"), CustomerEvents("a", {"two": {}, "three": {}}), Event("a", "two")])
    )
    assert bodies([chunk]) == [
        [
            {"customerId": "a", "events": {"one": {}, "two": {}, "three": {}}},
            {"customerId": "a", "events": {"two": {}}},
        ]
    ]
    chunk = next(chunk_events([Event("a", "one"), CustomerEvents("a", {"one": {}, "two": {}})]))
    assert chunk.objects == 2


def test_an_endless_source_is_read_no_further_than_needed() -> None:
    read = []

    def endless() -> Iterator[Event]:
        for number in itertools.count():
            read.append(number)
            yield Event(f"cust-{number}", "song_liked")

    chunk = next(chunk_events(endless(), max_objects=10))
    assert chunk.objects == 10
    assert len(read) == 11


class Colour(enum.Enum):
    RED = "red"


def test_what_json_has_no_form_for_is_converted_when_it_is_common() -> None:
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
    assert bodies([chunk])[0][0]["events"]["bought"] == {
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
    (Event(7, "liked"), "customer_id", "must be text, and is int"),  # type: ignore[arg-type]
    (Event([], "liked"), "customer_id", "must be text, and is list"),  # type: ignore[arg-type]
    (Event("\ud800", "liked"), "customer_id", "half of a surrogate pair"),
    (Event("a", ""), "name", "must not be blank"),
    (Event("a", "\t"), "name", "must not be blank"),
    (Event("a", None), "name", "must be text, and is NoneType"),  # type: ignore[arg-type]
    (Event("a", {}), "name", "must be text, and is dict"),  # type: ignore[arg-type]
    (Event("a", "x\udfff"), "name", "half of a surrogate pair"),
    (Event("a", "liked", None), "metadata", "must be a mapping, and is NoneType"),  # type: ignore[arg-type]
    (Event("a", "liked", [1]), "metadata", "must be a mapping, and is list"),  # type: ignore[arg-type]
    (Event("a", "liked", {"n": math.nan}), "metadata.n", "NaN or infinite"),
    (Event("a", "liked", {"n": [1, {"m": -math.inf}]}), "metadata.n[1].m", "NaN or infinite"),
    (Event("a", "liked", {"n": Decimal("NaN")}), "metadata.n", "NaN or infinite"),
    (Event("a", "liked", {"n": Decimal("sNaN")}), "metadata.n", "NaN or infinite"),
    (Event("a", "liked", {"n": Fraction(10**400)}), "metadata.n", "NaN or infinite"),
    (Event("a", "liked", {"n": Decimal("1E+400")}), "metadata.n", "beyond any float"),
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
    (("a", "liked"), "the item", "is a tuple"),
    ({"customerId": "a"}, "the item", "is a dict"),
]


@pytest.mark.parametrize(("item", "field", "reason"), INVALID)
def test_what_cannot_be_sent_is_refused_with_its_place_and_reason(
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


def test_metadata_without_an_end_is_refused_as_nested_too_deeply() -> None:
    endless: dict[str, Any] = {}
    endless["self"] = endless
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"inner": deep}
    for metadata in (endless, deep):
        told: list[InvalidEventError] = []
        builder = ChunkBuilder(max_objects=10, max_bytes=10_000, coalesce=True)
        given = list(build_chunks([Event("a", "x", metadata), Event("b", "y")], builder, None, told.append))
        assert [chunk.events for chunk in given] == [1]
        assert "nested too deeply" in str(told[0])


def test_everything_before_an_event_that_cannot_be_sent_is_given_first() -> None:
    chunks = chunk_events(
        [*of_different_customers(5), Event("", "liked"), Event("later", "liked")], max_objects=2
    )
    assert [chunk.objects for chunk in itertools.islice(chunks, 3)] == [2, 2, 1]
    with pytest.raises(InvalidEventError, match="event 5"):
        next(chunks)


def test_everything_before_an_error_of_the_source_is_given_first() -> None:
    def failing() -> Iterator[Event]:
        yield from of_different_customers(3)
        raise OSError("the disk is gone")

    chunks = chunk_events(failing())
    assert next(chunks).events == 3
    with pytest.raises(OSError, match="the disk is gone"):
        next(chunks)


@pytest.mark.parametrize("limits", [{"max_objects": 0}, {"max_objects": 1001}, {"max_bytes": 0}])
def test_limits_out_of_their_range_are_refused_at_once(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(limits))):
        chunk_events([], **limits)


def test_a_chunk_is_split_by_its_source_items_byte_for_byte() -> None:
    events: list[EventLike] = [
        Event("a", "one", {"price": Decimal("0.10")}),
        Event('","events":{', "two", {"n": 1}),
        Event("a", "two", {"n": 2}),
        CustomerEvents("b", {"one": {}, "two": {}}),
        Event("a", "one", {"n": 3}),
    ]
    (chunk,) = chunk_events(events)
    first, second = split_chunk(chunk)
    assert first == next(chunk_events(events[:2]))
    assert second.content == (
        b'{"body":[{"customerId":"a","events":{"two":{"n":2},"one":{"n":3}}},'
        b'{"customerId":"b","events":{"one":{},"two":{}}}]}'
    )
    assert (second.first, second.last, second.objects, second.events) == (2, 4, 2, 4)
    third, fourth = split_chunk(second)
    assert third.content == b'{"body":[{"customerId":"a","events":{"two":{"n":2}}}]}'
    assert (fourth.first, fourth.last, fourth.events) == (3, 4, 3)


def test_a_chunk_of_one_source_item_cannot_be_split() -> None:
    (chunk,) = chunk_events([CustomerEvents("a", {"one": {}, "two": {}})])
    with pytest.raises(ValueError, match="single source item"):
        split_chunk(chunk)


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text()
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def nested(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    inner = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    )
    return st.dictionaries(st.text(max_size=5), inner, max_size=3)


METADATA = nested(SCALARS | FINITE)
# Few customers and few names, so that they meet.
CUSTOMERS = st.sampled_from(["a", "b", "ü", 'q"\\', "c,d"]) | st.text(min_size=1).filter(str.strip)
NAMES = st.sampled_from(["liked", "shared", "bought"]) | st.text(min_size=1).filter(str.strip)
ITEMS = st.one_of(
    st.builds(Event, CUSTOMERS, NAMES, METADATA),
    st.tuples(CUSTOMERS, NAMES, METADATA),
    st.builds(CustomerEvents, CUSTOMERS, st.dictionaries(NAMES, METADATA, min_size=1, max_size=4)),
)


def flatten(items: list[EventLike]) -> list[tuple[str, str, Any]]:
    flat: list[tuple[str, str, Any]] = []
    for item in items:
        if isinstance(item, CustomerEvents):
            flat += [(item.customer_id, name, metadata) for name, metadata in item.events.items()]
        elif isinstance(item, Event):
            flat.append((item.customer_id, item.name, item.metadata))
        else:
            flat.append(item)
    return flat


def by_customer(events: list[tuple[str, str, Any]]) -> dict[str, list[tuple[str, Any]]]:
    grouped = defaultdict(list)
    for customer, name, metadata in events:
        grouped[customer].append((name, metadata))
    return dict(grouped)


def decode(chunk: Chunk) -> list[tuple[str, str, Any]]:
    return [
        (item["customerId"], name, metadata)
        for item in orjson.loads(chunk.content)["body"]
        for name, metadata in item["events"].items()
    ]


@given(
    items=st.lists(ITEMS, max_size=30),
    max_objects=st.integers(1, 8),
    slack=st.integers(0, 400),
    coalesce=st.booleans(),
)
def test_for_any_events_chunks_lose_nothing_keep_order_and_respect_both_limits(
    items: list[EventLike], max_objects: int, slack: int, coalesce: bool
) -> None:
    largest = max((chunk.size for item in items for chunk in chunk_events([item])), default=1)
    max_bytes = largest + slack
    chunks = list(chunk_events(items, max_objects=max_objects, max_bytes=max_bytes, coalesce=coalesce))
    position = 0
    for chunk in chunks:
        assert chunk.size == len(chunk.content) <= max_bytes
        assert 1 <= chunk.objects == len(orjson.loads(chunk.content)["body"]) <= max_objects
        assert chunk.first == position
        source = items[chunk.first : chunk.last + 1]
        assert by_customer(decode(chunk)) == by_customer(flatten(source))
        assert chunk.events == len(flatten(source))
        position = chunk.last + 1
    assert position == len(items)


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
def test_a_number_that_is_none_is_refused_however_many_nulls_are_around_it(metadata: dict[str, Any]) -> None:
    if all(map(is_finite, numbers_in(metadata))):
        assert [chunk.events for chunk in chunk_events([Event("a", "liked", metadata)])] == [1]
    else:
        with pytest.raises(InvalidEventError, match="NaN or infinite"):
            list(chunk_events([Event("a", "liked", metadata)]))


@given(items=st.lists(ITEMS, min_size=2, max_size=20), coalesce=st.booleans())
def test_for_any_chunk_its_halves_are_what_chunking_their_items_anew_gives(
    items: list[EventLike], coalesce: bool
) -> None:
    (chunk,) = chunk_events(items, coalesce=coalesce)
    middle = len(items) // 2
    first, second = split_chunk(chunk)
    assert first == next(chunk_events(items[:middle], coalesce=coalesce))
    assert second.content == next(chunk_events(items[middle:], coalesce=coalesce)).content
    assert (second.first, second.last) == (middle, len(items) - 1)
