"""How far a source has been read, and which line each of its items came from."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from operator import length_hint
from typing import Final

from attrs import define, field

# At least the items of one block of lines can be found again: a block of 64 KiB has fewer than this many,
# since the shortest event takes 27 bytes. Where no line was skipped, every item can be.
_MAX_RUNS: Final = 16_384


@define(eq=False)
class ReadProgress:
    """What a reader notes while it reads.

    Nothing is noted for an item that follows the one before it on the next line: one run stands for all of
    these, so that the reader of JSON lines does nothing at all for the lines that are in order.
    """

    #: The bytes read of the file as it lies on disk.
    bytes_read: int = 0
    # The items given before the block at hand, less the lines of it that were skipped.
    _settled: int = 0
    _block_length: int = 0
    _block: Iterable[object] = ()
    # The ordinal and the line of the first item of each run of items on consecutive lines.
    _runs: deque[tuple[int, int]] = field(factory=lambda: deque(maxlen=_MAX_RUNS))
    _next_line: int = 0

    @property
    def given(self) -> int:
        """The number of items given so far."""
        return self._settled + self._block_length - length_hint(self._block)

    @property
    def items_read(self) -> int:
        """The number of items in the bytes read, as far as is known: those of a block may still be given."""
        return self._settled + self._block_length

    def begin_block(self, line: int, block: Iterable[object]) -> None:
        """Note that each line of a block will be an item, apart from those that are skipped.

        Args:
            line: The first line of the block.
            block: Gives its lines, and can tell how many are left, as a list's iterator can.
        """
        self._settled = self.given
        self._block_length = length_hint(block)
        self._block = block
        self._begin_run(self._settled, line)
        self._next_line = line + self._block_length

    def skip(self, line: int) -> None:
        """Note that the line the block just gave is no item.

        Args:
            line: The line.
        """
        self._settled -= 1
        self._begin_run(self.given, line + 1)

    def give(self, line: int) -> None:
        """Note an item, for readers that have no blocks.

        Args:
            line: The line the item begins on.
        """
        if line != self._next_line:
            self._begin_run(self._settled, line)
        self._settled += 1
        self._next_line = line + 1

    def line_of(self, ordinal: int) -> int:
        """Find the line of an item.

        Args:
            ordinal: The item's position among those given, counted from 0.

        Returns:
            The line it began on, counted from 1.

        Raises:
            ValueError: The item was not given yet, or too long ago.
        """
        if not 0 <= ordinal < self.given:
            raise ValueError(f"item {ordinal} was not given: {self.given} were")
        runs = list(self._runs)
        place = bisect_right(runs, ordinal, key=lambda run: run[0]) - 1
        if place < 0:
            raise ValueError(f"item {ordinal} was given too long ago to tell its line")
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
