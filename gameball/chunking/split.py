"""Splits a chunk in two when the server found it too large (413)."""

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
    items = chunk.items()
    middle = len(items) // 2
    if middle == 0:
        raise ValueError("a chunk of a single source item cannot be split")
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
