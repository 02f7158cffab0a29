"""Rows of Parquet files."""

from __future__ import annotations

from contextlib import closing, suppress
from functools import partial
from importlib import import_module
from typing import IO, TYPE_CHECKING, Any, Final

import orjson

from gameball.errors import SourceError
from gameball.sources.cells import CellError, convert_value
from gameball.sources.records import Record
from gameball.sources.shape import show_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from gameball.sources.progress import ReadProgress
    from gameball.sources.records import Records
    from gameball.sources.shape import Columns

#: The number of rows held as Python objects at once.
BATCH_SIZE: Final = 2_000
# Without it, pyarrow would read the whole column of a row group at once.
_BUFFER_SIZE: Final = 256 * 1024

# Raised by pyarrow for values that Python cannot represent: nanoseconds, years after 9999, invalid UTF-8.
_FORMLESS: Final = (ValueError, OverflowError)
_DAMAGED: Final = "is damaged or not a Parquet file"


def parquet_records(
    path: Path, columns: Columns, name: str, progress: ReadProgress, batch_size: int = BATCH_SIZE
) -> Records:
    """Read rows one by one, each with its number.

    Args:
        path: The file.
        columns: The names and types of the columns.
        name: The name of the source in messages.
        progress: Records how much is read, as the share of the rows.
        batch_size: The number of rows to read at once.

    Yields:
        A record for each row.

    Raises:
        SourceError: The file cannot be read, or its columns are not those of events; after all records
            before.
    """
    number = 0
    reason: str | None = None
    whole = True
    pyarrow = _import_pyarrow(name)
    try:
        with path.open("rb") as opened, closing(_open(opened)) as file:
            names = file.schema_arrow.names
            reason = columns.refuse(names)
            if reason is None:
                whole = False
                share = path.stat().st_size / max(file.metadata.num_rows, 1)
                convert = _converters(file.schema_arrow, columns.types)
                for batch in _batches(file, batch_size):
                    progress.bytes_read = round(share * (number + batch.num_rows))
                    for row in _rows(batch):
                        number += 1
                        yield _record(number, row, convert)
    except OSError as error:
        # pyarrow also raises OSError for damaged files, but without an errno.
        reason = _DAMAGED if error.errno is None else f"cannot be read ({error.strerror})"
    except pyarrow.ArrowException:
        reason = _DAMAGED
    if reason is not None:
        line = None if whole else number + 1
        raise SourceError(source=name, line=line, reason=reason, unit="row", skippable=False)


_Row = dict[str, Any]
_Converter = tuple[str, "Callable[[Any], object]"]


def _import_pyarrow(name: str) -> ModuleType:
    # Imported only when a Parquet file is read, because it is optional.
    with suppress(ImportError):
        return import_module("pyarrow")
    reason = "needs pyarrow: pip install 'gameball-client[parquet]'"
    raise SourceError(source=name, line=None, reason=reason, unit="row")


def _open(file: IO[bytes]) -> Any:  # noqa: ANN401 - pyarrow has no types
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - see above

    return ParquetFile(file, buffer_size=_BUFFER_SIZE, pre_buffer=False)


def _batches(file: Any, size: int) -> Iterator[Any]:  # noqa: ANN401 - pyarrow has no types
    # One group at a time: a batch across groups would lose intact rows if the next group is damaged.
    for group in range(file.metadata.num_row_groups):
        yield from file.iter_batches(batch_size=size, row_groups=[group], use_threads=False)


def _rows(batch: Any) -> Iterator[_Row | str]:  # noqa: ANN401 - pyarrow has no types
    """Yield each row of a batch, or why Python cannot represent it."""
    rows = None
    with suppress(*_FORMLESS):
        rows = batch.to_pylist()
    if rows is not None:
        yield from rows
        return
    for index in range(batch.num_rows):
        row: _Row = {}
        problem = None
        for column, values in zip(batch.schema.names, batch.columns, strict=True):
            try:
                row[column] = values[index].as_py()
            except _FORMLESS:
                problem = f"{show_names([column])} holds a {values.type} that Python cannot represent"
        yield row if problem is None else problem


def _record(number: int, row: _Row | str, converters: list[_Converter]) -> Record:
    if isinstance(row, str):
        return Record(number, None, row)
    problem = None
    for column, convert in converters:
        try:
            row[column] = convert(row[column])
        except CellError as error:
            problem = f"{show_names([column])} {error.reason}"
            break
    if problem is None:
        return Record(number, row)
    return Record(number, None, problem, orjson.dumps(row, default=str, option=orjson.OPT_NON_STR_KEYS))


def _converters(schema: Any, types: Mapping[str, str]) -> list[_Converter]:  # noqa: ANN401 - no types
    """Return the conversions of columns that pyarrow does not do."""
    converters: list[_Converter] = []
    for column in schema:
        unpack = _unpacker(column.type)
        if unpack is not None:
            converters.append((column.name, unpack))
        if column.name in types:
            converters.append((column.name, partial(convert_value, type_name=types[column.name])))
    return converters


def _unpacker(kind: Any) -> Callable[[Any], object] | None:  # noqa: ANN401 - pyarrow has no types
    """Return a function that converts each map in a value, a list of pairs in pyarrow, to a dictionary."""
    import pyarrow.types as check  # noqa: PLC0415 - see above

    if check.is_map(kind):
        return partial(_unpack_map, inner=_unpacker(kind.item_type))
    if check.is_list(kind) or check.is_large_list(kind) or check.is_fixed_size_list(kind):
        inner = _unpacker(kind.value_type)
        return inner and partial(_unpack_list, inner=inner)
    if check.is_struct(kind):
        members = {member.name: inner for member in kind if (inner := _unpacker(member.type)) is not None}
        return partial(_unpack_struct, members=members) if members else None
    return None


def _unpack_map(pairs: list[tuple[Any, Any]] | None, inner: Callable[[Any], object] | None) -> object:
    if pairs is None:
        return None
    entries = {key: inner(value) if inner else value for key, value in pairs}
    if len(entries) < len(pairs):
        raise CellError("holds a map with the same key twice")
    return entries


def _unpack_list(values: list[Any] | None, inner: Callable[[Any], object]) -> object:
    return None if values is None else [inner(value) for value in values]


def _unpack_struct(values: _Row | None, members: Mapping[str, Callable[[Any], object]]) -> object:
    if values is None:
        return None
    return {name: members[name](value) if name in members else value for name, value in values.items()}
