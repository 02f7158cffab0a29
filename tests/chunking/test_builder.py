"""The events that a builder rejects, and the errors that it passes on."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from gameball import CustomerEvents, Event, InvalidEventError, chunk_events
from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk_events import build_chunks


def test_metadata_that_contains_itself_is_refused_as_nested_too_deeply() -> None:
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


class Interrupting(Decimal):
    """A number that is interrupted while it is written."""

    def __float__(self) -> float:
        raise KeyboardInterrupt


# orjson turns every exception raised while it converts a value into a TypeError. So Ctrl-C was reported as an
# event that is nested too deeply, and with on_invalid the event was lost and the send continued.
def test_an_interrupt_while_an_event_is_encoded_is_an_interrupt() -> None:
    told: list[object] = []
    events = [Event("a", "x", {"n": 1}), Event("b", "x", {"amount": Interrupting("1.5")})]
    builder = ChunkBuilder(max_objects=10, max_bytes=10_000, coalesce=True)
    with pytest.raises(KeyboardInterrupt):
        list(build_chunks(events, builder, None, told.append))
    assert told == []
    for item in (events[1], CustomerEvents("b", {"x": events[1].metadata, "y": {}})):
        with pytest.raises(KeyboardInterrupt):
            list(chunk_events([item]))


class Lazy(Mapping[str, object]):
    """Metadata that is loaded on access, which fails."""

    def __getitem__(self, key: str) -> object:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise ConnectionError("the database is gone")

    def __len__(self) -> int:
        return 1


def test_metadata_that_raises_while_it_is_read_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidEventError, match="metadata is a .*Lazy that raises ConnectionError") as caught:
        list(chunk_events([Event("a", "x", Lazy())]))
    assert "database" not in str(caught.value)
