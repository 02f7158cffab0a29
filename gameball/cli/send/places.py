"""Where in its files a request has its lines. Pure."""

from attrs import fields, frozen

from gameball.sources import Row


@frozen
class Place:
    """The lines of a request, from a line of a file to a line of the same file or of a later one.

    Attributes:
        first_source: The file of its first line.
        first_line: Its first line.
        last_source: The file of its last line.
        last_line: Its last line.
    """

    first_source: str
    first_line: int
    last_source: str
    last_line: int

    def describe(self, source: str) -> str:
        """Return the place in words.

        Args:
            source: The file that need not be named, because the report is of this file.
        """
        if self.first_source != self.last_source:
            first, last = f"line {self.first_line:,}", f"line {self.last_line:,}"
            return f"{first} of {self.first_source} to {last} of {self.last_source}"
        several = self.first_line != self.last_line
        lines = f"lines {self.first_line:,} to {self.last_line:,}" if several else f"line {self.first_line:,}"
        return lines if self.first_source == source else f"{lines} of {self.first_source}"


def as_json(place: Place | None) -> dict[str, object]:
    """Return a place for a report, or the same fields without values for one that is not known."""
    return {field.name: getattr(place, field.name, None) for field in fields(Place)}


def add_row(place: Place | None, row: Row) -> Place:
    """Return a place that includes one more row, which follows the others."""
    if place is None:
        return Place(row.source, row.line, row.source, row.line)
    return Place(place.first_source, place.first_line, row.source, row.line)
