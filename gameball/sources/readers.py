"""One reader for each file format."""

import os
from collections.abc import Iterable, Mapping
from io import TextIOBase
from pathlib import Path

from gameball.sources.csv.dialect import PLAIN, Dialect
from gameball.sources.files.file_formats import Format, split_compression
from gameball.sources.files.streams import BinaryFile
from gameball.sources.records.reading import Reading
from gameball.sources.records.record import OnProblem
from gameball.sources.source import Source
from gameball.sources.tables.batches import check_nulls
from gameball.sources.tables.rows import Nulls

_FilePath = str | os.PathLike[str]


def read_jsonl(
    path: _FilePath | BinaryFile,
    *,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    select: Iterable[str] | None = None,
    drop: Iterable[str] | None = None,
    limit: int | None = None,
    on_problem: OnProblem | None = None,
) -> Reading:
    """Read events from a JSONL file, for ``gb.events.send``.

    A line is ``{"customer_id": …, "name": …, "metadata": {…}}``. Without ``metadata``, all other keys are the
    metadata. A line may also be an object in Gameball's own format, ``{"customerId": …, "events": {…}}``.
    Blank lines are skipped. Numbers keep their digits: one that a float would round is a ``Decimal``.
    A ``customer_id`` that is an integer becomes text.
    Lines that repeat a key within an object, or have an integer of more than 64 bits, are not events.

    Args:
        path: The file, which is decompressed if its name ends in .gz, .zst, .bz2 or .xz; or an open binary
            file, which is not closed.
        rename: The name in the file of each field that has another name there:
            ``{"customer_id": "user_id"}``.
        constants: The value of each field that is the same in all rows and is not in the file:
            ``{"name": "purchase"}``.
        types: The type of the text in each field, by its name in the file, as for ``read_csv``. The type text
            also converts integers to text, and int converts floats without a fraction to integers.
        select: The only columns that become metadata, by their names in the file, besides those in
            ``rename``. By default all columns do. In a row with ``metadata``, these are names of its fields.
        drop: The columns that are left out, by their names in the file: ``["email"]``.
        limit: The maximum number of rows that are read; rows that are not events count, and blank lines do
            not. By default all rows are read.
        on_problem: Called with the ``SourceError`` of each line that is not an event; reading then continues.
            By default the first such error is raised.

    Returns:
        An iterator of items. The file is opened at the first item, and closed after the last item, on an
        error or by ``close``. After all items before it, iterating raises ``SourceError`` for a line that is
        not an event or is longer than 8 MiB (unless ``on_problem`` is given), and always if the file cannot
        be read or is truncated.

    Raises:
        TypeError: The open file is in text mode, or ``select`` or ``drop`` is a string.
        ValueError: A type is unknown, a name is empty, ``limit`` is not positive, or options contradict each
            other.
    """
    return _read(
        path,
        "jsonl",
        on_problem,
        rename=rename,
        constants=constants,
        types=types,
        select=select,
        drop=drop,
        limit=limit,
    )


def read_json(
    path: _FilePath | BinaryFile,
    *,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    select: Iterable[str] | None = None,
    drop: Iterable[str] | None = None,
    limit: int | None = None,
    on_problem: OnProblem | None = None,
) -> Reading:
    """Read events from a file that is one JSON array of objects, for ``gb.events.send``.

    The array is read item by item in constant memory, however large it is. Each item is interpreted like a
    line of ``read_jsonl``. A file that has JSON lines instead of an array is read as JSON lines.

    Args:
        path: The file, which is decompressed if its name ends in .gz, .zst, .bz2 or .xz; or an open binary
            file, which is not closed.
        rename: The name in the file of each field that has another name there:
            ``{"customer_id": "user_id"}``.
        constants: The value of each field that is the same in all items and is not in the file:
            ``{"name": "purchase"}``.
        types: The type of the text in each field, as for ``read_jsonl``.
        select: The only columns that become metadata, as for ``read_jsonl``.
        drop: The columns that are left out, as for ``read_jsonl``.
        limit: The maximum number of items that are read. By default all are.
        on_problem: Called with the ``SourceError`` of each item that is not an event; reading then continues.
            By default the first such error is raised.

    Returns:
        An iterator of items. The file is opened at the first item, and closed after the last item, on an
        error or by ``close``. After all items before it, iterating raises ``SourceError`` for an item that is
        not an event or is longer than 8 MiB (unless ``on_problem`` is given), and always if the file cannot
        be read, is truncated, or has something after its array.

    Raises:
        TypeError: The open file is in text mode, or ``select`` or ``drop`` is a string.
        ValueError: A type is unknown, a name is empty, ``limit`` is not positive, or options contradict each
            other.
    """
    return _read(
        path,
        "json",
        on_problem,
        rename=rename,
        constants=constants,
        types=types,
        select=select,
        drop=drop,
        limit=limit,
    )


def read_csv(
    path: _FilePath | BinaryFile,
    *,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    select: Iterable[str] | None = None,
    drop: Iterable[str] | None = None,
    limit: int | None = None,
    delimiter: str | None = None,
    quote: str = '"',
    null: str | None = None,
    encoding: str = "utf-8",
    header: bool = True,
    on_problem: OnProblem | None = None,
) -> Reading:
    """Read events from a CSV file with a header line, for ``gb.events.send``.

    The columns ``customer_id`` and ``name`` are required. All other columns are metadata, unless the only one
    is named ``metadata`` and has the type json. Cells have at most 131,072 characters, which is Python's own
    limit.

    Args:
        path: The file, which is decompressed if its name ends in .gz, .zst, .bz2 or .xz; or an open binary
            file, which is not closed.
        rename: The name in the header of each field that has another name there:
            ``{"customer_id": "user_id"}``.
        constants: The value of each field that is the same in all rows and is not in the file:
            ``{"name": "purchase"}``.
        types: The type of each column, by its name in the header: int (517 or 517.0), float, decimal (with
            the digits as written), bool (true, false, yes, no, 1, 0), date or datetime (ISO 8601; datetime
            needs a time zone; digits beyond microseconds are kept), datetime-utc (UTC if no time zone is
            given), json or text, the default. Blank cells of typed columns become None. A ``customer_id``
            of the type int must have the usual form of an integer: ``007`` is refused, because it is not 7.
        select: The only columns that become metadata, by their names in the header, besides those in
            ``rename``. By default all columns do. In a row with ``metadata``, these are names of its fields.
        drop: The columns that are left out, by their names in the header: ``["email"]``.
        limit: The maximum number of rows that are read; rows that are not events count, and blank lines do
            not. By default all rows are read.
        delimiter: The character between cells. By default a tab for files named .tsv, and a comma otherwise.
            A first line such as ``sep=;`` takes precedence.
        quote: The character around cells that contain delimiters, quotes or line feeds.
        null: The text of cells without a value, such as ``NA``. They become None, whatever their type.
        encoding: The encoding of the text. UTF-16 with a byte order mark is recognised.
        header: The first row has the names of the columns. Without it they are named 1, 2 and so on.
        on_problem: Called with the ``SourceError`` of each row that is not an event; reading then continues.
            By default the first such error is raised.

    Returns:
        An iterator of items. The file is opened at the first item, and closed after the last item, on an
        error or by ``close``. After all items before it, iterating raises ``SourceError`` for a row that is
        not an event (unless ``on_problem`` is given), and always if the header lacks a column or is
        invalid, or the file cannot be read or is truncated.

    Raises:
        TypeError: The open file is in text mode, or ``select`` or ``drop`` is a string.
        ValueError: A type or the encoding is unknown, a name is empty, ``limit`` is not positive, a delimiter
            or quote is not one character, or options contradict each other.
    """
    dialect = Dialect(delimiter, quote, null, encoding, header)
    return _read(
        path,
        "csv",
        on_problem,
        rename=rename,
        constants=constants,
        types=types,
        select=select,
        drop=drop,
        limit=limit,
        dialect=dialect,
    )


def read_parquet(
    path: _FilePath,
    *,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    select: Iterable[str] | None = None,
    drop: Iterable[str] | None = None,
    limit: int | None = None,
    nulls: Nulls = "omit",
    on_problem: OnProblem | None = None,
) -> Reading:
    """Read events from a Parquet file, for ``gb.events.send``. Needs ``gameball-client[parquet]``.

    The columns ``customer_id`` and ``name`` are required. All other columns are metadata, unless the only one
    is named ``metadata`` and is a struct, a map, or text of the type json. Values are converted as by
    ``read_arrow``.

    Args:
        path: The file.
        rename: The name in the file of each column that has another name there:
            ``{"customer_id": "user_id"}``.
        constants: The value of each field that is the same in all rows and is not in the file:
            ``{"name": "purchase"}``.
        types: The type of the text in each column, by its name in the file, as for ``read_csv``. datetime-utc
            also converts times without a zone to UTC, text converts integers to text, and int converts floats
            without a fraction to integers. Other values that are not text stay unchanged.
        select: The only columns that become metadata, by their names in the file, besides those in
            ``rename``. By default all columns do. In a row with ``metadata``, these are names of its fields.
        drop: The columns that are left out, by their names in the file: ``["email"]``.
        limit: The maximum number of rows that are read; rows that are not events count, and blank lines do
            not. By default all rows are read.
        nulls: ``omit`` leaves null and NaN cells out of the metadata; ``refuse`` makes their rows invalid.
            Nulls within lists and structs are kept.
        on_problem: Called with the ``SourceError`` of each row that is not an event; reading then continues.
            By default the first such error is raised.

    Returns:
        An iterator of items. The file is opened at the first item, and closed after the last item, on an
        error or by ``close``. After all items before it, iterating raises ``SourceError`` for a row that is
        not an event (unless ``on_problem`` is given), and always if pyarrow is missing, a column is
        missing or cannot be sent, or the file cannot be read.

    Raises:
        TypeError: An open file was given, or ``select`` or ``drop`` is a string.
        ValueError: A type or ``nulls`` is unknown, a name is empty, ``limit`` is not positive, or options
            contradict each other.
    """
    check_nulls(nulls)
    source = Source(
        path=Path(path),
        format="parquet",
        rename=rename or {},
        types=types or {},
        constants=constants or {},
        select=select,
        drop=drop,
        limit=limit,
        nulls=nulls,
    )
    return source.read(on_problem)


def _read(
    path: _FilePath | BinaryFile,
    format: Format,  # noqa: A002 - what everybody calls it
    on_problem: OnProblem | None,
    *,
    rename: Mapping[str, str] | None,
    constants: Mapping[str, str] | None,
    types: Mapping[str, str] | None,
    select: Iterable[str] | None,
    drop: Iterable[str] | None,
    limit: int | None,
    dialect: Dialect = PLAIN,
) -> Reading:
    if isinstance(path, TextIOBase):
        raise TypeError("the file is open in text mode: open it in binary mode, 'rb'")
    file = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    source = Source(
        path=None if file is None else Path(file),
        format=format,
        compression=None if file is None else split_compression(file)[1],
        rename=rename or {},
        types=types or {},
        constants=constants or {},
        select=select,
        drop=drop,
        limit=limit,
        dialect=dialect,
    )
    if isinstance(path, str | os.PathLike):
        return source.read(on_problem)
    name = getattr(path, "name", None)
    return source.read_file(path, name if isinstance(name, str) else "the open file", on_problem)
