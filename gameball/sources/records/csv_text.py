"""The rows of a CSV file as they are written in it, so that they can be written to another one."""

from __future__ import annotations

import io

from attrs import field, frozen


@frozen
class CsvForm:
    """How the rows of one file are written.

    Args:
        first_lines: The first lines of the file, up to and including the header. Empty without a header.
        names: The names of its columns.
        delimiter: The character between cells.
        quote: The character around cells.
    """

    first_lines: bytes = field(repr=False)
    names: tuple[str, ...]
    delimiter: str
    quote: str


@frozen
class CsvText:
    """One row as it is written in its file.

    Args:
        form: How the rows of its file are written.
        text: The row, with its line ending, as UTF-8; or its start if it is too long.
        whole: Whether the text is the whole row.
    """

    form: CsvForm
    text: bytes = field(repr=False)
    whole: bool = True


def with_cell(row: CsvText, name: str, cell: str) -> bytes:
    """Return a row with the cell of one more column at its end.

    If the file has this column already, its cell is replaced, unless the row cannot be parsed.

    Args:
        row: The row.
        name: The name of the column.
        cell: The content of the cell.
    """
    form = row.form
    text = row.text.decode(errors="surrogateescape")
    ending = "\r\n" if text.endswith("\r\n") else "\n"
    if name in form.names:
        cells = _parse(text, form)
        if len(cells) == len(form.names):
            cells[form.names.index(name)] = cell
            text = _join(cells, form)
    else:
        text = text.rstrip("\r\n") + form.delimiter + _join([cell], form)
    return (text.rstrip("\r\n") + ending).encode(errors="surrogateescape")


def header_with(form: CsvForm, name: str) -> bytes:
    """Return the first lines of a file, with one more column unless it has it already.

    Args:
        form: How the file is written.
        name: The name of the column.
    """
    if name in form.names:
        return form.first_lines
    return with_cell(CsvText(form, form.first_lines), name, name)


def _parse(text: str, form: CsvForm) -> list[str]:
    import csv  # noqa: PLC0415 - imported only when rows of CSV are written

    reader = csv.reader(
        io.StringIO(text, newline=""), strict=True, delimiter=form.delimiter, quotechar=form.quote
    )
    try:
        rows = list(reader)
    except csv.Error:
        return []
    return rows[0] if len(rows) == 1 else []


def _join(cells: list[str], form: CsvForm) -> str:
    import csv  # noqa: PLC0415 - as above

    written = io.StringIO(newline="")
    csv.writer(written, delimiter=form.delimiter, quotechar=form.quote, lineterminator="").writerow(cells)
    return written.getvalue()
