"""``gameball ledger rebind`` and ``gameball ledger resolve``."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gameball.chunking.limits import DEFAULT_MAX_BYTES
from gameball.cli.client import account_fingerprint
from gameball.cli.exit_codes import ExitCode
from gameball.cli.ledger.show import check_unchanged, lines_of, source_of
from gameball.cli.output import write_json, write_lines
from gameball.ledger.records import LedgerChunk
from gameball.ledger.store import LedgerStore
from gameball.receipts import Outcome
from gameball.sources import Source

if TYPE_CHECKING:
    from gameball.cli.send.tally import Failure

# How many ranges of lines an error lists.
_LISTED = 5


def rebind_ledger(path: Path, *, env_file: Path | None, as_json: bool) -> ExitCode:
    """Let a ledger continue with the present API key of the same account.

    Args:
        path: The ledger.
        env_file: A file with the keys, or None for the environment.
        as_json: Whether to write JSON.

    Raises:
        ValueError: The ledger does not exist.
        MissingCredentialsError: The keys are missing.
        LedgerError: The ledger cannot be used.
    """
    if not path.is_file():
        raise ValueError(f"there is no ledger {path}")
    fingerprint = account_fingerprint(env_file)
    with LedgerStore(path) as ledger:
        ledger.rebind(fingerprint)
    if as_json:
        write_json({"ledger": str(path), "exit_code": int(ExitCode.OK)})
    else:
        write_lines([f"{path} is now bound to the current API key."])
    return ExitCode.OK


def resolve_lines(
    path: Path, lines: str, settled_as: Literal["accepted", "unsent"], source: Path | None, *, as_json: bool
) -> ExitCode:
    """Settle unknown lines, once it is known whether they were accepted.

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
        raise ValueError(f"--lines must be a range such as 10-20, or one line, got {lines!r}")
    first, last = int(begin), int(end or begin)
    if not path.is_file():
        raise ValueError(f"there is no ledger {path}")
    with LedgerStore(path) as ledger:
        chunks, notes = ledger.chunks(), ledger.notes()
        found = source_of(path, notes, source)
        if chunks:
            check_unchanged(found, chunks, ledger.settings())
        unknown = _unknown_lines(found, chunks, int(notes.get("max_bytes", DEFAULT_MAX_BYTES)))
        starts = {lines.start: position.start for lines, position in unknown}
        stops = {lines.stop: position.stop for lines, position in unknown}
        if first not in starts or last + 1 not in stops:
            there_are = ", ".join(f"{of[0]}-{of[-1]}" for of, _ in unknown[:_LISTED])
            more = f" and {len(unknown) - _LISTED:,} more" if len(unknown) > _LISTED else ""
            cure = f"give all lines of one or more unknown requests, which are: {there_are}{more}"
            raise ValueError(
                f"lines {first} to {last} cannot be settled: {cure if unknown else 'no lines are unknown'}"
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
