"""The ledger of a source: where it is, what it notes about the source, and whether it is the right one."""

import json
import shlex
from pathlib import Path

import attrs

from gameball.cli.options import SendCommandOptions
from gameball.cli.send.rejects import beside
from gameball.cli.send.same_content import (
    CONTENT,
    QUERY_HASH,
    LedgerContents,
    hash_query,
    identify,
)
from gameball.errors import LedgerMismatchError
from gameball.ledger.store import LedgerStore
from gameball.sources import Source


def describe_source(source: Source, options: SendCommandOptions) -> dict[str, str]:
    """Return the options that ``gameball ledger show`` needs to read a source in the same way."""
    return {
        "source": "-" if source.path is None else str(source.path.absolute()),
        "format": source.format,
        "map": ",".join(f"{name}={column}" for name, column in source.rename.items()),
        "types": ",".join(f"{column}={kind}" for column, kind in source.types.items()),
        "constants": json.dumps(dict(source.constants)),
        "select": json.dumps(source.select),
        "drop": json.dumps(source.drop),
        "dialect": json.dumps(attrs.asdict(source.dialect)),
        "max_bytes": str(options.max_bytes),
        CONTENT: ("" if source.path is None else identify(source.path)) or "",
        QUERY_HASH: hash_query(source.query),
    }


def is_of_another_query(source: Source, ledger: LedgerStore) -> bool:
    """Return whether a ledger records another query, or a query although the source is not one."""
    return not ledger.is_empty() and ledger.notes().get(QUERY_HASH, "") != hash_query(source.query)


def check_query(source: Source, ledger: LedgerStore) -> None:
    """Check that a ledger is not that of another query, even if both give the same rows at first.

    Raises:
        LedgerMismatchError: It is.
    """
    if is_of_another_query(source, ledger):
        raise LedgerMismatchError(
            "the ledger records another query or source: use another ledger, or repeat the query exactly"
        )


def check_not_sent_under_another_name(source: Source, ledger: Path, contents: LedgerContents) -> None:
    """Check that a source without a ledger is not a copy of one that has a ledger.

    Raises:
        ValueError: It is, so its events may have been sent. The message says what to decide.
    """
    if ledger.exists() or source.path is None:
        return
    other = contents.find(source.path, ledger)
    if other is not None:
        raise ValueError(
            f"{source.name} has the same content as a file that was sent with the ledger {other}: to "
            f"continue that send, pass --ledger {shlex.quote(str(other))}; to send everything again, pass "
            f"--ledger {shlex.quote(str(ledger))}"
        )


def ledger_path(source: Source, options: SendCommandOptions) -> Path | None:
    """Return the path of the ledger of a source, or None without one."""
    if options.no_ledger:
        return None
    # A source that can be read only once, such as a pipe, cannot be resumed.
    if options.ledger is not None or source.path is None or not source.path.is_file():
        return options.ledger
    # A link to a file is the same source.
    return beside(source.path.resolve())
