"""The iterator that readers return."""

from typing import Protocol, Self

from gameball.events import EventLike
from gameball.sources.records.record import Items


class Progress(Protocol):
    """What is recorded while a source is read; see ``Reading``."""

    @property
    def name(self) -> str:
        """See ``Reading.name``."""

    @property
    def bytes_read(self) -> int:
        """See ``Reading.bytes_read``."""

    @property
    def items_read(self) -> int:
        """See ``Reading.items_read``."""

    @property
    def unit(self) -> str:
        """See ``Reading.unit``."""

    @property
    def reached_limit(self) -> bool:
        """See ``Reading.reached_limit``."""

    @property
    def integer_ids(self) -> bool:
        """See ``Reading.integer_ids``."""

    def line_of(self, ordinal: int, /) -> int:
        """See ``Reading.line_of``."""


class Reading:
    """The items of a source, in order, read on demand.

    The source is opened at the first item. It is closed after the last item, on an error, by ``close``, or
    when the reading is garbage-collected.

    Args:
        items: Yields the items.
        progress: The progress that ``items`` records.
    """

    __slots__ = ("_items", "_progress")

    def __init__(self, items: Items, progress: Progress) -> None:
        self._items = items
        self._progress = progress

    # The generator itself, because calling __next__ below costs 0.05 microseconds per item.
    def __iter__(self) -> Items:
        return self._items

    def __next__(self) -> EventLike:
        return next(self._items)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The name in messages of the source, or of the file that is being read if it has several."""
        return self._progress.name

    @property
    def bytes_read(self) -> int:
        """The number of bytes read so far of the source as stored on disk, to compare with its size.

        For a compressed file, these are compressed bytes. For Parquet, it is the share of the rows.
        """
        return self._progress.bytes_read

    @property
    def items_read(self) -> int:
        """The number of items in ``bytes_read``. Some may not be yielded yet: lines are read in blocks."""
        return self._progress.items_read

    @property
    def unit(self) -> str:
        """What ``line_of`` counts, in messages: ``line``, or ``item`` of a JSON array."""
        return self._progress.unit

    @property
    def reached_limit(self) -> bool:
        """Whether reading has ended because ``limit`` rows were read. There may be more rows."""
        return self._progress.reached_limit

    @property
    def integer_ids(self) -> bool:
        """Whether a ``customer_id`` that was read was an integer and became text."""
        return self._progress.integer_ids

    def line_of(self, ordinal: int) -> int:
        """Find the line of an item.

        Args:
            ordinal: The position of the item among those yielded, counted from 0.

        Returns:
            The line it begins on, counted from 1; in a Parquet file, the number of its row, and in a
            JSON array, the number of the item.

        Raises:
            ValueError: The item was not yielded yet, or too long ago. At least the last 16,384 items can be
                found, and more if few lines between them were skipped.
        """
        return self._progress.line_of(ordinal)

    def close(self) -> None:
        """Close the source. Nothing more is read. Closing it again does nothing.

        Raises:
            ValueError: Another thread is reading at the moment.
        """
        self._items.close()
