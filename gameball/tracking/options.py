"""The arguments of ``events.tracker``, and their checks."""

from collections.abc import Callable, Sequence
from typing import Final, Literal

from attrs import field, frozen, validators

from gameball.argument_checks import check_whole, validate_seconds
from gameball.chunking.limits import DEFAULT_MAX_BYTES, MAX_OBJECTS, check_chunk_limits
from gameball.events import Event
from gameball.receipts import Receipt

#: What ``track`` does when the queue is full.
WhenFull = Literal["drop", "wait", "raise"]
#: Called with the receipt of a request that was not accepted, and its events.
OnFailure = Callable[[Receipt, Sequence[Event]], object]

DEFAULT_LINGER: Final = 1.0
DEFAULT_CAPACITY: Final = 10_000
DEFAULT_MAX_QUEUED_BYTES: Final = 50_000_000
DEFAULT_MAX_AGE: Final = 3_600.0
#: How long ``close`` takes at most, in seconds.
DEFAULT_CLOSE_TIMEOUT: Final = 5.0
#: Enough for 30 requests per second that take 250 ms each. A thread is only started when it is needed.
DEFAULT_CONCURRENCY: Final = 8


@frozen
class TrackerOptions:
    """The arguments of a tracker; see ``Events.tracker``.

    Raises:
        ValueError: An argument is out of range.
    """

    linger: float = field(default=DEFAULT_LINGER, validator=validate_seconds)
    capacity: int = DEFAULT_CAPACITY
    max_queued_bytes: int = DEFAULT_MAX_QUEUED_BYTES
    when_full: WhenFull = field(default="drop", validator=validators.in_(("drop", "wait", "raise")))
    max_age: float = field(default=DEFAULT_MAX_AGE, validator=validate_seconds)
    on_failure: OnFailure | None = None
    concurrency: int = DEFAULT_CONCURRENCY
    max_objects: int = MAX_OBJECTS
    max_bytes: int = DEFAULT_MAX_BYTES
    close_timeout: float = field(default=DEFAULT_CLOSE_TIMEOUT, validator=validate_seconds)

    def __attrs_post_init__(self) -> None:
        check_whole("capacity", self.capacity)
        check_whole("max_queued_bytes", self.max_queued_bytes)
        check_whole("concurrency", self.concurrency)
        check_chunk_limits(self.max_objects, self.max_bytes)
