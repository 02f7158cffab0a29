"""The row groups of a Parquet file."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

from attrs import frozen

from gameball.sources.tables.batches import BATCH_SIZE, OpenTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Without it, pyarrow would read the whole column of a row group at once.
_BUFFER_SIZE: Final = 256 * 1024


@frozen
class ParquetOrigin:
    """A Parquet file.

    Args:
        path: The file.
        name: Its name in messages.
    """

    path: Path
    name: str
    extra: str = "parquet"

    @contextmanager
    def open(self) -> Iterator[OpenTable]:
        """Open it. Its batches are read one by one."""
        with self.path.open("rb") as opened, closing(_open(opened)) as file:
            bytes_per_row = self.path.stat().st_size / max(file.metadata.num_rows, 1)
            yield OpenTable(file.schema_arrow, _batches(file), bytes_per_row)

    def explain(self, error: Exception) -> str:
        """Return the message for an error."""
        # pyarrow also raises OSError for damaged files, but without an errno.
        if isinstance(error, OSError) and error.errno is not None:
            return f"cannot be read ({error.strerror})"
        return "is damaged or not a Parquet file"


def _open(file: IO[bytes]) -> Any:  # noqa: ANN401 - pyarrow has no types
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - optional

    return ParquetFile(file, buffer_size=_BUFFER_SIZE, pre_buffer=False)


def _batches(file: Any) -> Iterator[Any]:  # noqa: ANN401 - pyarrow has no types
    # One group at a time: a batch across groups would lose intact rows if the next group is damaged.
    for group in range(file.metadata.num_row_groups):
        yield from file.iter_batches(batch_size=BATCH_SIZE, row_groups=[group], use_threads=False)
