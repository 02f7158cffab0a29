"""What a ledger knows: of each send that used it, and of each chunk. Pure."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from zlib import crc32

from attrs import frozen

from gameball.chunking.chunk import Chunk
from gameball.errors import APIError, GameballError, LedgerError
from gameball.receipts import Outcome


@frozen
class LedgerRun:
    """A send that used the ledger.

    Attributes:
        number: Its number, counted from 1.
        started_at: When it began.
        ended_at: When it ended; None if it is going on, or was killed.
    """

    number: int
    started_at: datetime
    ended_at: datetime | None


@frozen
class LedgerChunk:
    """What the ledger knows of a chunk.

    Attributes:
        first: The position of its first source item, counted from 0.
        last: The position of its last source item; all between the two are in the chunk as well.
        number: Its number within its send.
        run: The run that it was last sent in.
        objects: The number of objects in the request.
        events: The number of events in it.
        digest: The SHA-256 of the request's body.
        outcome: What became of it. What was in flight when its process died is UNKNOWN.
        in_flight: Whether no outcome was ever noted: the process is at it, or died.
        job_id: The job that processes it, when it was accepted.
        attempts: How many requests were made for it.
        error: Why it was not accepted.
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


def boundaries_of(chunks: Iterable[LedgerChunk]) -> Callable[[int], int | None]:
    """Return what tells the next position behind a given one at which a chunk must start, or None.

    Chunks must start where the given ones did, and behind where they ended, to be the same.
    """
    positions = sorted({position for chunk in chunks for position in (chunk.first, chunk.last + 1)})

    def next_boundary(position: int) -> int | None:
        place = bisect_right(positions, position)
        return positions[place] if place < len(positions) else None

    return next_boundary


def digest(chunk: Chunk) -> bytes:
    """Return the SHA-256 of a chunk's bytes."""
    return hashlib.sha256(chunk.content).digest()


def describe(error: GameballError) -> str:
    """Return what the ledger keeps of an error: Gameball's own words may quote the request."""
    if not isinstance(error, APIError):
        return str(error)
    details = [f"HTTP {error.status}"]
    if error.code is not None:
        details.append(f"code {error.code}")
    if error.request_id is not None:
        details.append(f"request {error.request_id}")
    return f"{type(error).__name__}: {', '.join(details)}"


def checksum(row: tuple[Any, ...]) -> int:
    """Return the check sum of a chunk's row."""
    return crc32(repr(row).encode())


def read_chunk(row: tuple[Any, ...]) -> LedgerChunk:
    """Return a chunk from its row in the file, whose columns are in the order of the attributes.

    Raises:
        LedgerError: The row is damaged.
    """
    *known, check = row
    if checksum(tuple(known)) != check:
        raise LedgerError(
            f"the ledger is damaged: its record of source item {row[0]} is not as it was written"
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
