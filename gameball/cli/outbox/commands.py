"""``gameball outbox schema``, ``status``, ``show`` and ``resolve``."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import orjson

from gameball.cli.client import load_env_file
from gameball.cli.exit_codes import ExitCode
from gameball.cli.outbox.database_option import DatabaseUrl
from gameball.cli.output import write, write_json, write_lines, write_rows
from gameball.outbox import FailedRow, Outbox
from gameball.receipts import Outcome


def open_outbox(database: DatabaseUrl | None, env_file: Path | None) -> Outbox:
    """Return the outbox in a database.

    Args:
        database: The URL, or None for ``GAMEBALL_OUTBOX_DATABASE`` from the environment.
        env_file: A file of ``NAME=value`` lines, which override the environment; or None.

    Raises:
        ValueError: The URL is not given or not valid, or the file does not exist.
    """
    load_env_file(env_file)
    url = os.environ.get("GAMEBALL_OUTBOX_DATABASE") if database is None else database.url
    if not url:
        raise ValueError("give the database with --database or GAMEBALL_OUTBOX_DATABASE")
    try:
        return Outbox(url)
    finally:
        del url  # it may hold a password, which a traceback with locals would show


def print_schema(database: DatabaseUrl | None, env_file: Path | None, *, as_json: bool) -> ExitCode:
    """Print the statements that create the tables."""
    statements = open_outbox(database, env_file).schema()
    if as_json:
        write_json({"statements": statements, "exit_code": int(ExitCode.OK)})
    else:
        write("\n".join(f"{statement};\n" for statement in statements))
    return ExitCode.OK


def show_status(database: DatabaseUrl | None, env_file: Path | None, *, as_json: bool) -> ExitCode:
    """Count the events by outcome. The exit code is 4 if some are unknown, 3 if some were rejected."""
    with open_outbox(database, env_file) as outbox:
        found = outbox.status()
    code = ExitCode.UNKNOWN if found.unknown else ExitCode.REJECTED if found.rejected else ExitCode.OK
    counts = {
        name: getattr(found, name) for name in ("accepted", "rejected", "unknown", "in_flight", "waiting")
    }
    if as_json:
        oldest = found.oldest and found.oldest.isoformat()
        write_json({**counts, "oldest": oldest, "deliverer": found.holder, "exit_code": int(code)})
        return code
    lines = [f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items()]
    if found.oldest is not None:
        lines.append(
            f"The oldest event without an outcome was added at {found.oldest.isoformat(' ', 'seconds')}."
        )
    lines.append(f"Delivered by {found.holder}." if found.holder else "No process is delivering it.")
    if found.unknown:
        lines.append("See: gameball outbox show --unknown")
    write_lines(lines)
    return code


def show_failed(
    database: DatabaseUrl | None, env_file: Path | None, *, unknown: bool, rejected: bool, as_json: bool
) -> ExitCode:
    """Print the events that are kept, a JSON object per row; with ``as_json``, one document."""
    wanted = [Outcome.UNKNOWN] * unknown + [Outcome.REJECTED] * rejected
    with open_outbox(database, env_file) as outbox:
        rows = _rows(row for outcome in wanted for row in outbox.failed(outcome))
        write_rows(rows, {"exit_code": int(ExitCode.OK)} if as_json else None, "events")
    return ExitCode.OK


def _rows(rows: Iterable[FailedRow]) -> Iterator[bytes]:
    for row in rows:
        yield orjson.dumps(
            {
                "id": row.id,
                "customer_id": row.customer_id,
                "events": _as_json(row.events),
                "added_at": row.created_at,
                "outcome": row.outcome,
                "reason": row.reason,
            }
        )


def _as_json(events: str) -> orjson.Fragment | str:
    try:
        orjson.loads(events)
    except orjson.JSONDecodeError:
        return events  # written by hand, and rejected for that reason
    # As it was stored: decoding a number and encoding it again could change it.
    return orjson.Fragment(events)


def resolve_events(
    database: DatabaseUrl | None,
    env_file: Path | None,
    ids: Sequence[int] | None,
    resolved_as: Literal["accepted", "unsent"],
    *,
    rejected: bool,
    as_json: bool,
) -> ExitCode:
    """Settle unknown or rejected events.

    Args:
        database: The URL of the database, or None for the environment.
        env_file: A file for the environment, or None.
        ids: The ids of the events; None for all.
        resolved_as: Whether they were accepted, or are to be sent again.
        rejected: Whether they were rejected, instead of unknown.
        as_json: Whether to write JSON.

    Raises:
        ValueError: No id is given.
        OutboxError: They do not have that outcome, or the database cannot be written.
    """
    if ids is not None and not ids:
        raise ValueError("give the ids of the events, or --all")
    found = Outcome.REJECTED if rejected else Outcome.UNKNOWN
    with open_outbox(database, env_file) as outbox:
        count = outbox.resolve(ids, Outcome(resolved_as), found=found)
    if as_json:
        write_json({"resolved": count, "as": resolved_as, "exit_code": int(ExitCode.OK)})
    else:
        then = "counted as accepted" if resolved_as == "accepted" else "waiting again, and will be sent"
        write_lines([f"{count:,} {found} {'event is' if count == 1 else 'events are'} {then}."])
    return ExitCode.OK
