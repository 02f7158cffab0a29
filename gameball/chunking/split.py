"""Splits a chunk in two, for a server that found it too large (413)."""

import orjson

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk import Chunk
from gameball.chunking.limits import MAX_OBJECTS


def split_chunk(chunk: Chunk) -> tuple[Chunk, Chunk]:
    """Divide a chunk in two, by its source items, for a server that found it too large.

    Args:
        chunk: A chunk of at least two source items.

    Returns:
        The first half and the second half, each what chunking its source items anew would give: a send that
        is resumed begins its chunks where those before have begun, and must find the same bytes.

    Raises:
        ValueError: The chunk holds a single source item, which is never divided.
    """
    items = chunk.items()
    middle = len(items) // 2
    if middle == 0:
        raise ValueError("a chunk of a single source item cannot be split")
    return _rebuild(chunk, items[:middle], 0), _rebuild(chunk, items[middle:], middle)


def _rebuild(chunk: Chunk, items: list[tuple[bytes, bytes]], offset: int) -> Chunk:
    builder = ChunkBuilder(
        max_objects=MAX_OBJECTS,
        max_bytes=chunk.size,
        coalesce=chunk.layout.coalesce,
        first=chunk.first + offset,
    )
    for customer, events in items:
        # Decoded only for the names: decoding and encoding a number anew could change it.
        builder.place(orjson.loads(customer), set(orjson.loads(b"{" + events + b"}")), events)
    part = builder.finish()
    if part is None:
        raise ValueError("a part of a chunk holds at least one source item")
    return part
