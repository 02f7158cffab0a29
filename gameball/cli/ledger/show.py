"""``gameball ledger show``: the recorded outcomes of a source, and its lines in a form to send."""

from pathlib import Path

from attrs import frozen
from rich.table import Table

from gameball.chunking.limits import DEFAULT_MAX_BYTES
from gameball.cli.exit_codes import ExitCode
from gameball.cli.ledger.sent_source import check_unchanged, lines_of, reason_of, source_of
from gameball.cli.output import escape, write_json, write_lines, write_rows, write_table
from gameball.cli.send.places import Place, add_row
from gameball.cli.send.places import as_json as place_as_json
from gameball.cli.send.rejects import encode_reject, find_rejects
from gameball.cli.send.same_content import CONTENT, QUERY_HASH, identify, path_in_ledger
from gameball.cli.send.several_files import EMPTY, FILES
from gameball.cli.send.tally import READ, Failure
from gameball.ledger.recorded_files import RecordedFile
from gameball.ledger.records import LedgerChunk, LedgerRun
from gameball.ledger.snapshot import reading
from gameball.ledger.store import LedgerStore
from gameball.receipts import Outcome

#: The lines of a chunk, by its first position.
_Places = dict[int, Place]


@frozen
class _Contents:
    """What is shown of a ledger.

    Args:
        path: The ledger.
        chunks: The chunks to show.
        counts: The number of events with each outcome, of all chunks.
        notes: What the sends noted about their source.
        runs: The sends that used the ledger.
        files: The files that were begun, if it is of several files.
        in_use: Whether a send is using it.
    """

    path: Path
    chunks: list[LedgerChunk]
    counts: dict[Outcome, int]
    notes: dict[str, str]
    runs: list[LedgerRun]
    files: list[RecordedFile]
    in_use: bool

    def exit_code(self) -> ExitCode:
        """Return 3 or 4 if something was not accepted."""
        outcomes = {chunk.outcome for chunk in self.chunks}
        unfinished = self.runs and (self.notes.get(READ) == "no" or self.runs[-1].ended_at is None)
        if unfinished or outcomes & {Outcome.UNKNOWN, Outcome.UNSENT}:
            return ExitCode.UNKNOWN
        return ExitCode.REJECTED if Outcome.REJECTED in outcomes else ExitCode.OK

    def report(self, places: _Places) -> dict[str, object]:
        """Return what is written as JSON."""
        return {
            "ledger": str(self.path),
            "source": self.notes.get("source"),
            "files": [
                {"source": str(path_in_ledger(file.name, self.path)), "first_item": file.first}
                for file in self.files
            ],
            "in_use": self.in_use,
            "read_to_its_end": {"yes": True, "no": False}.get(self.notes.get(READ, "")),
            "runs": [
                {
                    "started_at": run.started_at.isoformat(),
                    "ended_at": run.ended_at and run.ended_at.isoformat(),
                }
                for run in self.runs
            ],
            "events": {outcome.value: count for outcome, count in self.counts.items()},
            "chunks": [_as_json(chunk, places) for chunk in self.chunks],
            "exit_code": int(self.exit_code()),
        }

    def print(self, places: _Places) -> None:
        """Write the runs, the counts, and a table of the chunks that were not accepted."""
        source = "a query" if self.notes.get(QUERY_HASH) else self.notes.get("source", "unknown source")
        text = [f"{self.path}: {source}"]
        for run in self.runs:
            ended = f" to {run.ended_at.isoformat(' ', 'seconds')}" if run.ended_at else self._why_open(run)
            text.append(f"  run {run.number}: {run.started_at.isoformat(' ', 'seconds')}{ended}")
        text += [f"  {count:,} {outcome}" for outcome, count in self.counts.items()]
        if self.notes.get(READ) == "no":
            what = "files were not read to their" if self.notes.get(FILES) else "source was not read to its"
            text.append(f"  The {what} end.")
        write_lines(text)
        # Counted from 1, as in the report of the send.
        several = bool(self.notes.get(FILES))
        what = "items" if several or not places else "lines"
        heads = (what, "events", "outcome", "attempts", *(["lines"] if several else []), "reason")
        table = Table(*heads, box=None, pad_edge=False)
        for chunk in self.chunks:
            if chunk.outcome is not Outcome.ACCEPTED:
                place = places.get(chunk.first)
                first, last = chunk.first + 1, chunk.last + 1
                if place is not None and not several:
                    first, last = place.first_line, place.last_line
                where = [escape("" if place is None else place.describe(""))] if several else []
                table.add_row(
                    f"{first:,} to {last:,}",
                    f"{chunk.events:,}",
                    chunk.outcome,
                    str(chunk.attempts),
                    *where,
                    "in flight" if self._is_in_flight(chunk) else escape(reason_of(chunk)),
                )
        if table.row_count:
            write_table(table)

    def _why_open(self, run: LedgerRun) -> str:
        return ", is running" if self.in_use and run is self.runs[-1] else ", did not end normally"

    def _is_in_flight(self, chunk: LedgerChunk) -> bool:
        """Return whether a chunk is in a request of the send that is using the ledger."""
        return self.in_use and chunk.in_flight and chunk.run == self.runs[-1].number


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
            files=ledger.files(),
            # Of a ledger in use, a copy is read.
            in_use=ledger.path != path,
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
        rows = (encode_reject(reject).removesuffix(b"\n") for reject in rejects)
        write_rows(rows, {"ledger": str(path), "exit_code": int(code)} if as_json else None, "lines")
    else:
        places = _find_places(contents, source)
        if as_json:
            write_json(contents.report(places))
        else:
            contents.print(places)
    return code


def _find_places(contents: _Contents, moved: Path | None) -> _Places:
    """Return the lines of the chunks that were not accepted; none if the source has changed or is gone."""
    notes = contents.notes
    failed = [chunk for chunk in contents.chunks if chunk.outcome is not Outcome.ACCEPTED]
    where = str(moved) if moved is not None else notes.get("source", "-")
    if not failed or where == "-" or not _is_there(contents, where):
        return {}
    source = source_of(contents.path, notes, moved)
    failures = [Failure(c.first, c.last, c.outcome, "", c.events) for c in failed]
    max_bytes = int(notes.get("max_bytes", DEFAULT_MAX_BYTES))
    places: _Places = {}
    for reject in find_rejects(source, failures, [], failed[-1].last + 1, max_bytes):
        if reject.failure is not None:
            first = reject.failure.first
            places[first] = add_row(places.get(first), reject.row)
    return places


def _is_there(contents: _Contents, where: str) -> bool:
    """Return whether the source can be read, and has not changed as far as that is easily seen."""
    if not contents.notes.get(FILES):
        return identify(Path(where)) == contents.notes.get(CONTENT)
    paths = {path_in_ledger(file.name, contents.path): file.content for file in contents.files}
    return all(
        path.is_file() and content in {None, identify(path) or EMPTY} for path, content in paths.items()
    )


def _not_accepted(ledger: LedgerStore) -> list[LedgerChunk]:
    outcomes = (Outcome.REJECTED, Outcome.UNKNOWN, Outcome.UNSENT)
    chunks = [chunk for outcome in outcomes for chunk in ledger.chunks(outcome)]
    return sorted(chunks, key=lambda chunk: chunk.first)


def _as_json(chunk: LedgerChunk, places: _Places) -> dict[str, object]:
    place = places.get(chunk.first)
    return {
        "first_item": chunk.first,
        "last_item": chunk.last,
        **place_as_json(place),
        "events": chunk.events,
        "outcome": chunk.outcome.value,
        "in_flight": chunk.in_flight,
        "job_id": chunk.job_id,
        "attempts": chunk.attempts,
        "error": chunk.error,
    }
