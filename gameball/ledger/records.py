"""The records in a ledger: each run that used it, and each chunk. No I/O."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from attrs import frozen

from gameball.chunking.chunk import Chunk
from gameball.errors import LedgerError
from gameball.receipts import Outcome


@frozen
class LedgerRun:
    """A send that used the ledger.

    Attributes:
        number: The number of the run, counted from 1.
        started_at: When the run started.
        ended_at: When the run ended, or None if it is still running or its process was killed.
    """

    number: int
    started_at: datetime
    ended_at: datetime | None


@frozen
class LedgerChunk:
    """The record of a chunk in the ledger.

    Attributes:
        first: The position of its first source item, counted from 0.
        last: The position of its last source item. The chunk holds all items from first to last.
        number: The number of the chunk within its send.
        run: The number of the run that last sent it.
        objects: The number of objects in the request.
        events: The number of events in the request.
        digest: The SHA-256 hash of the request body.
        outcome: Its outcome. A chunk that was in flight when its process died is UNKNOWN.
        in_flight: Whether no outcome is recorded, because the chunk is still in flight or its process died.
        job_id: The id of the job that processes it, or None if it was not accepted.
        attempts: The number of requests made for it.
        error: Why it was not accepted, or None.
    """

    first: int
    last: int
    number: int
    run: int
    objects: int
    events: int
    digest: bytes
    outcome: Outcome
    in_flight: bool
    job_id: int | None
    attempts: int
    error: str | None


def check_resolvable(chunks: Sequence[LedgerChunk], positions: range) -> None:
    """Check that a range of source items can be resolved.

    Args:
        chunks: The chunks that hold an item of the range, in the order of the source.
        positions: The range.

    Raises:
        ValueError: Not everything in the range is UNKNOWN, or the range splits a chunk.
    """
    if positions.step != 1 or not positions:
        raise ValueError(f"positions must be a range of at least one source item, got {positions!r}")
    said = f"source items {positions[0]} to {positions[-1]} cannot be resolved"
    for chunk in chunks:
        held = f"items {chunk.first} to {chunk.last}"
        if chunk.outcome is not Outcome.UNKNOWN:
            raise ValueError(f"{said}: the ledger has {held} as {chunk.outcome}, and only UNKNOWN can be")
        if chunk.first < positions.start or chunk.last >= positions.stop:
            raise ValueError(f"{said}: {held} were sent in one request, and can only be resolved together")
    if not chunks:
        raise ValueError(f"{said}: the ledger has no record of them")
    first, last = chunks[0].first, chunks[-1].last
    if (first, last) != (positions[0], positions[-1]):
        raise ValueError(f"{said}: the ledger has records of items {first} to {last} only")


def digest(chunk: Chunk) -> bytes:
    """Return the SHA-256 hash of a chunk's content."""
    return hashlib.sha256(chunk.content).digest()


def checksum(row: tuple[Any, ...]) -> int:
    """Return the checksum of a chunk's row."""
    return crc32(repr(row).encode())


def read_chunk(row: tuple[Any, ...]) -> LedgerChunk:
    """Return the chunk in a row of the file.

    Raises:
        LedgerError: The row is damaged.
    """
    *known, check = row
    if checksum(tuple(known)) != check:
        raise LedgerError(
            f"the ledger is damaged: the checksum of its record of source item {row[0]} does not match"
        )
    first, last, number, run, objects, events, sha256, outcome, job_id, attempts, error = known
    return LedgerChunk(
        first=first,
        last=last,
        number=number,
        run=run,
        objects=objects,
        events=events,
        digest=sha256,
        outcome=Outcome.UNKNOWN if outcome is None else Outcome(outcome),
        in_flight=outcome is None,
        job_id=job_id,
        attempts=attempts,
        error=error,
    )
