"""A chunk that was too large, split in two."""

from decimal import Decimal

import pytest
from event_strategies import ITEMS
from hypothesis import given
from hypothesis import strategies as st

from gameball import CustomerEvents, Event, chunk_events
from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk_events import build_chunks
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


@given(
    items=st.lists(st.one_of(ITEMS, st.none()), min_size=2, max_size=20),
    limit=st.integers(2, 8),
)
def test_for_any_skipped_items_all_chunks_and_their_halves_keep_their_positions(
    items: list[EventLike | None], limit: int
) -> None:
    builder = ChunkBuilder(max_objects=limit, max_bytes=100_000, coalesce=False)
    given: list[EventLike] = items  # type: ignore[assignment]  # None cannot be sent
    refused: list[int] = []
    chunks = list(build_chunks(given, builder, None, lambda error: refused.append(error.index)))
    assert refused == [place for place, item in enumerate(items) if item is None]
    kept = [place for place, item in enumerate(items) if item is not None]
    halves = [half for c in chunks for half in (split_chunk(c) if c.first < c.last else (c,))]
    for parts in (chunks, halves):
        places = [part.first + offset for part in parts for offset in part.layout.offsets()]
        assert places == kept
        assert [part.last for part in parts] == [part.first + part.layout.offsets()[-1] for part in parts]


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
