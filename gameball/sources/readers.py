"""Readers for those who know what their file is."""

import os
from collections.abc import Mapping
from io import TextIOBase
from pathlib import Path

from gameball.sources.reading import Reading
from gameball.sources.records import OnProblem
from gameball.sources.shape import Shape
from gameball.sources.source import Format, Reader, Source, check_options, split_compression
from gameball.sources.streams import BinaryFile, Input

_FilePath = str | os.PathLike[str]


def read_jsonl(
    path: _FilePath | BinaryFile,
    *,
    rename: Mapping[str, str] | None = None,
    on_problem: OnProblem | None = None,
) -> Reading:
    """Read events from a file of JSON lines, ready for ``gb.events.send``.

    A line is ``{"customer_id": …, "name": …, "metadata": {…}}``; or without ``metadata``, and every other key
    is part of it; or as it is sent, ``{"customerId": …, "events": {…}}``. Blank lines are skipped. Of equal
    keys in an object the last one counts. An integer of more than 64 bits is refused, because it would lose
    digits.

    Args:
        path: The file, decompressed if its name ends in .gz or .zst; or an open binary file, which stays
            open.
        rename: The name in the file of each field that is called differently there:
            ``{"customer_id": "user_id"}``.
        on_problem: Is called with the ``SourceError`` of each line that stands for no event, and reading goes
            on. By default the first one is raised.

    Returns:
        An iterator of items. The file is opened at the first one, and closed after the last one, on an error
        and by its ``close``. While iterating it raises ``SourceError``: for a line that stands for no event
        or is longer than 8 MiB, and in any case where the file cannot be read or breaks off. All items before
        were given.

    Raises:
        TypeError: The open file is one of text.
        ValueError: A name to map is empty.
    """
    return _read(path, "jsonl", rename, None, on_problem)


def read_csv(
    path: _FilePath | BinaryFile,
    *,
    rename: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    on_problem: OnProblem | None = None,
) -> Reading:
    """Read events from a CSV file with a header line, ready for ``gb.events.send``.

    Columns ``customer_id`` and ``name`` are needed. Every other column is metadata, unless there is a single
    one named ``metadata`` of the type json. Cells are parted by commas, quoted by double quotes and of at
    most 131,072 characters, which is Python's own limit; the file is in UTF-8.

    Args:
        path: The file, decompressed if its name ends in .gz or .zst; or an open binary file, which stays
            open.
        rename: The name in the header of each field that is called differently there:
            ``{"customer_id": "user_id"}``.
        types: What the cells of a column are, by its name in the header: int, float, bool (true, false, yes,
            no, 1, 0), date and datetime (ISO 8601, the latter with a time zone), datetime-utc (without one it
            is in UTC), json, text. Blank cells of typed columns become None. Cells stay text by default.
        on_problem: Is called with the ``SourceError`` of each row that stands for no event, and reading goes
            on. By default the first one is raised.

    Returns:
        An iterator of items. The file is opened at the first one, and closed after the last one, on an error
        and by its ``close``. While iterating it raises ``SourceError``: for a row that stands for no event,
        and in any case where the header does not fit or the file cannot be read or breaks off. All items
        before were given.

    Raises:
        TypeError: The open file is one of text.
        ValueError: There is no such type, or a name to map is empty.
    """
    return _read(path, "csv", rename, types, on_problem)


def read_parquet(
    path: _FilePath,
    *,
    rename: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    on_problem: OnProblem | None = None,
) -> Reading:
    """Read events from a Parquet file, ready for ``gb.events.send``. Needs ``gameball-client[parquet]``.

    Columns ``customer_id`` and ``name`` are needed. Every other column is metadata, unless there is a single
    one named ``metadata``, a struct, a map, or text of the type json. Nulls stay None.

    Args:
        path: The file.
        rename: The name in the file of each column that is called differently there:
            ``{"customer_id": "user_id"}``.
        types: What the texts of a column are, by its name in the file, as for ``read_csv``; datetime-utc
            makes times without a zone ones in UTC. Values that are no text stay as they are otherwise.
        on_problem: Is called with the ``SourceError`` of each row that stands for no event, and reading goes
            on. By default the first one is raised.

    Returns:
        An iterator of items. The file is opened at the first one, and closed after the last one, on an error
        and by its ``close``. While iterating it raises ``SourceError``: for a row that stands for no event,
        and in any case where pyarrow is missing, or the columns do not fit, or the file cannot be read. All
        items before were given.

    Raises:
        TypeError: An open file was given.
        ValueError: There is no such type, or a name to map is empty.
    """
    return Source(path=Path(path), format="parquet", rename=rename or {}, types=types or {}).read(on_problem)


def _read(
    path: _FilePath | BinaryFile,
    format: Format,  # noqa: A002 - what everybody calls it
    rename: Mapping[str, str] | None,
    types: Mapping[str, str] | None,
    on_problem: OnProblem | None,
) -> Reading:
    rename, types = rename or {}, types or {}
    if isinstance(path, str | os.PathLike):
        file = os.fspath(path)
        _, compression = split_compression(file)
        source = Source(path=Path(file), format=format, compression=compression, rename=rename, types=types)
        return source.read(on_problem)
    if isinstance(path, TextIOBase):
        raise TypeError("the file was opened as text: open it in binary mode, 'rb'")
    check_options(format, None, rename, types)
    name = getattr(path, "name", None)
    origin = Input(name=name if isinstance(name, str) else "the open file", file=path)
    return Reader(origin, format, Shape(rename=rename, null_metadata=format != "jsonl"), types).read(
        on_problem
    )
