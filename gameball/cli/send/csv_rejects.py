"""Rejects of a CSV file, as rows of the same form with the reason in an additional column."""

import codecs
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import define, field

from gameball.errors import SourceError
from gameball.sources import Row, Source
from gameball.sources.files.file_formats import is_tsv
from gameball.sources.mapping.row_mapping import CUT, MARK
from gameball.sources.records.csv_text import header_with, with_cell

_SUFFIXES: Final = frozenset({".csv", ".tsv"})


def is_csv(path: Path) -> bool:
    """Return whether the rejects in a file are rows of CSV."""
    return path.suffix.lower() in _SUFFIXES


def check_csv_rejects(path: Path, sources: Sequence[Source]) -> None:
    """Check that the rejects of some sources can be rows of CSV.

    Raises:
        ValueError: They cannot; the message says what to do.
    """
    cure = f"name the rejects {path.with_suffix('.jsonl').name} instead"
    if any(source.format != "csv" for source in sources):
        raise ValueError(f"--rejects {path} would be CSV, but the source is not: {cure}")
    if len(sources) > 1:
        raise ValueError(f"--rejects {path} can have the header of only one source: {cure}")
    if not sources[0].dialect.header:
        raise ValueError(f"--rejects {path} needs a header for the reasons, and --no-header has none: {cure}")
    if is_tsv(sources[0].name) != is_tsv(str(path)) and sources[0].dialect.delimiter is None:
        # The name decides the delimiter, and the same options must read both files.
        wanted = ".csv" if is_tsv(str(path)) else ".tsv"
        raise ValueError(
            f"--rejects {path} would be read with another delimiter: use a name ending in {wanted}"
        )


@define
class CsvRejects:
    """Encodes rejects as rows of CSV.

    Args:
        encoding: The encoding of the source.
    """

    encoding: str
    _encoder: codecs.IncrementalEncoder = field(init=False)
    _begun: bool = field(default=False, init=False)

    @_encoder.default
    def _make_encoder(self) -> codecs.IncrementalEncoder:
        # Bytes that are not text in UTF-8 stay as they are.
        return codecs.getincrementalencoder(self.encoding)(errors="surrogateescape")

    def encode(self, row: Row, outcome: str, reason: str) -> bytes:
        """Return a row with the reason, after the header if it is the first one.

        Args:
            row: The row of a CSV file.
            outcome: Its outcome.
            reason: Why it was not accepted.
        """
        text = row.csv
        if text is None:
            raise SourceError(source=row.source, line=row.line, reason="is not a row of CSV")
        mark = " ".join(
            f"{outcome if text.whole else CUT}: line {row.line} of {row.source}: {reason}".split()
        )
        data = with_cell(text, MARK, mark)
        if not self._begun:
            self._begun = True
            data = header_with(text.form, MARK) + data
        return self._encoder.encode(data.decode(errors="surrogateescape"))
