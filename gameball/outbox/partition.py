"""A partition: when it may send its next page, and how many rows that has. No I/O."""

from typing import Final

from attrs import define

from gameball.chunking.limits import MAX_OBJECTS

#: The number of rows in a page: those of one full request.
FULL_PAGE: Final = MAX_OBJECTS
#: The shortest time between two requests of a partition that is not full, in seconds: eight partitions then
#: need less than the twelve requests a second that an account has.
_PACE: Final = 0.7
#: The shortest and the longest pause of a partition after events that were certainly not accepted, in
#: seconds.
FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


@define
class Partition:
    """A partition, for as long as a deliverer runs. All times are of the monotonic clock.

    Attributes:
        number: Its number.
        first_pause: The first pause after events that were certainly not accepted, in seconds.
        sending: Whether a thread is sending its rows.
        not_before: When the next page may be sent.
        page_rows: The number of rows in the next page.
    """

    number: int
    first_pause: float = FIRST_PAUSE
    sending: bool = False
    not_before: float = 0.0
    page_rows: int = FULL_PAGE
    _failures: int = 0
    # The row that was refused alone because its customer is busy, and since when.
    _refused_id: int = 0
    _refused_since: float = 0.0

    def note_end(self, begun: float, *, more: bool) -> None:
        """Note that a page was read, and whether more rows are probably waiting."""
        if not more:
            self.not_before = max(self.not_before, begun + _PACE)

    def note_failure(self, now: float) -> None:
        """Note that an error of the database or the lease ended the work."""
        self.not_before = now + self.first_pause

    def note_unsent(self, now: float) -> None:
        """Note that events were certainly not accepted.

        Nothing of the partition is sent meanwhile: a later event of a customer must not overtake.
        """
        self.not_before = now + min(self.first_pause * 2 ** min(self._failures, 10), _LONGEST_PAUSE)
        self._failures += 1

    def note_success(self) -> None:
        """Note that every row of a page has an outcome."""
        self._failures = 0
        self.page_rows = min(2 * self.page_rows, FULL_PAGE)

    def note_customer_busy(self, ids: list[int], now: float) -> float:
        """Make the next page smaller, to find the row that is refused because its customer is busy.

        Args:
            ids: The ids of the rows of the page.
            now: The time.

        Returns:
            For how long one row was refused alone, in seconds, or 0.0 if there were several.
        """
        self.page_rows = max(1, len(ids) // 2)
        if len(ids) > 1:
            return 0.0
        if self._refused_id != ids[0]:
            self._refused_id, self._refused_since = ids[0], now
        return now - self._refused_since
