"""What the tests of sources share: how a file is written, and how it is read to its end."""

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import zstandard

from gameball import CustomerEvents, SourceError
from gameball.events import EventLike
from gameball.sources import Source

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def line(customer_id: object = "c", name: object = "liked", metadata: object = None) -> bytes:
    return orjson.dumps(
        {"customer_id": customer_id, "name": name, "metadata": {} if metadata is None else metadata}
    )


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def read_until_error(items: Iterable[EventLike]) -> tuple[list[Any], SourceError | None]:
    given: list[Any] = []
    try:
        # What was given before an error stays in the list.
        given.extend(items)
    except SourceError as error:
        return given, error
    return given, None


def customers(items: Iterable[Any]) -> list[Any]:
    return [item.customer_id if isinstance(item, CustomerEvents) else item[0] for item in items]


def problems(source: Source) -> list[tuple[int | None, str]]:
    found: list[SourceError] = []
    for _ in source.read(found.append):
        pass
    return [(error.line, error.reason) for error in found]
