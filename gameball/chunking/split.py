"""Splits a chunk in two: when the server found it too large (413), or when only some of it is sent again."""

from bisect import bisect_left

import orjson

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk import Chunk
from gameball.chunking.limits import MAX_OBJECTS


def split_chunk(chunk: Chunk) -> tuple[Chunk, Chunk]:
    """Split a chunk in two, each with half of its source items.

    Args:
        chunk: A chunk of at least two source items.

    Returns:
        The first and the second half. Each is identical to what chunking its source items again would give: a
        resumed send starts its chunks at the same positions as before, and must produce the same bytes.

    Raises:
        ValueError: The chunk holds a single source item, which is never split.
    """
    middle = len(chunk.layout.objects) // 2
    if middle == 0:
        raise ValueError("a chunk of a single source item cannot be split")
    return _split(chunk, middle)


def split_before(chunk: Chunk, position: int) -> tuple[Chunk | None, Chunk | None]:
    """Split a chunk before the source item at a position.

    Args:
        chunk: The chunk.
        position: The position. It need not be within the chunk.

    Returns:
        What lies before the position, and the rest. A part without source items is None.
    """
    if position <= chunk.first:
        return None, chunk
    if position > chunk.last:
        return chunk, None
    return _split(chunk, bisect_left(chunk.layout.offsets(), position - chunk.first))


def _split(chunk: Chunk, middle: int) -> tuple[Chunk, Chunk]:
    items = chunk.items()
    positions = [chunk.first + offset for offset in chunk.layout.offsets()]
    return (
        _rebuild(chunk, items[:middle], positions[:middle]),
        _rebuild(chunk, items[middle:], positions[middle:]),
    )


def _rebuild(chunk: Chunk, items: list[tuple[bytes, bytes]], positions: list[int]) -> Chunk:
    builder = ChunkBuilder(
        max_objects=MAX_OBJECTS,
        max_bytes=chunk.size,
        coalesce=chunk.layout.coalesce,
        first=positions[0],
    )
    for (customer, events), position in zip(items, positions, strict=True):
        while builder.position < position:
            builder.skip()
        # Decoded only to get the names: decoding a number and encoding it again could change it.
        builder.place(orjson.loads(customer), set(orjson.loads(b"{" + events + b"}")), events)
    part = builder.finish()
    if part is None:
        raise ValueError("a part of a chunk must hold at least one source item")
    return part
