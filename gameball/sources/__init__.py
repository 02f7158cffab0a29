"""Events from files, standard input, data frames and other tables.

``gb.events.send(read_jsonl("events.jsonl"))`` sends the events of a file, and
``gb.events.send(read_arrow(df))`` those of a data frame.
"""

from gameball.sources.arrow import ArrowTable, read_arrow, read_sql
from gameball.sources.readers import read_csv, read_json, read_jsonl, read_parquet
from gameball.sources.records.reading import Reading
from gameball.sources.records.record import Row
from gameball.sources.source import Source, find_source

__all__ = [
    "ArrowTable",
    "Reading",
    "Row",
    "Source",
    "find_source",
    "read_arrow",
    "read_csv",
    "read_json",
    "read_jsonl",
    "read_parquet",
    "read_sql",
]
