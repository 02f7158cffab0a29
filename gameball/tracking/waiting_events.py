"""The events that wait to be packed, oldest first, and how they are packed into chunks.

It has no lock. ``pack`` may run while others ``add``, because they share nothing. All other methods need a
lock of the caller.
"""

import math
from collections import deque
from typing import Final

from attrs import define, field, frozen

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk import Chunk
from gameball.tracking.options import TrackerOptions

#: The customer, name, JSON, memory in bytes, and time of an event.
Entry = tuple[str, str, bytes, int, float]
# Events expire together with others of about their age, up to 1 % of ``max_age`` late. Otherwise each event
# of a request would be dropped, logged and reported separately.
_STEPS: Final = 100


@frozen
class Packed:
    """A chunk of events.

    Attributes:
        chunk: The chunk. The position of an event is its number among all events of the tracker, from 0.
        held_bytes: The memory that its events take.
        expiries: When its events expire, as times of ``time.monotonic``: the position of the first event with
            each time, and the time, in order.
    """

    chunk: Chunk
    held_bytes: int
    expiries: list[tuple[int, float]]


@define(eq=False)
class WaitingEvents:
    """The events that are not packed yet, among them those of the chunk that is being built.

    Args:
        options: The options of the tracker.

    Attributes:
        put_bytes: The memory of all events that were ever added, in bytes.
        packed: The number of all events that were packed.
        packed_bytes: Their memory, in bytes.
    """

    options: TrackerOptions
    put_bytes: int = field(init=False, default=0)
    packed: int = field(init=False, default=0)
    packed_bytes: int = field(init=False, default=0)
    # Those that were added since the last ``take``, and the number of those before.
    _added: deque[Entry] = field(init=False, factory=deque, repr=False)
    _taken: int = field(init=False, default=0)
    # Those that ``pack`` reads.
    _to_pack: deque[Entry] = field(init=False, factory=deque, repr=False)
    # The chunk that is being built, which holds at most one event between two calls of ``pack``.
    _builder: ChunkBuilder = field(init=False)
    _size: int = field(init=False, default=0)
    _since: float = field(init=False, default=math.inf)
    _expiries: list[tuple[int, float]] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        options = self.options
        self._builder = ChunkBuilder(
            max_objects=options.max_objects, max_bytes=options.max_bytes, coalesce=True
        )

    def __len__(self) -> int:
        return self.put - self.packed

    @property
    def put(self) -> int:
        """The number of all events that were ever added."""
        return self._taken + len(self._added)

    @property
    def is_full(self) -> bool:
        """Whether there is enough for a full chunk."""
        options = self.options
        return len(self) >= options.max_objects or self.put_bytes - self.packed_bytes >= options.max_bytes

    @property
    def since(self) -> float:
        """When the oldest event was added, as a time of ``time.monotonic``. There must be one.

        Only the thread that packs may read it.
        """
        return self._since if math.isfinite(self._since) else (self._to_pack or self._added)[0][4]

    def add(self, entry: Entry) -> int:
        """Add an event, and return the number of all events that were ever added.

        A signal handler may raise at any step, or add another event: an event is counted if, and only if, it
        is in the queue.
        """
        # No call between these two, because handlers run after calls.
        self.put_bytes += entry[3]
        self._added.append(entry)
        return self.put

    def take(self) -> None:
        """Let ``pack`` read the events that were added until now. Only the thread that packs may do this.

        In an earlier version ``pack`` read the queue to which ``add`` adds: an event that was packed before
        ``add`` had counted it was never counted.
        """
        added, self._added = self._added, deque()
        # Not in one statement: a handler that runs after the call of ``len`` may take events, too.
        count = len(added)
        self._taken += count
        self._to_pack.extend(added)

    def pack(self) -> Packed | None:
        """Build a chunk of the oldest events. Only one thread at a time may do this; others may ``add``.

        Returns:
            The chunk, or None if no event was taken. It counts as packed after ``note_packed``.
        """
        while self._to_pack:
            customer_id, name, events, size, since = self._to_pack.popleft()
            position = self._builder.position
            chunk = self._builder.place(customer_id, {name}, events)
            packed = None if chunk is None else self._finish(chunk)
            self._note(position, size, since)
            if packed is not None:
                return packed
        chunk = self._builder.finish()
        return None if chunk is None else self._finish(chunk)

    def _finish(self, chunk: Chunk) -> Packed:
        packed = Packed(chunk, self._size, self._expiries)
        self._size = 0
        self._since = math.inf
        self._expiries = []
        return packed

    def _note(self, position: int, size: int, since: float) -> None:
        """Record the memory and the time of an event that was added to the chunk that is being built."""
        self._size += size
        self._since = min(self._since, since)
        when = expiry(since, self.options.max_age)
        if not self._expiries or when > self._expiries[-1][1]:
            self._expiries.append((position, when))

    def note_packed(self, packed: Packed) -> None:
        """Count the events of a chunk as packed."""
        self.packed += packed.chunk.events
        self.packed_bytes += packed.held_bytes

    def drop(self) -> int:
        """Count all events as packed, and return how many there were. Pack and add nothing afterwards."""
        dropped = len(self)
        self.packed += dropped
        self.packed_bytes = self.put_bytes
        return dropped


def expiry(since: float, max_age: float) -> float:
    """Return when an event that was tracked at a given time expires: never early, and at most 1 % late.

    Args:
        since: The time, in seconds.
        max_age: The option of the tracker, in seconds.
    """
    step = max_age / _STEPS
    return math.ceil(since / step) * step + max_age if step > 0 else since
