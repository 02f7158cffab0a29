"""``gameball ledger rebind`` and ``gameball ledger resolve``."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gameball.chunking.limits import DEFAULT_MAX_BYTES
from gameball.cli.client import account_fingerprint
from gameball.cli.exit_codes import ExitCode
from gameball.cli.ledger.sent_source import check_unchanged, lines_of, source_of
from gameball.cli.output import write_json, write_lines
from gameball.cli.send.several_files import FILES
from gameball.ledger.store import LedgerStore
from gameball.receipts import Outcome

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
    path: Path,
    lines: str | None,
    items: str | None,
    resolved_as: Literal["accepted", "unsent"],
    source: Path | None,
    *,
    as_json: bool,
) -> ExitCode:
    """Settle unknown lines or items, once it is known whether they were accepted.

    Args:
        path: The ledger.
        lines: The first and the last line, such as ``10-20``, or one line; or None.
        items: The first and the last item, counted from 1 through all files; or None.
        resolved_as: Whether they were accepted, or are to be sent again.
        source: The current path of the source; None for the path that was sent.
        as_json: Whether to write JSON.

    Returns:
        The exit code.

    Raises:
        ValueError: They are not exactly those of unknown requests, or the source cannot be found.
        LedgerError: The ledger cannot be read or written.
    """
    unit, given = ("lines", lines) if items is None else ("items", items)
    if given is None or None not in {lines, items}:
        raise ValueError("give either --lines or --items")
    begin, _, end = given.partition("-")
    if not begin.isdecimal() or not (end or begin).isdecimal():
        raise ValueError(f"--{unit} must be a range such as 10-20, or one {unit[:-1]}, got {given!r}")
    first, last = int(begin), int(end or begin)
    if not path.is_file():
        raise ValueError(f"there is no ledger {path}")
    with LedgerStore(path) as ledger:
        unknown = _unknown_items(ledger) if unit == "items" else _unknown_lines(ledger, path, source)
        starts = {lines.start: position.start for lines, position in unknown}
        stops = {lines.stop: position.stop for lines, position in unknown}
        if first not in starts or last + 1 not in stops:
            there_are = ", ".join(f"{of[0]}-{of[-1]}" for of, _ in unknown[:_LISTED])
            more = f" and {len(unknown) - _LISTED:,} more" if len(unknown) > _LISTED else ""
            cure = f"give all {unit} of one or more unknown requests, which are: {there_are}{more}"
            problem = cure if unknown else f"no {unit} are unknown"
            raise ValueError(f"{unit} {first} to {last} cannot be resolved: {problem}")
        outcome = Outcome(resolved_as)
        ledger.resolve(range(starts[first], stops[last + 1]), outcome)
    said: dict[str, object] = {"ledger": str(path), unit: [first, last], "outcome": outcome.value}
    if as_json:
        write_json({**said, "exit_code": int(ExitCode.OK)})
    else:
        write_lines([f"{path}: {unit} {first} to {last} are now recorded as {outcome}"])
    return ExitCode.OK


def _unknown_items(ledger: LedgerStore) -> list[tuple[range, range]]:
    """Return the items, counted from 1, and the positions of each unknown chunk."""
    return [
        (range(chunk.first + 1, chunk.last + 2), range(chunk.first, chunk.last + 1))
        for chunk in ledger.chunks(Outcome.UNKNOWN)
    ]


def _unknown_lines(ledger: LedgerStore, path: Path, source: Path | None) -> list[tuple[range, range]]:
    """Return the lines and the positions of each unknown chunk."""
    chunks, notes = ledger.chunks(), ledger.notes()
    if notes.get(FILES):
        raise ValueError(
            f"{path} records several files: use --items, which count through all of them and are shown by "
            "`gameball ledger show`"
        )
    found = source_of(path, notes, source)
    if chunks:
        check_unchanged(found, chunks, ledger.settings())
    lines: dict[Failure, range] = {}
    max_bytes = int(notes.get("max_bytes", DEFAULT_MAX_BYTES))
    for reject in lines_of(found, chunks, {Outcome.UNKNOWN}, max_bytes):
        line, chunk = reject.row.line, reject.failure
        if chunk is not None:
            lines[chunk] = range(lines.get(chunk, range(line, line)).start, line + 1)
    return [(of, range(chunk.first, chunk.last + 1)) for chunk, of in lines.items()]
