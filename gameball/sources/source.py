"""Sources of events: what is read, how, and in which format."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Final, Literal, cast, get_args

from attrs import field, frozen

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.limits import MAX_OBJECTS
from gameball.sources.cells import check_types
from gameball.sources.csv_records import csv_records
from gameball.sources.jsonl import jsonl_items, jsonl_records
from gameball.sources.lines import split_lines
from gameball.sources.parquet_records import parquet_records
from gameball.sources.progress import ReadProgress
from gameball.sources.reading import Reading
from gameball.sources.records import OnProblem, Records, Row, exact_rows, items_of
from gameball.sources.shape import Columns, Shape
from gameball.sources.streams import BLOCK_SIZE, STANDARD_INPUT, Compression, Input, Spool

Format = Literal["jsonl", "csv", "parquet"]


@frozen
class Reader:
    """How one source is read.

    Args:
        origin: Where its bytes come from.
        format: What they are.
        shape: What its rows stand for.
        types: The type of each column that is to have one.
    """

    origin: Input
    format: Format
    shape: Shape
    types: Mapping[str, str]

    def read(self, on_problem: OnProblem | None) -> Reading:
        """Begin the fast pass, opening nothing yet."""
        progress = ReadProgress()
        name = self.origin.name
        if self.format == "jsonl":
            blocks = split_lines(self.origin.blocks(progress), name)
            items = jsonl_items(blocks, self.shape, name, progress, on_problem)
        else:
            unit = "row" if self.format == "parquet" else "line"
            items = items_of(self.records(progress), self.shape, progress, on_problem, name=name, unit=unit)
        return Reading(items, progress)

    def records(self, progress: ReadProgress) -> Records:
        """Begin to read row by row, opening nothing yet."""
        name = self.origin.name
        columns = Columns(self.shape, self.types)
        if self.format == "parquet":
            return parquet_records(self.origin.path or Path(name), columns, name, progress)
        blocks = split_lines(self.origin.blocks(progress), name)
        return jsonl_records(blocks) if self.format == "jsonl" else csv_records(blocks, columns, name)


_FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
)
_COMPRESSIONS: Final[Mapping[str, Compression]] = MappingProxyType({".gz": "gz", ".zst": "zst"})
_CURE: Final = (
    "name it with --format jsonl, csv or parquet, or end its name in .jsonl, .ndjson or .csv, "
    "with or without .gz or .zst after it, or in .parquet"
)


def _copy(names: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(names))


@frozen
class Source:
    """What events are read from, and how. Nothing is opened before something is read.

    Args:
        path: The file, or None for standard input.
        format: ``jsonl``, ``csv`` or ``parquet``.
        compression: ``gz``, ``zst`` or None. Standard input and Parquet have none.
        rename: The name in the file of each field that is called differently there:
            ``{"customer_id": "user_id"}``.
        types: The type of each column that is not text, by its name in the file; for CSV and Parquet.
        resend_unknown: Take rows of a file of rejects that may have been accepted already.
        spool: Copy standard input to a temporary file while it is read, so that it can be read again.

    Raises:
        ValueError: These do not go together; the message has the cure.
    """

    path: Path | None
    format: Format
    compression: Compression | None = None
    rename: Mapping[str, str] = field(factory=dict, converter=_copy)
    types: Mapping[str, str] = field(factory=dict, converter=_copy)
    resend_unknown: bool = False
    spool: bool = False
    _block_size: int = field(default=BLOCK_SIZE, alias="_block_size", repr=False, eq=False)
    # Both passes read the same copy, and a frozen class cannot begin one later.
    _copy_of_input: Spool | None = field(init=False, repr=False, eq=False)

    @_copy_of_input.default
    def _begin_copy(self) -> Spool | None:
        return Spool() if self.spool and self.path is None else None

    def __attrs_post_init__(self) -> None:
        check_options(self.format, self.compression, self.rename, self.types)
        if self.path is None and self.format == "parquet":
            raise ValueError(
                "Parquet is read from its end, which standard input has not: save it to a file first"
            )
        if self.path is None and self.compression is not None:
            raise ValueError("standard input is not decompressed: put gunzip or unzstd before")

    @property
    def name(self) -> str:
        """What messages call it: its path as it was given, or ``standard input``."""
        return STANDARD_INPUT if self.path is None else str(self.path)

    @property
    def size(self) -> int | None:
        """The bytes of the file as it lies on disk, or None for standard input and where there is no file."""
        try:
            return None if self.path is None else self.path.stat().st_size
        except OSError:
            return None

    def read(self, on_problem: OnProblem | None = None) -> Reading:
        """Read its items as fast as they can be sent. Their values are not checked; sending does that.

        Args:
            on_problem: Is called with the problem of each line that stands for no event, and reading goes on.
                By default the first one is raised.

        Returns:
            An iterator of the items, in order. While iterating it raises ``SourceError``: for a line that
            stands for no event, and in any case where the source cannot be read or breaks off; all items
            before were given.
        """
        return self._reader().read(on_problem)

    def rows(self, *, max_bytes: int) -> Iterator[Row]:
        """Go through it row by row, and check each as a send does.

        Standard input is read from its copy first and then on from where the first pass ended: stop when
        enough rows have come if more of it is not to be waited for.

        Args:
            max_bytes: The most bytes of a request, as in the send.

        Returns:
            An iterator of every row that is not blank, in order. While iterating it raises ``SourceError``
            where the source cannot be read or breaks off, after all rows before.

        Raises:
            ValueError: It is standard input and was not copied, or ``max_bytes`` is not positive.
        """
        if self.path is None and not self.spool:
            raise ValueError("standard input can be read only once without spool=True")
        builder = ChunkBuilder(max_objects=MAX_OBJECTS, max_bytes=max_bytes, coalesce=False)
        reader = self._reader()
        return exact_rows(reader.records(ReadProgress()), reader.shape, builder)

    def _reader(self) -> Reader:
        origin = Input(
            name=self.name,
            path=self.path,
            compression=self.compression,
            spool=self._copy_of_input,
            block_size=self._block_size,
        )
        shape = Shape(
            rename=self.rename, resend_unknown=self.resend_unknown, null_metadata=self.format != "jsonl"
        )
        return Reader(origin, self.format, shape, self.types)


def find_source(
    path: str,
    *,
    format: str | None = None,  # noqa: A002 - what everybody calls it
    rename: Mapping[str, str] | None = None,
    types: Mapping[str, str] | None = None,
    resend_unknown: bool = False,
    spool: bool = False,
) -> Source:
    """Tell by its name how a file is to be read.

    Args:
        path: The file, or ``-`` for standard input, which is JSON lines unless a format is given.
        format: ``jsonl``, ``csv`` or ``parquet``; by default the name's ending tells. Whether a file is
            compressed its name tells in any case.
        rename: The name in the file of each field that is called differently there.
        types: The type of each column that is not text, by its name in the file; for CSV and Parquet.
        resend_unknown: Take rows of a file of rejects that may have been accepted already.
        spool: Copy standard input while it is read, so that it can be read again.

    Returns:
        The source. Whether there is such a file is not looked at.

    Raises:
        ValueError: The format is unknown, or these do not go together; the message has the cure.
    """
    if format is not None and format not in get_args(Format):
        raise ValueError(f"there is no format {format!r}: {_CURE}")
    chosen = cast("Format | None", format)
    compression: Compression | None = None
    if path == "-":
        chosen = chosen or "jsonl"
    else:
        inner, compression = split_compression(path)
        chosen = chosen or _FORMATS.get(PurePath(inner).suffix.lower())
        if chosen is None:
            raise ValueError(f"the format of {path} is not known by its name: {_CURE}")
    return Source(
        path=None if path == "-" else Path(path),
        format=chosen,
        compression=compression,
        rename=rename or {},
        types=types or {},
        resend_unknown=resend_unknown,
        spool=spool,
    )


def split_compression(path: str) -> tuple[str, Compression | None]:
    """Tell by a file's name whether it is compressed.

    Args:
        path: The file.

    Returns:
        Its path without the ending that tells so, and the compression.
    """
    suffix = PurePath(path).suffix
    compression = _COMPRESSIONS.get(suffix.lower())
    return (path.removesuffix(suffix) if compression else path), compression


def check_options(
    format: Format,  # noqa: A002 - what everybody calls it
    compression: Compression | None,
    rename: Mapping[str, str],
    types: Mapping[str, str],
) -> None:
    """Check that what was said about a source goes together.

    Args:
        format: Its format.
        compression: Its compression.
        rename: Its names.
        types: Its types.

    Raises:
        ValueError: It does not; the message has the cure.
    """
    check_types(types)
    if types and format == "jsonl":
        raise ValueError("JSONL values have types of their own: types are for CSV and Parquet")
    if compression is not None and format == "parquet":
        raise ValueError(f"Parquet is compressed inside: decompress the .{compression} file first")
    for target, source in rename.items():
        if not target or not source:
            raise ValueError(f"a field is mapped as {target!r} = {source!r}, and neither may be empty")
