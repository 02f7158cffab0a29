"""Turns events into request bodies that are ready to be sent. No I/O."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from itertools import islice
from typing import Final, Protocol, cast

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk import Chunk
from gameball.chunking.limits import DEFAULT_MAX_BYTES, MAX_OBJECTS
from gameball.errors import InvalidEventError
from gameball.events import EventLike


def chunk_events(
    events: Iterable[EventLike],
    *,
    max_objects: int = MAX_OBJECTS,
    max_bytes: int = DEFAULT_MAX_BYTES,
    coalesce: bool = True,
) -> Iterator[Chunk]:
    """Pack events into request bodies that are ready to be sent.

    Args:
        events: The events, in order. They are read as chunks are needed, so the iterable may be endless.
        max_objects: The maximum number of objects in a request: 1 to 1,000, the limit that Gameball
            documents.
        max_bytes: The maximum size of a request body, in bytes: 2,000,000 by default. Gameball documents no
            limit.
        coalesce: Whether events of one customer may share an object if their names differ. An event with a
            name that the object already has starts a new object, so nothing is overwritten and each
            customer's events keep their order.

    Returns:
        An iterator of chunks. Each holds consecutive events.

    Raises:
        ValueError: A limit is out of range.
        InvalidEventError: An event cannot be sent. It is raised while iterating, after the chunks of all
            events before it.
    """
    builder = ChunkBuilder(max_objects=max_objects, max_bytes=max_bytes, coalesce=coalesce)
    return build_chunks(events, builder)


# The number of items to read before other tasks may run. Building a chunk of 1,000 takes longer than sending
# a request, and would delay the handling of all responses that arrive meanwhile.
_ITEMS_PER_TURN: Final = 125

#: Called with the error of each event that is skipped because it cannot be sent.
OnInvalid = Callable[[InvalidEventError], object]


class EarlierChunks(Protocol):
    """The chunks of earlier runs. Those of this run must be identical to be recognised."""

    def next_boundary(self, position: int) -> int | None:
        """Return the first position after a given one at which a chunk must start, or None."""

    def holds(self, position: int) -> bool:
        """Return whether a chunk of an earlier run has the item at a position."""


def build_chunks(
    events: Iterable[EventLike],
    builder: ChunkBuilder,
    earlier: EarlierChunks | None = None,
    on_invalid: OnInvalid | None = None,
) -> Iterator[Chunk]:
    """Read a source and yield its chunks.

    Args:
        events: The source.
        builder: The builder.
        earlier: The chunks of earlier runs. A chunk starts where one of them did, even if the one before is
            not full.
        on_invalid: Called with the error of each event that cannot be sent, which is then skipped. None
            raises the first error.

    Yields:
        Chunks. If the source or an event fails, the items before it are yielded first.

    Raises:
        InvalidEventError: An event cannot be sent.
    """
    # With items_per_turn=None it never yields None.
    return cast("Iterator[Chunk]", _chunks_and_turns(events, builder, earlier, on_invalid, None))


def _chunks_and_turns(
    events: Iterable[EventLike],
    builder: ChunkBuilder,
    earlier: EarlierChunks | None,
    on_invalid: OnInvalid | None,
    items_per_turn: int | None,
) -> Iterator[Chunk | None]:
    """Yield chunks as ``build_chunks`` does, and None whenever other tasks may run."""
    source = iter(events)
    problem: Exception | None = None
    more = True
    while more:
        limit = items_per_turn
        boundary = None if earlier is None else earlier.next_boundary(builder.first)
        if boundary is not None:
            room = boundary - builder.position
            if room == 0:
                yield builder.finish()
                continue
            limit = room if limit is None else min(limit, room)
        chunk = None
        begun = builder.position
        try:
            chunk = builder.fill(source if limit is None else islice(source, limit))
            more = chunk is not None or builder.position - begun == limit
        except InvalidEventError as error:
            problem = _skip(error, on_invalid, builder)
            more = problem is None
        except Exception as error:  # noqa: BLE001 - raised by the source; raised again below
            problem, more = error, False
        if chunk is not None or items_per_turn is not None:
            yield chunk
        chunk = None  # frees its memory before the next one is built
    # The items before a problem can be sent, so their chunk comes first.
    last = _last_chunk(builder, earlier, problem)
    if last is not None:
        yield last
    if problem is not None:
        raise problem


def _last_chunk(
    builder: ChunkBuilder, earlier: EarlierChunks | None, problem: Exception | None
) -> Chunk | None:
    """Return the chunk of the last items, or None if there is none that can be sent."""
    if problem is not None and earlier is not None and earlier.holds(builder.first):
        end = earlier.next_boundary(builder.first)
        if end is not None and builder.position < end:
            return None  # the problem has kept it from having all items of an earlier one
    return builder.finish()


def build_chunks_async(
    events: Iterable[EventLike] | AsyncIterable[EventLike],
    builder: ChunkBuilder,
    earlier: EarlierChunks | None = None,
    on_invalid: OnInvalid | None = None,
) -> AsyncIterator[Chunk]:
    """Read a synchronous or asynchronous source and yield the same chunks as ``build_chunks``."""
    if isinstance(events, AsyncIterable):
        return _build_from_async(events, builder, earlier, on_invalid)
    return _as_async(_chunks_and_turns(events, builder, earlier, on_invalid, _ITEMS_PER_TURN))


async def _as_async(chunks: Iterator[Chunk | None]) -> AsyncIterator[Chunk]:
    for chunk in chunks:
        if chunk is None:
            await asyncio.sleep(0)
        else:
            yield chunk
        del chunk  # frees its memory before the next one is built


async def _build_from_async(  # noqa: C901 - the steps of _chunks_and_turns, with await
    events: AsyncIterable[EventLike],
    builder: ChunkBuilder,
    earlier: EarlierChunks | None,
    on_invalid: OnInvalid | None,
) -> AsyncIterator[Chunk]:
    source = aiter(events)
    problem: Exception | None = None
    while problem is None:
        try:
            item = await anext(source)
            if earlier is not None and builder.position == earlier.next_boundary(builder.first):
                chunk = builder.finish()
                if chunk is not None:
                    yield chunk
            chunk = builder.push(item)
        except StopAsyncIteration:
            break
        except InvalidEventError as error:
            problem = _skip(error, on_invalid, builder)
        except Exception as error:  # noqa: BLE001 - raised by the source; raised again below
            problem = error
        else:
            if chunk is not None:
                yield chunk
            # A source that never awaits anything would block the event loop.
            if builder.position % _ITEMS_PER_TURN == 0:
                await asyncio.sleep(0)
    last = _last_chunk(builder, earlier, problem)
    if last is not None:
        yield last
    if problem is not None:
        raise problem


def _skip(error: InvalidEventError, on_invalid: OnInvalid | None, builder: ChunkBuilder) -> Exception | None:
    """Report an event that cannot be sent, and return the error that ends the source, if any."""
    if on_invalid is None:
        return error
    builder.skip()
    try:
        on_invalid(error)
    except Exception as problem:  # noqa: BLE001 - an error of the callback ends the source
        return problem
    return None
