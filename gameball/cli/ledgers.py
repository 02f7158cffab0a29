"""``gameball ledger``: the recorded outcomes of a source, and how a person settles what is unknown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from rich.table import Table

from gameball.chunking.builder import ChunkBuilder
from gameball.chunking.chunk_events import build_chunks
from gameball.chunking.limits import DEFAULT_MAX_BYTES
from gameball.cli.client import parse_pairs
from gameball.cli.exit_codes import ExitCode, worst
from gameball.cli.output import as_document, escape, write, write_json, write_lines, write_table
from gameball.cli.rejects import Reject, encode_reject, find_rejects
from gameball.cli.tally import READ, Failure
from gameball.errors import LedgerMismatchError, SourceError
from gameball.ledger.ledger import Ledger
from gameball.ledger.records import LedgerChunk, LedgerRun, boundaries_of, digest
from gameball.receipts import Outcome
from gameball.sources import Source, find_source

_NOT_READ = "not read by any send yet"
_ENDLESS = 2**63
# How many ranges of lines an error lists.
_LISTED = 5


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
    with Ledger(path) as ledger:
        chunks, notes, runs = ledger.chunks(), ledger.notes(), ledger.runs()
        settings = ledger.settings()
    code = _code(chunks)
    if runs and (notes.get(READ) == "no" or runs[-1].ended_at is None):
        code = worst(code, ExitCode.UNKNOWN)
    if unknown or unsent:
        wanted = {Outcome.UNKNOWN} if unknown else set()
        if unsent:
            wanted.add(Outcome.UNSENT)
        found = _source(path, notes, source)
        if chunks:
            _check_unchanged(found, chunks, settings)
        max_bytes = int(notes.get("max_bytes", DEFAULT_MAX_BYTES))
        lines = (encode_reject(reject, found.name) for reject in lines_of(found, chunks, wanted, max_bytes))
        _write_lines(lines, path, code, as_json=as_json)
    elif as_json:
        report = {**_report(path, chunks, notes, runs), "exit_code": int(code)}
        write_json(report)
    else:
        _print(path, chunks, notes, runs)
    return code


def resolve_lines(
    path: Path, lines: str, settled_as: Literal["accepted", "unsent"], source: Path | None, *, as_json: bool
) -> ExitCode:
    """Settle lines that are unknown, once somebody has found out whether they were accepted.

    Args:
        path: The ledger.
        lines: The first and the last line, such as ``10-20``, or one line.
        settled_as: Whether they were accepted, or are to be sent again.
        source: The current path of the source; None for the path that was sent.
        as_json: Whether to write JSON.

    Returns:
        The exit code.

    Raises:
        ValueError: The lines are not exactly those of unknown requests, or the source cannot be found.
        LedgerError: The ledger cannot be read or written.
    """
    begin, _, end = lines.partition("-")
    if not begin.isdecimal() or not (end or begin).isdecimal():
        raise ValueError(f"--lines is {lines!r}, and must be a range such as 10-20, or one line")
    first, last = int(begin), int(end or begin)
    if not path.is_file():
        raise ValueError(f"there is no ledger {path}")
    with Ledger(path) as ledger:
        chunks, notes = ledger.chunks(), ledger.notes()
        found = _source(path, notes, source)
        if chunks:
            _check_unchanged(found, chunks, ledger.settings())
        unknown = _unknown_lines(found, chunks, int(notes.get("max_bytes", DEFAULT_MAX_BYTES)))
        starts = {lines.start: position.start for lines, position in unknown}
        stops = {lines.stop: position.stop for lines, position in unknown}
        if first not in starts or last + 1 not in stops:
            there_are = ", ".join(f"{of[0]}-{of[-1]}" for of, _ in unknown[:_LISTED]) or "none"
            more = f" and {len(unknown) - _LISTED:,} more" if len(unknown) > _LISTED else ""
            raise ValueError(
                f"lines {first} to {last} cannot be settled: give whole unknown requests; these are lines "
                f"{there_are}{more}"
            )
        outcome = Outcome(settled_as)
        ledger.resolve(range(starts[first], stops[last + 1]), outcome)
    said: dict[str, object] = {"ledger": str(path), "lines": [first, last], "outcome": outcome.value}
    if as_json:
        write_json({**said, "exit_code": int(ExitCode.OK)})
    else:
        write_lines([f"{path}: lines {first} to {last} are now recorded as {outcome}"])
    return ExitCode.OK


def _unknown_lines(source: Source, chunks: list[LedgerChunk], max_bytes: int) -> list[tuple[range, range]]:
    """Return the lines and the positions of each unknown chunk."""
    lines: dict[Failure, range] = {}
    for reject in lines_of(source, chunks, {Outcome.UNKNOWN}, max_bytes):
        line, chunk = reject.row.line, reject.failure
        if chunk is not None:
            lines[chunk] = range(lines.get(chunk, range(line, line)).start, line + 1)
    return [(of, range(chunk.first, chunk.last + 1)) for chunk, of in lines.items()]


def _check_unchanged(source: Source, chunks: list[LedgerChunk], settings: dict[str, str]) -> None:
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
        f"{source.name} is not the source that was sent: give its current path with --source"
    )


def _write_lines(lines: Iterator[bytes], path: Path, code: ExitCode, *, as_json: bool) -> None:
    """Write lines one by one, because there may be millions; as JSON, they are the elements of an array."""
    if not as_json:
        for line in lines:
            write(line)
        return
    head = as_document({"ledger": str(path), "exit_code": int(code)}).removesuffix("}")
    write(f'{head}, "lines": [')
    for number, line in enumerate(lines):
        write((b",\n" if number else b"\n") + line.removesuffix(b"\n"))
    write("\n]}\n")


def _count(chunks: list[LedgerChunk]) -> dict[Outcome, int]:
    return {outcome: sum(c.events for c in chunks if c.outcome is outcome) for outcome in Outcome}


def _report(
    path: Path, chunks: list[LedgerChunk], notes: dict[str, str], runs: list[LedgerRun]
) -> dict[str, object]:
    return {
        "ledger": str(path),
        "source": notes.get("source"),
        "read_to_its_end": {"yes": True, "no": False}.get(notes.get(READ, "")),
        "runs": [
            {"started_at": run.started_at.isoformat(), "ended_at": run.ended_at and run.ended_at.isoformat()}
            for run in runs
        ],
        "events": {outcome.value: count for outcome, count in _count(chunks).items()},
        "chunks": [_as_json(chunk) for chunk in chunks],
    }


def _print(path: Path, chunks: list[LedgerChunk], notes: dict[str, str], runs: list[LedgerRun]) -> None:
    lines = [f"{path}: {notes.get('source', 'unknown source')}"]
    for run in runs:
        ended = run.ended_at.isoformat(" ", "seconds") if run.ended_at else "did not finish"
        lines.append(f"  run {run.number}: {run.started_at.isoformat(' ', 'seconds')} to {ended}")
    lines += [f"  {count:,} {outcome}" for outcome, count in _count(chunks).items()]
    if notes.get(READ) == "no":
        lines.append("  The source was not read to its end.")
    write_lines(lines)
    table = Table("items", "events", "outcome", "attempts", "reason", box=None, pad_edge=False)
    for chunk in chunks:
        if chunk.outcome is not Outcome.ACCEPTED:
            items = f"{chunk.first + 1:,} to {chunk.last + 1:,}"
            table.add_row(
                items, f"{chunk.events:,}", chunk.outcome, str(chunk.attempts), escape(_reason(chunk))
            )
    if table.row_count:
        write_table(table)


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


def _source(path: Path, notes: dict[str, str], moved: Path | None) -> Source:
    where = str(moved) if moved is not None else notes.get("source")
    if where is None:
        raise ValueError(f"{path} does not record its source: give its path with --source")
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
        resend_unknown=True,
        spool=False,
    )


def _reason(chunk: LedgerChunk) -> str:
    if chunk.in_flight:
        return "in flight when its run ended: it may have been accepted"
    return chunk.error or "unknown reason"


def _code(chunks: list[LedgerChunk]) -> ExitCode:
    outcomes = {chunk.outcome for chunk in chunks}
    if outcomes & {Outcome.UNKNOWN, Outcome.UNSENT}:
        return ExitCode.UNKNOWN
    return ExitCode.REJECTED if Outcome.REJECTED in outcomes else ExitCode.OK


def _as_json(chunk: LedgerChunk) -> dict[str, object]:
    return {
        "first_item": chunk.first,
        "last_item": chunk.last,
        "events": chunk.events,
        "outcome": chunk.outcome.value,
        "in_flight": chunk.in_flight,
        "job_id": chunk.job_id,
        "attempts": chunk.attempts,
        "error": chunk.error,
    }
