"""The source of a ledger: found again, checked, and read for the lines with some outcomes."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk_events import build_chunks
from gameball.cli.option_values import parse_pairs
from gameball.cli.send.rejects import Reject, find_rejects
from gameball.cli.send.same_content import QUERY_HASH, path_in_ledger
from gameball.cli.send.several_files import FILES
from gameball.cli.send.tally import Failure
from gameball.errors import LedgerMismatchError, SourceError
from gameball.ledger.known_chunks import KnownChunks
from gameball.ledger.records import LedgerChunk
from gameball.receipts import Outcome
from gameball.sources import Source, find_source
from gameball.sources.csv.dialect import Dialect
from gameball.sources.joined import JoinedSource, join_sources

_NOT_READ = "not read by any send yet"
_ENDLESS = 2**63


def source_of(path: Path, notes: dict[str, str], moved: Path | None) -> Source | JoinedSource:
    """Return the source of a ledger, to be read as it was when it was sent.

    Args:
        path: The ledger.
        notes: Its notes.
        moved: The current path of the source, or None for the path that was sent.

    Raises:
        ValueError: The source cannot be found.
    """
    if notes.get(FILES):
        if moved is not None:
            raise ValueError(f"{path} records several files: --source is for a ledger of one source")
        names = json.loads(notes[FILES])
        return join_sources([_file_of(path_in_ledger(name, path), notes) for name in names])
    where = str(moved) if moved is not None else notes.get("source")
    if where is None:
        raise ValueError(f"{path} does not record its source: give its path with --source")
    if moved is None and notes.get(QUERY_HASH):
        raise ValueError(
            f"{path} records a query: to get the rows that were not accepted, run the same `gameball send "
            "--sql` command again with --rejects"
        )
    if where == "-":
        raise ValueError(
            f"{path} records standard input, which cannot be read again: save it to a file and use --source"
        )
    if not Path(where).exists():
        raise ValueError(f"there is no source at {where}: give its current path with --source")
    return _file_of(Path(where), notes)


def _file_of(path: Path, notes: dict[str, str]) -> Source:
    if not path.exists():
        raise ValueError(f"there is no file {path}: put it back where it was")
    return find_source(
        str(path),
        format=notes.get("format") or None,
        rename=parse_pairs((notes.get("map", ""),), "--map"),
        types=parse_pairs((notes.get("types", ""),), "--types"),
        constants=json.loads(notes.get("constants", "{}")),
        select=json.loads(notes.get("select", "null")),
        drop=json.loads(notes.get("drop", "null")),
        resend_unknown=True,
        spool=False,
        dialect=Dialect(**json.loads(notes.get("dialect", "{}"))),
    )


def check_unchanged(
    source: Source | JoinedSource, chunks: list[LedgerChunk], settings: dict[str, str]
) -> None:
    """Check that a source is the one that was sent, so that its lines have the recorded outcomes.

    Raises:
        LedgerMismatchError: The source is another one.
    """
    builder = ChunkBuilder(
        max_objects=int(settings["max_objects"]),
        max_bytes=int(settings["max_bytes"]),
        coalesce=settings["coalesce"] == "True",
    )
    known = KnownChunks.of(chunks)
    with suppress(SourceError, LedgerMismatchError):
        for chunk in build_chunks(source.read(lambda _: None), builder, known, lambda _: None):
            known.match(chunk)
            if not known.has_unmatched_before(known.end):
                return
    raise LedgerMismatchError(
        f"{source.name} is not the source that was sent, or has changed: give the path of that source with "
        "--source"
    )


def lines_of(
    source: Source | JoinedSource, chunks: list[LedgerChunk], wanted: set[Outcome], max_bytes: int
) -> Iterator[Reject]:
    """Find the lines with some outcomes; with UNSENT, also those that were not read by any send yet.

    Args:
        source: The source.
        chunks: The chunks in the ledger.
        wanted: The outcomes.
        max_bytes: The maximum size of a request, as in the send.
    """
    failures = [
        Failure(chunk.first, chunk.last, chunk.outcome, reason_of(chunk), chunk.events)
        for chunk in chunks
        if chunk.outcome in wanted
    ]
    if Outcome.UNSENT in wanted:
        covered = 0
        for chunk in [*chunks, None]:
            first = _ENDLESS if chunk is None else chunk.first
            if first > covered:
                failures.append(Failure(covered, first - 1, Outcome.UNSENT, _NOT_READ, 0))
            covered = first if chunk is None else chunk.last + 1
    failures.sort(key=lambda failure: failure.first)
    end = max((failure.last + 1 for failure in failures), default=0)
    for reject in find_rejects(source, failures, [], end, max_bytes):
        # Lines that cannot be sent are in no chunk; `gameball send` reports them.
        if reject.failure is not None:
            yield reject


def reason_of(chunk: LedgerChunk) -> str:
    """Return why a chunk was not accepted."""
    if chunk.in_flight:
        return "in flight when its run ended: it may have been accepted"
    return chunk.error or "unknown reason"
