"""How a source is read: which reader is used for which format."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from attrs import evolve, field, frozen

from gameball.sources.csv.dialect import PLAIN, Dialect, to_utf_8
from gameball.sources.csv.records import csv_items, csv_records
from gameball.sources.files.file_formats import Format
from gameball.sources.files.lines import LineBlocks, split_lines
from gameball.sources.files.streams import Input
from gameball.sources.json.array import split_array
from gameball.sources.json.jsonl import jsonl_items, jsonl_records
from gameball.sources.mapping.columns import Columns
from gameball.sources.mapping.row_mapping import RowMapping
from gameball.sources.records.limit import limited_items
from gameball.sources.records.progress import ReadProgress
from gameball.sources.records.reading import Reading
from gameball.sources.records.record import Items, OnProblem, Records
from gameball.sources.tables.batches import TableOrigin, TableReader
from gameball.sources.tables.parquet import ParquetOrigin
from gameball.sources.tables.rows import Nulls
from gameball.sources.tables.sql import SqlOrigin

_TABLES: Final = frozenset({"parquet", "sql"})
#: The formats whose rows are JSON objects.
JSON_FORMATS: Final = frozenset({"jsonl", "json"})


@frozen
class Reader:
    """How one source is read.

    Args:
        origin: The source of the bytes.
        format: Their format.
        mapping: How to interpret rows.
        types: The type of each typed column.
        nulls: What to do with cells of a table that are null.
        query: The SQL of a query.
        dialect: How a CSV file is written.
        limit: The maximum number of rows that are read, or None for all rows.
    """

    origin: Input
    format: Format
    mapping: RowMapping
    types: Mapping[str, str]
    nulls: Nulls = "omit"
    query: str | None = field(default=None, repr=False)
    dialect: Dialect = PLAIN
    limit: int | None = None

    def read(self, on_problem: OnProblem | None) -> Reading:
        """Return the items. Nothing is opened before the first one."""
        progress = ReadProgress(self.origin.name)
        reader = evolve(self, mapping=evolve(self.mapping, on_integer_id=progress.note_integer_id))
        items = limited_items(partial(reader.items, progress), on_problem, self.limit, progress)
        return Reading(items, progress)

    def items(self, progress: ReadProgress, on_problem: OnProblem | None) -> Items:
        """Return the items of all rows. Nothing is opened before the first one."""
        name = self.origin.name
        if self.format in JSON_FORMATS:
            return jsonl_items(self._json(progress), self.mapping, name, progress, on_problem)
        if self.format in _TABLES:
            return self._table().items(progress, on_problem)
        columns = Columns(self.mapping, self.types)
        lines = self._csv_lines(progress)
        return csv_items(lines, columns, name, self.dialect, progress=progress, on_problem=on_problem)

    def records(self, progress: ReadProgress) -> Records:
        """Return the records. Nothing is opened before the first one."""
        name = self.origin.name
        if self.format in _TABLES:
            return self._table().records(progress)
        if self.format in JSON_FORMATS:
            return jsonl_records(self._json(progress))
        columns = Columns(self.mapping, self.types)
        return csv_records(self._csv_lines(progress), columns, name, self.dialect)

    def _csv_lines(self, progress: ReadProgress) -> LineBlocks:
        blocks = to_utf_8(self.origin.blocks(progress), self.dialect.encoding)
        return split_lines(blocks, self.origin.name)

    def _json(self, progress: ReadProgress) -> LineBlocks:
        split = split_array if self.format == "json" else split_lines
        return split(self.origin.blocks(progress), self.origin.name)

    def _table(self) -> TableReader:
        name = self.origin.name
        origin: TableOrigin = ParquetOrigin(self.origin.path or Path(name), name)
        if self.query is not None:
            origin = SqlOrigin(self.query, name=name)
        return TableReader(origin, Columns(self.mapping, self.types), self.nulls)
