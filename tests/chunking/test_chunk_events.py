"""Packing items into chunks: exact limits of objects and bytes, and no lost events."""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from event_strategies import ITEMS
from hypothesis import given
from hypothesis import strategies as st

from gameball import Chunk, CustomerEvents, Event, InvalidEventError, chunk_events
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


def test_an_object_that_holds_several_events_is_measured_exactly() -> None:
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


def test_events_of_a_customer_share_an_object_until_a_name_is_repeated() -> None:
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


def test_an_endless_source_is_read_only_as_far_as_needed() -> None:
    read = []

    def endless() -> Iterator[Event]:
        for number in itertools.count():
            read.append(number)
            yield Event(f"cust-{number}", "song_liked")

    chunk = next(chunk_events(endless(), max_objects=10))
    assert chunk.objects == 10
    assert len(read) == 11


def test_chunks_before_an_invalid_event_are_yielded_first() -> None:
    chunks = chunk_events(
        [*of_different_customers(5), Event("", "liked"), Event("later", "liked")], max_objects=2
    )
    assert [chunk.objects for chunk in itertools.islice(chunks, 3)] == [2, 2, 1]
    with pytest.raises(InvalidEventError, match="event 5"):
        next(chunks)


def test_chunks_before_an_error_of_the_source_are_yielded_first() -> None:
    def failing() -> Iterator[Event]:
        yield from of_different_customers(3)
        raise OSError("the disk is gone")

    chunks = chunk_events(failing())
    assert next(chunks).events == 3
    with pytest.raises(OSError, match="the disk is gone"):
        next(chunks)


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
