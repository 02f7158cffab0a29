"""The iterator that readers give."""

from typing import Self

from gameball.events import EventLike
from gameball.sources.progress import ReadProgress
from gameball.sources.records import Items


class Reading:
    """The items of a source, in order, read as they are asked for.

    The source is opened at the first item. It is closed after the last one, on an error, by ``close``, and
    when nothing refers to the reading any more.

    Args:
        items: Gives the items.
        progress: Is told by it what was read.
    """

    __slots__ = ("_items", "_progress")

    def __init__(self, items: Items, progress: ReadProgress) -> None:
        self._items = items
        self._progress = progress

    # The generator itself, because going through __next__ below takes a twentieth of a microsecond an item.
    def __iter__(self) -> Items:
        return self._items

    def __next__(self) -> EventLike:
        return next(self._items)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def bytes_read(self) -> int:
        """The bytes read so far of the source as it lies on disk, to compare with its size.

        A compressed file counts as compressed. For Parquet it is the share of the rows.
        """
        return self._progress.bytes_read

    @property
    def items_read(self) -> int:
        """The number of items in ``bytes_read``; some may be given later, because lines come in blocks."""
        return self._progress.items_read

    def line_of(self, ordinal: int) -> int:
        """Find the line of an item.

        Args:
            ordinal: The item's position among those given, counted from 0.

        Returns:
            The line it began on, counted from 1; in a Parquet file, its row.

        Raises:
            ValueError: The item was not given yet, or too long ago. At least the last 16,384 can be told, and
                as many more as have none but items between them.
        """
        return self._progress.line_of(ordinal)

    def close(self) -> None:
        """Close the source; nothing more is read. Closing again does nothing.

        Raises:
            ValueError: Another thread is reading just now.
        """
        self._items.close()
