"""Several files that are read as one source, one after the other."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, count, islice

from attrs import define, evolve, frozen

from gameball.sources.records.limit import limited_items
from gameball.sources.records.reading import Reading
from gameball.sources.records.record import Items, OnProblem, Row
from gameball.sources.source import Source

#: Called with each file that reading reaches, and the position of its first item.
OnBegin = Callable[[Source, int], None]


@frozen
class JoinedSource:
    """Several files that are read as one source. The positions of items count through all of them.

    Args:
        files: The files, in order. They have no limits of their own.
        limit: The maximum number of rows that are read of all files together, or None for all rows.
    """

    files: tuple[Source, ...]
    limit: int | None = None

    @property
    def name(self) -> str:
        """Its name in messages."""
        return "1 file" if len(self.files) == 1 else f"{len(self.files):,} files"

    @property
    def is_file(self) -> bool:
        """Whether all are regular files."""
        return all(file.is_file for file in self.files)

    @property
    def size(self) -> int:
        """The size of all files in bytes. A file that does not exist counts as empty."""
        return sum(file.size or 0 for file in self.files)

    def read(self, on_problem: OnProblem | None = None, on_begin: OnBegin = lambda *_: None) -> Reading:
        """Read the items of all files; see ``Source.read``.

        Args:
            on_problem: As for ``Source.read``. Each problem names its file.
            on_begin: Called with each file that reading reaches, and the position of its first item. The
                files before it have then been read to their ends.
        """
        progress = _JoinedProgress()
        read = partial(self._items, progress, on_begin)
        return Reading(limited_items(read, on_problem, self.limit, progress), progress)

    def _items(self, progress: "_JoinedProgress", on_begin: OnBegin, on_problem: OnProblem | None) -> Items:
        for file in self.files:
            on_begin(file, progress.items_read)
            with file.read(on_problem) as reading:
                progress.begin_file(reading)
                yield from reading

    def rows(self, *, max_bytes: int) -> Iterator[Row]:
        """Read all files row by row; see ``Source.rows``. Each row names its file."""
        positions = count()
        rows = (file.rows(max_bytes=max_bytes, positions=positions) for file in self.files)
        return islice(chain.from_iterable(rows), self.limit)


@define(eq=False)
class _JoinedProgress:
    """The progress of reading files one after the other."""

    reached_limit: bool = False
    _integer_ids: bool = False
    # The file that is being read, and the items and bytes before it. Replaced in one step, because the
    # display thread reads it.
    _now: tuple[Reading | None, int, int] = (None, 0, 0)

    def begin_file(self, reading: Reading) -> None:
        """Record that a file is read from now on, and that the one before it has ended."""
        self._integer_ids = self.integer_ids
        self._now = (reading, self.items_read, self.bytes_read)

    @property
    def name(self) -> str:
        reading, _, _ = self._now
        return "" if reading is None else reading.name

    @property
    def unit(self) -> str:
        reading, _, _ = self._now
        return "line" if reading is None else reading.unit

    @property
    def integer_ids(self) -> bool:
        reading, _, _ = self._now
        return self._integer_ids or (reading is not None and reading.integer_ids)

    @property
    def items_read(self) -> int:
        reading, before, _ = self._now
        return before + (0 if reading is None else reading.items_read)

    @property
    def bytes_read(self) -> int:
        reading, _, before = self._now
        return before + (0 if reading is None else reading.bytes_read)

    def line_of(self, ordinal: int) -> int:
        """Find the line of an item of the file that is being read."""
        reading, before, _ = self._now
        if reading is None:
            raise ValueError(f"item {ordinal} was not read yet")
        return reading.line_of(ordinal - before)


def join_sources(sources: Sequence[Source]) -> JoinedSource:
    """Return files as one source. A limit of theirs becomes the limit of all together.

    Args:
        sources: The files, in order, all with the same limit.
    """
    files = tuple(evolve(source, limit=None) for source in sources)
    return JoinedSource(files, sources[0].limit)
