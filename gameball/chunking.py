"""Events in, ready-to-send requests out: the chunking helper by itself, without any I/O."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Iterable, Iterator

from gameball.chunk import Chunk
from gameball.chunker import DEFAULT_MAX_BYTES, MAX_OBJECTS, Chunker, EventLike
from gameball.errors import InvalidEventError


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
    chunker = Chunker(max_objects=max_objects, max_bytes=max_bytes, coalesce=coalesce)
    return chunks_of(events, chunker)


#: Is told of each event that is left out because it cannot be sent.
OnInvalid = Callable[[InvalidEventError], object]


def chunks_of(
    events: Iterable[EventLike],
    chunker: Chunker,
    cuts: Collection[int] = (),
    on_invalid: OnInvalid | None = None,
) -> Iterator[Chunk]:
    """Drive a chunker through a source.

    Args:
        events: The source.
        chunker: The chunker.
        cuts: Positions at which a new chunk begins even if the one before is not full.
        on_invalid: Told of each event that cannot be sent, which is left out; None ends at the first one.

    Yields:
        Chunks. On a problem of the source or an event, first all that was read before it.

    Raises:
        InvalidEventError: An event cannot be sent.
    """
    # The locals of this frame may be shown in a traceback: an iterator's repr tells nothing of the events.
    source = iter(events)
    del events
    problem: Exception | None = None
    more = True
    while more:
        chunk = None
        try:
            chunk = _fill(chunker, source, cuts) if cuts else chunker.fill(source)
            more = chunk is not None
        except InvalidEventError as error:
            problem = _leave_out(error, on_invalid)
            more = problem is None
        except Exception as error:  # noqa: BLE001 - the source's own; raised again below
            problem, more = error, False
        if chunk is not None:
            yield chunk
    # What was read before a problem can be sent, so it is given first.
    rest = chunker.finish()
    if rest is not None:
        yield rest
    if problem is not None:
        raise problem


def _fill(chunker: Chunker, source: Iterator[EventLike], cuts: Collection[int]) -> Chunk | None:
    """Take source items until a chunk is full, or comes to a cut."""
    # The item that did not fit into the chunk before may be the last before a cut.
    if chunker.position in cuts and (alone := chunker.finish()) is not None:
        return alone
    for item in source:
        full = chunker.push(item)
        if full is None and chunker.position in cuts:
            full = chunker.finish()
        if full is not None:
            return full
    return None


def chunks_of_any(
    events: Iterable[EventLike] | AsyncIterable[EventLike],
    chunker: Chunker,
    cuts: Collection[int] = (),
    on_invalid: OnInvalid | None = None,
) -> AsyncIterator[Chunk]:
    """Drive a chunker through a source of either kind, exactly as ``chunks_of`` does."""
    if isinstance(events, AsyncIterable):
        return _chunks_of_async(events, chunker, cuts, on_invalid)
    return _as_async(chunks_of(events, chunker, cuts, on_invalid))


async def _as_async(chunks: Iterator[Chunk]) -> AsyncIterator[Chunk]:
    for chunk in chunks:
        yield chunk


async def _chunks_of_async(
    events: AsyncIterable[EventLike],
    chunker: Chunker,
    cuts: Collection[int],
    on_invalid: OnInvalid | None,
) -> AsyncIterator[Chunk]:
    source = aiter(events)
    del events
    problem: Exception | None = None
    item: EventLike | None = None
    while problem is None:
        try:
            item = await anext(source)
            if cuts and chunker.position in cuts and (chunk := chunker.finish()) is not None:
                yield chunk
            chunk = chunker.push(item)
        except StopAsyncIteration:
            break
        except InvalidEventError as error:
            problem = _leave_out(error, on_invalid)
        except Exception as error:  # noqa: BLE001 - the source's own; raised again below
            problem = error
        else:
            if chunk is not None:
                yield chunk
    item = None
    rest = chunker.finish()
    if rest is not None:
        yield rest
    if problem is not None:
        raise problem


def _leave_out(error: InvalidEventError, on_invalid: OnInvalid | None) -> Exception | None:
    """Tell of an event that cannot be sent, and return what ends the source, if anything does."""
    # Its traceback so far leads through frames that hold the payload, and may be shown with their locals.
    error = error.with_traceback(None)
    if on_invalid is None:
        return error
    try:
        on_invalid(error)
    except Exception as problem:  # noqa: BLE001 - the caller's own, which ends the source as its errors do
        return problem
    return None
