"""Events in, ready-to-send requests out: the chunking helper by itself, without any I/O."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from itertools import islice
from typing import Final, cast

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
    """Turn any number of events into requests ready to be sent, reading no further than needed.

    Args:
        events: The events, in order; an endless generator is fine.
        max_objects: The most objects of a request, 1 to 1,000. Gameball documents 1,000 objects per request.
        max_bytes: The most bytes of a request's body. Gameball documents no limit.
        coalesce: Let events of one customer share an object as long as their names differ. The same name
            again opens another object: nothing is overwritten, and each customer's events keep their order.

    Returns:
        An iterator of chunks, each of consecutive events.

    Raises:
        ValueError: A limit is out of its range.
        InvalidEventError: While iterating: an event that cannot be sent. All events before it have been
            given in chunks.
    """
    builder = ChunkBuilder(max_objects=max_objects, max_bytes=max_bytes, coalesce=coalesce)
    return build_chunks(events, builder)


# How many items are taken before the event loop has its turn. A chunk of 1,000 takes longer to make than a
# request does to send, and would keep all answers that arrive meanwhile waiting.
_ITEMS_PER_TURN: Final = 125

#: Is told of each event that is left out because it cannot be sent.
OnInvalid = Callable[[InvalidEventError], object]


#: Returns the next position behind a given one at which a chunk must start, or None where there is none.
NextBoundary = Callable[[int], int | None]


def build_chunks(
    events: Iterable[EventLike],
    builder: ChunkBuilder,
    next_boundary: NextBoundary | None = None,
    on_invalid: OnInvalid | None = None,
) -> Iterator[Chunk]:
    """Drive a builder through a source.

    Args:
        events: The source.
        builder: The builder.
        next_boundary: Tells at which positions a chunk must start even if the one before is not full.
        on_invalid: Told of each event that cannot be sent, which is left out; None ends at the first one.

    Yields:
        Chunks. On a problem of the source or an event, first all that was read before it.

    Raises:
        InvalidEventError: An event cannot be sent.
    """
    # Without turns to give, it yields chunks only.
    return cast("Iterator[Chunk]", _chunks_and_turns(events, builder, next_boundary, on_invalid, None))


def _chunks_and_turns(
    events: Iterable[EventLike],
    builder: ChunkBuilder,
    next_boundary: NextBoundary | None,
    on_invalid: OnInvalid | None,
    items_per_turn: int | None,
) -> Iterator[Chunk | None]:
    """Drive a builder as ``build_chunks`` does, and yield None whenever others may have a turn."""
    source = iter(events)
    problem: Exception | None = None
    more = True
    while more:
        limit = items_per_turn
        boundary = None if next_boundary is None else next_boundary(builder.first)
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
            problem = _leave_out(error, on_invalid, builder)
            more = problem is None
        except Exception as error:  # noqa: BLE001 - the source's own; raised again below
            problem, more = error, False
        if chunk is not None or items_per_turn is not None:
            yield chunk
        chunk = None  # while the next one is made, it is gone
    # What was read before a problem can be sent, so it is given first.
    rest = builder.finish()
    if rest is not None:
        yield rest
    if problem is not None:
        raise problem


def build_chunks_async(
    events: Iterable[EventLike] | AsyncIterable[EventLike],
    builder: ChunkBuilder,
    next_boundary: NextBoundary | None = None,
    on_invalid: OnInvalid | None = None,
) -> AsyncIterator[Chunk]:
    """Drive a builder through a source of either kind, exactly as ``build_chunks`` does."""
    if isinstance(events, AsyncIterable):
        return _build_from_async(events, builder, next_boundary, on_invalid)
    return _as_async(_chunks_and_turns(events, builder, next_boundary, on_invalid, _ITEMS_PER_TURN))


async def _as_async(chunks: Iterator[Chunk | None]) -> AsyncIterator[Chunk]:
    for chunk in chunks:
        if chunk is None:
            await asyncio.sleep(0)
        else:
            yield chunk
        del chunk  # while the next one is made, it is gone


async def _build_from_async(  # noqa: C901 - the steps of _chunks_and_turns, with await
    events: AsyncIterable[EventLike],
    builder: ChunkBuilder,
    next_boundary: NextBoundary | None,
    on_invalid: OnInvalid | None,
) -> AsyncIterator[Chunk]:
    source = aiter(events)
    problem: Exception | None = None
    while problem is None:
        try:
            item = await anext(source)
            if next_boundary is not None and builder.position == next_boundary(builder.first):
                chunk = builder.finish()
                if chunk is not None:
                    yield chunk
            chunk = builder.push(item)
        except StopAsyncIteration:
            break
        except InvalidEventError as error:
            problem = _leave_out(error, on_invalid, builder)
        except Exception as error:  # noqa: BLE001 - the source's own; raised again below
            problem = error
        else:
            if chunk is not None:
                yield chunk
            # A source that never waits would not let go of the event loop.
            if builder.position % _ITEMS_PER_TURN == 0:
                await asyncio.sleep(0)
    rest = builder.finish()
    if rest is not None:
        yield rest
    if problem is not None:
        raise problem


def _leave_out(
    error: InvalidEventError, on_invalid: OnInvalid | None, builder: ChunkBuilder
) -> Exception | None:
    """Tell of an event that cannot be sent, and return what ends the source, if anything does."""
    if on_invalid is None:
        return error
    builder.leave_out()
    try:
        on_invalid(error)
    except Exception as problem:  # noqa: BLE001 - the caller's own, which ends the source as its errors do
        return problem
    return None
