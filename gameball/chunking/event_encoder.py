"""Checks events, encodes them, and explains what is wrong with those that cannot be sent."""

from collections.abc import Callable, Mapping
from sys import getrefcount
from typing import Final

import orjson

from gameball.chunking.chunk import ENVELOPE_SIZE, EVENTS_OPEN, OBJECT_CLOSE, OBJECT_OPEN
from gameball.errors import InvalidEventError
from gameball.json_values import OPTIONS, are_finite, convert, encode, find_problem

NULL: Final = b"null"
U: Final = ord("u")
OPENING_BRACE: Final = ord("{")
# Limit the memory of the cache for a source in which every event has another name, and for long names.
_MAX_CACHED_NAMES: Final = 10_000
_MAX_CACHED_LENGTH: Final = 200
#: An object's closing braces and the comma before it.
AROUND_OBJECT: Final = len(OBJECT_CLOSE) + 1
#: The size of a request without objects. One less, because the first object has no comma before it.
EMPTY: Final = ENVELOPE_SIZE - 1
# orjson writes a Fragment as it is, unchecked, so it is refused. To search every event for one would take a
# fifth longer (measured: 0.25 µs of 1.35 µs). But every Fragment holds a reference to its class: as long as
# there are no more references than now, there is none, and only otherwise are events searched. So no module
# here may import the class by its name, which would be one more reference.
FRAGMENT_REFERENCES: Final = getrefcount(orjson.Fragment)


def may_be_invalid(value: bytes, metadata: object) -> bool:
    """Return whether metadata that could be encoded must be checked, because its JSON may be wrong.

    NaN and infinity are written as null, so a null must be looked at. Searching for one letter is five times
    as fast as for a word, and many events do not contain it.

    Args:
        value: The JSON of the metadata.
        metadata: The metadata.
    """
    return (
        (type(metadata) is not dict and value[0] != OPENING_BRACE)
        or (U in value and value.find(NULL) >= 0 and not are_finite((metadata,)))
        or getrefcount(orjson.Fragment) != FRAGMENT_REFERENCES
    )


class EventEncoder:
    """Checks and encodes events. It is thread-safe.

    Args:
        max_bytes: The maximum size of a request, in bytes.
        position: Returns the position of the next source item, for errors.

    Attributes:
        keys: The JSON of the names that occurred, with the colon after it.
    """

    def __init__(self, max_bytes: int, position: Callable[[], int] = int) -> None:
        self.keys: dict[str, bytes] = {}
        self._max_bytes = max_bytes
        self._position = position

    def encode(self, customer_id: str, name: str, metadata: Mapping[str, object] | None) -> bytes:
        """Check an event, and return its JSON for ``ChunkBuilder.place``.

        Args:
            customer_id: The id of its customer.
            name: Its name.
            metadata: Its metadata.

        Raises:
            InvalidEventError: The event cannot be sent.
        """
        try:
            key = self.keys.get(name)
            value = encode(metadata, convert, OPTIONS)
            customer = encode(customer_id)
        except Exception as error:  # noqa: BLE001 - a value may be of any class, whose methods raise anything
            raise self.explain(error, customer_id, name, metadata, "metadata") from None
        if key is None:
            key = self.encode_name(name, customer_id)
        if may_be_invalid(value, metadata):
            value = self.check_metadata(value, metadata, customer_id, "metadata")
        if type(customer_id) is not str or not customer_id.strip():
            self.check_text(customer_id, None, "customer_id")
        events = key + value
        size = EMPTY + len(OBJECT_OPEN) + len(customer) + len(EVENTS_OPEN) + len(events) + AROUND_OBJECT
        if size > self._max_bytes:
            raise self.too_large(customer_id, size)
        return events

    def encode_name(self, name: str, customer_id: object) -> bytes:
        """Check and encode the name of an event, with the colon after it.

        Raises:
            InvalidEventError: The name is invalid.
        """
        self.check_text(name, customer_id, "name")
        key = encode(name) + b":"
        if len(self.keys) < _MAX_CACHED_NAMES and len(key) <= _MAX_CACHED_LENGTH:
            self.keys[name] = key
        return key

    def check_metadata(self, value: bytes, metadata: object, customer_id: object, place: str) -> bytes:
        """Check metadata, and return its JSON.

        Args:
            value: Its JSON, as ``encode`` returns it.
            metadata: The metadata.
            customer_id: The customer, for the error.
            place: The name of the metadata in the error.

        Raises:
            InvalidEventError: The metadata cannot be sent.
        """
        if metadata is None:
            return b"{}"
        if not isinstance(metadata, Mapping):
            raise self.invalid(customer_id, place, f"must be a mapping, got {type(metadata).__name__}")
        if problem := find_problem(metadata, place):
            raise self.invalid(customer_id, *problem)
        return value

    def check_text(self, value: object, customer_id: object, place: str) -> None:
        """Check a customer id or a name.

        Raises:
            InvalidEventError: It is not a string, is blank or cannot be encoded.
        """
        if not isinstance(value, str):
            raise self.invalid(customer_id, place, f"must be a string, got {type(value).__name__}")
        # A subclass may have another method.
        if not str.strip(value):
            raise self.invalid(customer_id, place, "must not be blank")
        if problem := find_problem(value, place):
            raise self.invalid(customer_id, *problem)

    def too_large(self, customer_id: str, size: int) -> InvalidEventError:
        """Return the error for an item that needs a request of more than ``max_bytes``."""
        reason = f"needs a request of {size:,} bytes; max_bytes is {self._max_bytes:,}"
        return self.invalid(customer_id, "the item", reason)

    def explain(
        self, error: Exception, customer_id: object, name: object, metadata: object, place: str
    ) -> BaseException:
        """Return the error to raise for an event that could not be encoded."""
        # orjson turns every exception raised within convert into a TypeError, even KeyboardInterrupt.
        cause = error.__cause__ if isinstance(error, TypeError) else error
        if cause is not None and not isinstance(cause, Exception):
            return cause
        try:
            self.check_text(customer_id, None, "customer_id")
            self.check_text(name, customer_id, "name")
            self.check_metadata(b"", metadata, customer_id, place)
        except InvalidEventError as problem:
            return problem
        except RecursionError:  # for example a list that contains itself
            cause = None
        if cause is not None and not isinstance(cause, RecursionError):
            return self.invalid(customer_id, place, describe_exception(cause))
        return self.invalid(customer_id, place, "is nested too deeply to be sent")

    def invalid(self, customer_id: object, place: str, reason: str) -> InvalidEventError:
        """Return the error for the next item."""
        known = customer_id if isinstance(customer_id, str) else None
        return InvalidEventError(index=self._position(), customer_id=known, field=place, reason=reason)


def describe_exception(error: Exception) -> str:
    """Return the reason to show for an exception that a value has raised."""
    # Only the name of its type: its text may hold metadata.
    return f"raises {type(error).__name__} when it is read"
