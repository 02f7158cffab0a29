"""The format and the compression of a file, found from its name."""

from collections.abc import Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Final, Literal

from gameball.sources.files.compression import Compression

Format = Literal["jsonl", "json", "csv", "parquet", "sql"]

_FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        ".jsonl": "jsonl",
        ".ndjson": "jsonl",
        ".json": "json",
        ".csv": "csv",
        ".tsv": "csv",
        ".parquet": "parquet",
    }
)
_COMPRESSIONS: Final[Mapping[str, Compression]] = MappingProxyType(
    {".gz": "gz", ".zst": "zst", ".bz2": "bz2", ".xz": "xz"}
)
FORMAT_CURE: Final = (
    "use --format jsonl, json, csv or parquet, or a file name that ends in .jsonl, .ndjson, .json, .csv or "
    ".tsv, optionally followed by .gz, .zst, .bz2 or .xz, or in .parquet"
)


def format_by_name(path: str) -> Format | None:
    """Find the format of a file from its name.

    Args:
        path: The file, without the suffix of a compression.

    Returns:
        The format, or None if the name does not show it.
    """
    return _FORMATS.get(PurePath(path).suffix.lower())


def is_tsv(path: str) -> bool:
    """Return whether the name of a file, compressed or not, says that its cells are separated by tabs."""
    return split_compression(path)[0].lower().endswith(".tsv")


def split_compression(path: str) -> tuple[str, Compression | None]:
    """Find the compression of a file from its name.

    Args:
        path: The file.

    Returns:
        Its path without the suffix of the compression, and the compression or None.
    """
    suffix = PurePath(path).suffix
    compression = _COMPRESSIONS.get(suffix.lower())
    return (path.removesuffix(suffix) if compression else path), compression
