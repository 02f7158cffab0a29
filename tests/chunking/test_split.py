"""A chunk that was too large, split in two."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameball import CustomerEvents, Event, chunk_events
from gameball.chunking.split import split_chunk
from gameball.events import EventLike


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


@given(items=st.lists(ITEMS, min_size=2, max_size=20), coalesce=st.booleans())
def test_for_any_chunk_its_halves_equal_chunks_built_from_their_items(
    items: list[EventLike], coalesce: bool
) -> None:
    (chunk,) = chunk_events(items, coalesce=coalesce)
    middle = len(items) // 2
    first, second = split_chunk(chunk)
    assert first == next(chunk_events(items[:middle], coalesce=coalesce))
    assert second.content == next(chunk_events(items[middle:], coalesce=coalesce)).content
    assert (second.first, second.last) == (middle, len(items) - 1)
