"""The events that a builder rejects, and the errors that it passes on."""

import math
import subprocess
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import orjson
import pytest
from orjson import Fragment

from gameball import CustomerEvents, Event, InvalidEventError, chunk_events
from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk_events import build_chunks
from gameball.chunking.event_encoder import EventEncoder


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


# Each name was added to a copy of all names before it, so 200,000 names of one customer took 7 s.
def test_the_names_of_one_customer_are_added_without_copying_those_before_them() -> None:
    builder = ChunkBuilder(max_objects=10, max_bytes=10_000_000, coalesce=True)
    bodies: list[object] = []
    for number in range(2_000):
        builder.push(("customer", f"name-{number}", {"n": number}))
        if not bodies or bodies[-1] is not builder._bodies[0]:
            bodies.append(builder._bodies[0])
    # The first name is alone; what the others are added to stays the same object.
    assert len(bodies) == 2
    chunk = builder.finish()
    assert chunk is not None
    assert chunk.events == 2_000
    assert len(orjson.loads(chunk.content)["body"][0]["events"]) == 2_000


def test_an_event_that_is_only_encoded_is_checked_like_one_that_is_added() -> None:
    encoder = EventEncoder(max_bytes=10_000)
    assert encoder.encode("a", "liked", {"n": None}) == b'"liked":{"n":null}'
    assert encoder.encode("a", "liked", None) == b'"liked":{}'
    for value in (math.nan, Fragment(b"1"), Lazy()):
        with pytest.raises(InvalidEventError, match=r"metadata\.n is "):
            encoder.encode("a", "liked", {"n": value})


def test_long_names_are_not_kept_in_memory() -> None:
    encoder = EventEncoder(max_bytes=10_000_000)
    for number in range(10):
        encoder.encode("a", f"{number}" * 1_000_000, None)
        encoder.encode("a", f"{number}", None)
    assert sum(map(len, encoder.keys)) == 10


def test_events_are_not_searched_for_fragments_in_a_program_without_any() -> None:
    program = """
from sys import getrefcount
import gameball, gameball.cli.app
from gameball.chunking import event_encoder
for name in gameball.__all__:
    getattr(gameball, name)
assert list(gameball.chunk_events([gameball.Event("a", "b", {"n": 1})]))
assert getrefcount(event_encoder.orjson.Fragment) == event_encoder.FRAGMENT_REFERENCES
"""
    subprocess.run([sys.executable, "-c", program], check=True)
