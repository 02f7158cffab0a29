"""How much of a source has been read, and the line of each item."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from operator import length_hint
from typing import Final

from attrs import define, field

# Enough to find the items of at least one block of lines: a block of 64 KiB has fewer lines than this, since
# the shortest event takes 27 bytes. If no line was skipped, every item can be found.
_MAX_RUNS: Final = 16_384


@define(eq=False)
class ReadProgress:
    """The progress that a reader records.

    One run covers all items on consecutive lines, so that the JSONL reader has nothing to record for
    lines without problems.
    """

    #: The name of the source in messages.
    name: str = ""
    #: The bytes read of the file as stored on disk.
    bytes_read: int = 0
    #: The word for a line in messages.
    unit: str = "line"
    #: Whether reading ended because of a limit.
    reached_limit: bool = False
    #: Whether a customer id that was an integer became text.
    integer_ids: bool = False
    # The items yielded before the current block, less the lines of it that were skipped.
    _before_block: int = 0
    _block_length: int = 0
    _block: Iterable[object] = ()
    # The ordinal and the line of the first item of each run of items on consecutive lines.
    _runs: deque[tuple[int, int]] = field(factory=lambda: deque(maxlen=_MAX_RUNS))
    _next_line: int = 0

    @property
    def given(self) -> int:
        """The number of items yielded so far."""
        return self._before_block + self._block_length - length_hint(self._block)

    @property
    def items_read(self) -> int:
        """The number of items in the bytes read; those of the current block may not be yielded yet."""
        return self._before_block + self._block_length

    def note_integer_id(self) -> None:
        """Record that a customer id that was an integer became text."""
        self.integer_ids = True

    def begin_block(self, line: int, block: Iterable[object]) -> None:
        """Record a block, each line of which is an item unless it is skipped.

        Args:
            line: The first line of the block.
            block: Yields its lines, with a length hint for those that are left.
        """
        self._before_block = self.given
        self._block_length = length_hint(block)
        self._block = block
        self._begin_run(self._before_block, line)
        self._next_line = line + self._block_length

    def skip(self, line: int) -> None:
        """Record that the line just yielded by the block is not an item.

        Args:
            line: The line.
        """
        self._before_block -= 1
        self._begin_run(self.given, line + 1)

    def give(self, line: int) -> None:
        """Record an item that is not in a block. The block before it, if any, has been yielded.

        Args:
            line: The line the item begins on.
        """
        if line != self._next_line:
            self._begin_run(self.given, line)
        self._before_block += 1
        self._next_line = line + 1

    def line_of(self, ordinal: int) -> int:
        """Find the line of an item.

        Args:
            ordinal: The position of the item among those yielded, counted from 0.

        Returns:
            The line it begins on, counted from 1.

        Raises:
            ValueError: The item was not yielded yet, or too long ago.
        """
        if not 0 <= ordinal < self.given:
            raise ValueError(f"item {ordinal} was not read yet: {self.given} items were")
        runs = list(self._runs)
        place = bisect_right(runs, ordinal, key=lambda run: run[0]) - 1
        if place < 0:
            raise ValueError(f"item {ordinal} was read too long ago to find its line")
        first, line = runs[place]
        return line + ordinal - first

    def _begin_run(self, ordinal: int, line: int) -> None:
        runs = self._runs
        if runs:
            first, start = runs[-1]
            if start + ordinal - first == line:
                return
            if first == ordinal:
                runs.pop()
        runs.append((ordinal, line))
