"""One way to read each format, for whatever is read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from attrs import frozen

from gameball.sources.columns import Columns
from gameball.sources.csv_records import csv_records
from gameball.sources.jsonl import jsonl_items, jsonl_records
from gameball.sources.lines import split_lines
from gameball.sources.parquet_records import parquet_records
from gameball.sources.progress import ReadProgress
from gameball.sources.reading import Reading
from gameball.sources.records import OnProblem, Records, items_of
from gameball.sources.shape import Shape
from gameball.sources.streams import Input

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
