"""Blocks of CSV lines that are converted together, where every line is one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

from gameball.sources.mapping.cells import CellError, convert_cell
from gameball.sources.mapping.row_dicts import dicts_with
from gameball.sources.mapping.row_layout import find_layout
from gameball.sources.mapping.row_mapping import MARK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gameball.sources.csv.dialect import Dialect
    from gameball.sources.files.lines import LineBlock
    from gameball.sources.mapping.columns import Columns
    from gameball.sources.mapping.row_layout import RowLayout

# The csv module refuses longer cells.
_MAX_CELL: Final = 131_072
_TEXTS: Final = {str}


@frozen
class PlainBlock:
    """The events of a block of lines.

    Args:
        first: The number of its first line. Every line is an event.
        customers: The customer of each event.
        names: The name of each event.
        metadata: The metadata of each event.
    """

    first: int
    customers: Sequence[Any]
    names: Sequence[Any]
    metadata: Sequence[Any]


@define(eq=False)
class PlainBlocks:
    """Converts blocks of lines without blank lines, problems, and line feeds in cells.

    Args:
        columns: The names and types of the columns.
        dialect: How the file is written.
    """

    _columns: Columns
    _dialect: Dialect
    #: The names for which ``_layout`` was found.
    _names: list[str] | None = field(default=None, init=False)
    _layout: RowLayout | None = field(default=None, init=False)

    def convert(self, block: LineBlock, names: list[str], delimiter: str) -> PlainBlock | None:
        """Convert a block.

        Args:
            block: The block.
            names: The names of the columns.
            delimiter: The character between cells.

        Returns:
            Its events, or None if its rows must be read one by one.
        """
        layout = self._find_layout(names)
        rows = None if layout is None else split_rows(block, delimiter, self._dialect.quote, len(names))
        if layout is None or rows is None:
            return None
        columns = list(zip(*rows, strict=True))
        try:
            cells = [self._convert_column(*one) for one in zip(names, columns, strict=True)]
        except CellError:
            return None
        names_of_events = [layout.name] * len(rows) if isinstance(layout.name, str) else cells[layout.name]
        if isinstance(layout.metadata, int):
            metadata = [{} if cell is None else cell for cell in cells[layout.metadata]]
        else:
            found = [cells[column] for column in layout.metadata.values()]
            metadata = dicts_with(tuple(layout.metadata))(zip(*found, strict=True))
        customers = cells[layout.customer_id]
        if set(map(type, customers)) != _TEXTS:  # RowMapping.interpret converts integers
            return None
        return PlainBlock(block.first, customers, names_of_events, metadata or [{} for _ in rows])

    def _find_layout(self, names: list[str]) -> RowLayout | None:
        if self._names is not names:
            self._names = names
            self._layout = None if MARK in names else find_layout(self._columns.mapping, names)[0]
        return self._layout

    def _convert_column(self, name: str, cells: Sequence[str]) -> Sequence[Any]:
        type_name = self._columns.types.get(name, "text")
        null = self._dialect.null
        if type_name == "json":  # values that are not shared, because they can be changed
            return [None if cell == null else convert_cell(cell, type_name) for cell in cells]
        if type_name == "text" and null is None:
            return cells
        # Each distinct cell is converted once: columns with types repeat their values.
        values = {cell: None if cell == null else convert_cell(cell, type_name) for cell in set(cells)}
        return [values[cell] for cell in cells]


def split_rows(block: LineBlock, delimiter: str, quote: str, width: int) -> list[list[str]] | None:
    """Split the lines of a block into cells, if every line is one row.

    Args:
        block: The block. It begins with a row.
        delimiter: The character between cells.
        quote: The character around cells.
        width: The number of columns.

    Returns:
        The cells of each line, or None if a line is blank, is not UTF-8 or has another number of cells, or if
        the csv module cannot parse it or needs more than one line for a row.
    """
    # In a file with one column, a blank line cannot be distinguished from an empty cell.
    if block.long is not None or width < 2:  # noqa: PLR2004
        return None
    try:
        text = b"\n".join((*block.lines, b"")).decode()
    except UnicodeDecodeError:
        return None
    if "\r" in text and text.count("\r\n") == len(block.lines):
        text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    lines.pop()
    if quote in text or "\r" in text or max(map(len, lines)) > _MAX_CELL:
        rows = _parse(lines, delimiter, quote)
    else:  # in half the time of the csv module
        rows = [line.split(delimiter) for line in lines]
    return rows if len(rows) == len(lines) and set(map(len, rows)) == {width} else None


def _parse(lines: list[str], delimiter: str, quote: str) -> list[list[str]]:
    import csv  # noqa: PLC0415 - imported only when a CSV file is read

    try:
        return list(csv.reader(lines, strict=True, delimiter=delimiter, quotechar=quote))
    except csv.Error:
        return []
