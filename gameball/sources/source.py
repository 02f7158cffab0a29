"""Sources of events: their location, format and options."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast, get_args

from attrs import evolve, field, frozen

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.limits import MAX_OBJECTS
from gameball.sources.csv.dialect import PLAIN, Dialect
from gameball.sources.files.compression import Compression
from gameball.sources.files.file_formats import FORMAT_CURE, Format, format_by_name, split_compression
from gameball.sources.files.streams import BLOCK_SIZE, STANDARD_INPUT, BinaryFile, Input, Spool
from gameball.sources.formats import JSON_FORMATS, Reader
from gameball.sources.mapping.cells import check_types, types_of_columns
from gameball.sources.mapping.row_mapping import RowMapping
from gameball.sources.mapping.selection import Selection, check_choice
from gameball.sources.records.limit import check_limit
from gameball.sources.records.progress import ReadProgress
from gameball.sources.records.reading import Reading
from gameball.sources.records.record import OnProblem, Row, exact_rows
from gameball.sources.tables.rows import Nulls
from gameball.sources.tables.sql import QUERY


def _copy(names: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(names))


def as_tuple(names: Iterable[str] | None) -> tuple[str, ...] | None:
    """Return names as a tuple.

    Raises:
        TypeError: They are a string, whose characters would be read as names.
    """
    if isinstance(names, str):
        raise TypeError(f"select and drop must be lists of columns, got the string {names!r}")
    return None if names is None else tuple(names)


@frozen
class Source:
    """A source of events and how to read it. Nothing is opened before reading starts.

    Args:
        path: The file, or None for standard input or a query.
        format: ``jsonl``, ``json``, ``csv``, ``parquet`` or ``sql``. ``json`` is a file of one array of
            objects; one that has JSON lines instead is read too.
        compression: ``gz``, ``zst``, ``bz2``, ``xz`` or None; always None for Parquet and for standard input,
            whose compression is found from its first bytes.
        rename: The name in the file of each field that has another name there:
            ``{"customer_id": "user_id"}``.
        types: The type of the text in each column, by its name in the file.
        constants: The value of each field that is the same in all rows: ``{"name": "purchase"}``.
        select: The only columns that become metadata, by their names in the file; None for all.
        drop: The columns that are left out, by their names in the file.
        limit: The maximum number of rows that are read, or None for all rows.
        resend_unknown: Accept rows of a rejects file that may have been accepted already.
        spool: Copy standard input to a temporary file while it is read, so that it can be read again.
        nulls: ``omit`` leaves the null cells of a table out of the metadata, ``refuse`` refuses their rows.
        query: The SQL of the format ``sql``, which has no path.
        dialect: How a CSV file is written.

    Raises:
        ValueError: These options contradict each other; the message says what to do.
    """

    path: Path | None
    format: Format
    compression: Compression | None = None
    rename: Mapping[str, str] = field(factory=dict, converter=_copy)
    types: Mapping[str, str] = field(factory=dict, converter=_copy)
    constants: Mapping[str, str] = field(factory=dict, converter=_copy)
    select: tuple[str, ...] | None = field(default=None, converter=as_tuple)
    drop: tuple[str, ...] | None = field(default=None, converter=as_tuple)
    limit: int | None = None
    resend_unknown: bool = False
    spool: bool = False
    nulls: Nulls = "omit"
    query: str | None = field(default=None, repr=False)
    dialect: Dialect = PLAIN
    _block_size: int = field(default=BLOCK_SIZE, alias="_block_size", repr=False, eq=False)
    # Both passes read the same copy. A frozen class must create it here.
    _copy_of_input: Spool | None = field(init=False, repr=False, eq=False)

    @_copy_of_input.default
    def _begin_copy(self) -> Spool | None:
        return Spool() if self.spool and self.path is None and self.query is None else None

    def __attrs_post_init__(self) -> None:
        check_options(self.format, self.compression, self.rename, self.types, self.constants)
        check_choice(self.rename, self.select, self.drop)
        check_limit(self.limit)
        if self.format != "csv" and self.dialect != PLAIN:
            raise ValueError("delimiter, quote, null, encoding and header are for CSV only")
        is_query = self.query is not None
        if (self.format == "sql") != is_query or (is_query and self.path is not None):
            raise ValueError("the format sql needs a query and no path, and the others have no query")
        if self.path is None and self.format == "parquet":
            raise ValueError("Parquet cannot be read from standard input: save it to a file first")
        if self.path is None and self.compression is not None:
            raise ValueError("the compression of standard input is recognised: do not name one")

    @property
    def name(self) -> str:
        """Its name in messages: the given path, ``standard input`` or ``the query``."""
        if self.query is not None:
            return QUERY
        return STANDARD_INPUT if self.path is None else str(self.path)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, which can be read again, unlike a pipe."""
        return self.path is not None and self.path.is_file()

    @property
    def size(self) -> int | None:
        """The size of the file in bytes, or None for standard input or if the file does not exist."""
        try:
            return None if self.path is None else self.path.stat().st_size
        except OSError:
            return None

    def read(self, on_problem: OnProblem | None = None) -> Reading:
        """Read its items. Their values are not checked; sending does that.

        Args:
            on_problem: Called with the problem of each line that is not an event; reading then continues. By
                default the first problem is raised.

        Returns:
            An iterator of the items, in order. After all items before it, iterating raises ``SourceError``
            for a line that is not an event (unless ``on_problem`` is given), and always if the source cannot
            be read or is truncated.
        """
        return self._reader().read(on_problem)

    def read_file(self, file: BinaryFile, name: str, on_problem: OnProblem | None) -> Reading:
        """Read an open file with these options, as ``read`` does.

        Args:
            file: The file. It is not closed.
            name: Its name in messages.
            on_problem: As for ``read``.
        """
        return evolve(self._reader(), origin=Input(name=name, file=file)).read(on_problem)

    def rows(self, *, max_bytes: int, positions: Iterator[int] | None = None) -> Iterator[Row]:
        """Read it row by row, and check each row as a send does.

        Standard input is read from its copy first, and then from where the first pass ended. Stop iterating
        when you have enough rows, or it waits for more input.

        Args:
            max_bytes: The maximum bytes of a request, as in the send.
            positions: The positions of its items, if it is sent with others; by default from 0.

        Returns:
            An iterator of every row that is not blank, in order. After all rows before, iterating raises
            ``SourceError`` if the source cannot be read or is truncated.

        Raises:
            ValueError: It is standard input without a copy, or ``max_bytes`` is not positive.
        """
        if self.path is None and self.query is None and not self.spool:
            raise ValueError("standard input can be read only once without spool=True")
        builder = ChunkBuilder(max_objects=MAX_OBJECTS, max_bytes=max_bytes, coalesce=False)
        reader = self._reader()
        records = reader.records(ReadProgress())
        return exact_rows(
            records,
            reader.mapping,
            builder,
            self.name,
            positions=count() if positions is None else positions,
            limit=self.limit,
        )

    def _reader(self) -> Reader:
        origin = Input(
            name=self.name,
            path=self.path,
            compression=self.compression,
            spool=self._copy_of_input,
            block_size=self._block_size,
        )
        types = types_of_columns(self.types, self.rename)
        mapping = RowMapping(
            rename=self.rename,
            constants=self.constants,
            resend_unknown=self.resend_unknown,
            null_metadata=self.format not in JSON_FORMATS,
            selection=Selection(self.select, self.drop),
            types=types,
            converts=self.format in JSON_FORMATS and bool(types),
        )
        return Reader(
            origin,
            self.format,
            mapping,
            types,
            nulls=self.nulls,
            query=self.query,
            dialect=self.dialect,
            limit=self.limit,
        )


def find_source(
    path: str,
    *,
    format: str | None = None,  # noqa: A002 - what everybody calls it
    rename: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    constants: Mapping[str, str] | None = None,
    select: Iterable[str] | None = None,
    drop: Iterable[str] | None = None,
    limit: int | None = None,
    resend_unknown: bool = False,
    spool: bool = False,
    dialect: Dialect = PLAIN,
) -> Source:
    """Return a source with the format and compression found from its file name.

    Args:
        path: The file, or ``-`` for standard input, which is JSONL unless a format is given.
        format: ``jsonl``, ``json``, ``csv`` or ``parquet``; by default found from the file name. The
            compression is always found from the file name.
        rename: The name in the file of each field that has another name there.
        types: The type of the text in each column, by its name in the file.
        constants: The value of each field that is the same in all rows: ``{"name": "purchase"}``.
        select: The only columns that become metadata, by their names in the file; None for all.
        drop: The columns that are left out, by their names in the file.
        limit: The maximum number of rows that are read, or None for all rows.
        resend_unknown: Accept rows of a rejects file that may have been accepted already.
        spool: Copy standard input while it is read, so that it can be read again.
        dialect: How a CSV file is written.

    Returns:
        The source. Whether the file exists is not checked.

    Raises:
        ValueError: The format is unknown, or options contradict each other; the message says what to do.
    """
    if format is not None and format not in {*get_args(Format)} - {"sql"}:
        raise ValueError(f"unknown format {format!r}: {FORMAT_CURE}")
    chosen = cast("Format | None", format)
    compression: Compression | None = None
    if path == "-":
        chosen = chosen or "jsonl"
    else:
        inner, compression = split_compression(path)
        chosen = chosen or format_by_name(inner)
        if chosen is None:
            raise ValueError(f"the name of {path} does not show its format: {FORMAT_CURE}")
    return Source(
        path=None if path == "-" else Path(path),
        format=chosen,
        compression=compression,
        rename=rename or {},
        types=types or {},
        constants=constants or {},
        select=select,
        drop=drop,
        limit=limit,
        resend_unknown=resend_unknown,
        spool=spool,
        dialect=dialect,
    )


def check_options(
    format: Format | Literal["arrow"],  # noqa: A002 - what everybody calls it
    compression: Compression | None,
    rename: Mapping[str, str],
    types: Mapping[str, str],
    constants: Mapping[str, str],
) -> None:
    """Check the options of a source.

    Args:
        format: Its format.
        compression: Its compression.
        rename: Its renamed fields.
        types: The types of its columns.
        constants: The fields that are the same in all rows.

    Raises:
        ValueError: The options contradict each other; the message says what to do.
    """
    check_types(types)
    column = rename.get("customer_id", "customer_id")
    if column in types and types.get("customer_id", types[column]) != types[column]:
        raise ValueError(f"the customer_id has two types: one for {column} and one for customer_id")
    if compression is not None and format == "parquet":
        raise ValueError(f"compressed Parquet files cannot be read: decompress the .{compression} file first")
    for target, source in rename.items():
        if not target or not source:
            raise ValueError(f"a field is mapped as {target!r} = {source!r}, but neither name may be empty")
    for name in constants:
        if not name or name in rename:
            raise ValueError(f"the field {name!r} is set to a value, but it is empty or mapped as well")
