"""Events from files: JSON lines, CSV and Parquet, and from standard input.

``gb.events.send(read_jsonl("events.jsonl"))`` sends the events of a file.
"""

from gameball.sources.readers import read_csv, read_jsonl, read_parquet
from gameball.sources.reading import Reading
from gameball.sources.records import Row
from gameball.sources.source import Source, find_source

__all__ = ["Reading", "Row", "Source", "find_source", "read_csv", "read_jsonl", "read_parquet"]
