"""``gameball ledger show``: the recorded outcomes of a source, and its lines in a form to send."""

import json
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen
from rich.table import Table

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk_events import build_chunks
from gameball.chunking.limits import DEFAULT_MAX_BYTES
from gameball.cli.exit_codes import ExitCode
from gameball.cli.option_values import parse_pairs
from gameball.cli.output import escape, write_json, write_lines, write_rows, write_table
from gameball.cli.send.rejects import Reject, encode_reject, find_rejects
from gameball.cli.send.same_content import CONTENT, QUERY_HASH, identify
from gameball.cli.send.tally import READ, Failure
from gameball.errors import LedgerMismatchError, SourceError
from gameball.ledger.records import LedgerChunk, LedgerRun, boundaries_of, digest
from gameball.ledger.snapshot import reading
from gameball.ledger.store import LedgerStore
from gameball.receipts import Outcome
from gameball.sources import Source, find_source
from gameball.sources.csv.dialect import Dialect

_NOT_READ = "not read by any send yet"
_ENDLESS = 2**63

#: The first and last line of a chunk, by its first position.
_Lines = dict[int, tuple[int, int]]


@frozen
class _Contents:
    """What is shown of a ledger.

    Args:
        path: The ledger.
        chunks: The chunks to show.
        counts: The number of events with each outcome, of all chunks.
        notes: What the sends noted about their source.
        runs: The sends that used the ledger.
    """

    path: Path
    chunks: list[LedgerChunk]
    counts: dict[Outcome, int]
    notes: dict[str, str]
    runs: list[LedgerRun]

    def exit_code(self) -> ExitCode:
        """Return 3 or 4 if something was not accepted."""
        outcomes = {chunk.outcome for chunk in self.chunks}
        unfinished = self.runs and (self.notes.get(READ) == "no" or self.runs[-1].ended_at is None)
        if unfinished or outcomes & {Outcome.UNKNOWN, Outcome.UNSENT}:
            return ExitCode.UNKNOWN
        return ExitCode.REJECTED if Outcome.REJECTED in outcomes else ExitCode.OK

    def report(self, lines: _Lines) -> dict[str, object]:
        """Return what is written as JSON."""
        return {
            "ledger": str(self.path),
            "source": self.notes.get("source"),
            "read_to_its_end": {"yes": True, "no": False}.get(self.notes.get(READ, "")),
            "runs": [
                {
                    "started_at": run.started_at.isoformat(),
                    "ended_at": run.ended_at and run.ended_at.isoformat(),
                }
                for run in self.runs
            ],
            "events": {outcome.value: count for outcome, count in self.counts.items()},
            "chunks": [_as_json(chunk, lines) for chunk in self.chunks],
            "exit_code": int(self.exit_code()),
        }

    def print(self, lines: _Lines) -> None:
        """Write the runs, the counts, and a table of the chunks that were not accepted."""
        source = "a query" if self.notes.get(QUERY_HASH) else self.notes.get("source", "unknown source")
        text = [f"{self.path}: {source}"]
        for run in self.runs:
            ended = f" to {run.ended_at.isoformat(' ', 'seconds')}" if run.ended_at else ", has not ended"
            text.append(f"  run {run.number}: {run.started_at.isoformat(' ', 'seconds')}{ended}")
        text += [f"  {count:,} {outcome}" for outcome, count in self.counts.items()]
        if self.notes.get(READ) == "no":
            text.append("  The source was not read to its end.")
        write_lines(text)
        # Counted from 1, as in the report of the send.
        table = Table(
            "lines" if lines else "items", "events", "outcome", "attempts", "reason", box=None, pad_edge=False
        )
        for chunk in self.chunks:
            if chunk.outcome is not Outcome.ACCEPTED:
                first, last = lines.get(chunk.first, (chunk.first + 1, chunk.last + 1))
                items = f"{first:,} to {last:,}"
                table.add_row(
                    items, f"{chunk.events:,}", chunk.outcome, str(chunk.attempts), escape(_reason(chunk))
                )
        if table.row_count:
            write_table(table)


def show_ledger(path: Path, *, unknown: bool, unsent: bool, source: Path | None, as_json: bool) -> ExitCode:
    """Show a ledger, or print lines of its source.

    Args:
        path: The ledger.
        unknown: Whether to print the lines that may or may not have been accepted.
        unsent: Whether to print the lines that were certainly not accepted or not read by any send yet.
        source: The current path of the source; None for the path that was sent.
        as_json: Whether to write JSON.

    Returns:
        The exit code: 3 or 4 if something was not accepted.

    Raises:
        ValueError: The ledger does not exist, or its source cannot be found.
        LedgerError: The ledger cannot be read.
    """
    if not path.is_file():
        raise ValueError(f"there is no ledger {path}")
    with reading(path) as ledger:
        # There may be a million chunks, nearly all of them accepted.
        every = unknown or unsent or as_json
        contents = _Contents(
            path,
            chunks=ledger.chunks() if every else _not_accepted(ledger),
            counts=ledger.count_events(),
            notes=ledger.notes(),
            runs=ledger.runs(),
        )
        settings = ledger.settings()
    chunks, notes = contents.chunks, contents.notes
    code = contents.exit_code()
    if unknown or unsent:
        wanted = {Outcome.UNKNOWN} if unknown else set()
        if unsent:
            wanted.add(Outcome.UNSENT)
        found = source_of(path, notes, source)
        if chunks:
            check_unchanged(found, chunks, settings)
        max_bytes = int(notes.get("max_bytes", DEFAULT_MAX_BYTES))
        rejects = lines_of(found, chunks, wanted, max_bytes)
        rows = (encode_reject(reject, found.name).removesuffix(b"\n") for reject in rejects)
        write_rows(rows, {"ledger": str(path), "exit_code": int(code)} if as_json else None, "lines")
    else:
        lines = _find_lines(chunks, notes, source)
        if as_json:
            write_json(contents.report(lines))
        else:
            contents.print(lines)
    return code


def _find_lines(chunks: list[LedgerChunk], notes: dict[str, str], moved: Path | None) -> _Lines:
    """Return the lines of the chunks that were not accepted; none if the source has changed or is gone."""
    where = str(moved) if moved is not None else notes.get("source", "-")
    failed = [chunk for chunk in chunks if chunk.outcome is not Outcome.ACCEPTED]
    if not failed or where == "-" or identify(Path(where)) != notes.get(CONTENT):
        return {}
    source = source_of(Path(), notes, moved)
    failures = [Failure(c.first, c.last, c.outcome, "", c.events) for c in failed]
    max_bytes = int(notes.get("max_bytes", DEFAULT_MAX_BYTES))
    lines: _Lines = {}
    for reject in find_rejects(source, failures, [], failed[-1].last + 1, max_bytes):
        if reject.failure is not None:
            first, _ = lines.get(reject.failure.first, (reject.row.line, 0))
            lines[reject.failure.first] = first, reject.row.line
    return lines


def check_unchanged(source: Source, chunks: list[LedgerChunk], settings: dict[str, str]) -> None:
    """Check that a source is the one that was sent, so that its lines have the recorded outcomes.

    Raises:
        LedgerMismatchError: The source is another one.
    """
    builder = ChunkBuilder(
        max_objects=int(settings["max_objects"]),
        max_bytes=int(settings["max_bytes"]),
        coalesce=settings["coalesce"] == "True",
    )
    known = {chunk.first: chunk for chunk in chunks}
    left = len(known)
    try:
        for chunk in build_chunks(
            source.read(lambda _: None), builder, boundaries_of(chunks), lambda _: None
        ):
            recorded = known.get(chunk.first)
            if recorded is None or recorded.digest != digest(chunk):
                break
            left -= 1
            if not left:
                return
    except SourceError:  # the send failed at the same place
        return
    raise LedgerMismatchError(
        f"{source.name} is not the source that was sent, or has changed: give the path of that source with "
        "--source"
    )


def _not_accepted(ledger: LedgerStore) -> list[LedgerChunk]:
    outcomes = (Outcome.REJECTED, Outcome.UNKNOWN, Outcome.UNSENT)
    chunks = [chunk for outcome in outcomes for chunk in ledger.chunks(outcome)]
    return sorted(chunks, key=lambda chunk: chunk.first)


def lines_of(
    source: Source, chunks: list[LedgerChunk], wanted: set[Outcome], max_bytes: int
) -> Iterator[Reject]:
    """Find the lines with some outcomes; with UNSENT, also those that were not read by any send yet.

    Args:
        source: The source.
        chunks: The chunks in the ledger.
        wanted: The outcomes.
        max_bytes: The maximum size of a request, as in the send.
    """
    failures = [
        Failure(chunk.first, chunk.last, chunk.outcome, _reason(chunk), chunk.events)
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


def source_of(path: Path, notes: dict[str, str], moved: Path | None) -> Source:
    """Return the source of a ledger, to be read as it was when it was sent.

    Args:
        path: The ledger.
        notes: Its notes.
        moved: The current path of the source, or None for the path that was sent.

    Raises:
        ValueError: The source cannot be found.
    """
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
    return find_source(
        where,
        format=notes.get("format"),
        rename=parse_pairs((notes.get("map", ""),), "--map"),
        types=parse_pairs((notes.get("types", ""),), "--types"),
        constants=json.loads(notes.get("constants", "{}")),
        select=json.loads(notes.get("select", "null")),
        drop=json.loads(notes.get("drop", "null")),
        resend_unknown=True,
        spool=False,
        dialect=Dialect(**json.loads(notes.get("dialect", "{}"))),
    )


def _reason(chunk: LedgerChunk) -> str:
    if chunk.in_flight:
        return "in flight when its run ended: it may have been accepted"
    return chunk.error or "unknown reason"


def _as_json(chunk: LedgerChunk, lines: _Lines) -> dict[str, object]:
    first_line, last_line = lines.get(chunk.first, (None, None))
    return {
        "first_item": chunk.first,
        "last_item": chunk.last,
        "first_line": first_line,
        "last_line": last_line,
        "events": chunk.events,
        "outcome": chunk.outcome.value,
        "in_flight": chunk.in_flight,
        "job_id": chunk.job_id,
        "attempts": chunk.attempts,
        "error": chunk.error,
    }
