"""The ledger of a source: where it is, what it notes about the source, and whether it is the right one."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import attrs

from gameball.cli.options import SendCommandOptions
from gameball.cli.send.rejects import beside
from gameball.cli.send.same_content import (
    CONTENT,
    QUERY_HASH,
    LedgerContents,
    SentFile,
    hash_query,
    identify,
)
from gameball.cli.send.several_files import FILES, arrange, check_files, name_in_ledger
from gameball.errors import LedgerMismatchError
from gameball.ledger.store import LedgerStore
from gameball.sources import Source
from gameball.sources.joined import JoinedSource, join_sources


def describe_source(
    source: Source | JoinedSource, options: SendCommandOptions, ledger: Path
) -> dict[str, str]:
    """Return the options that ``gameball ledger show`` needs to read a source in the same way.

    Args:
        source: The source.
        options: The options of the command.
        ledger: The ledger that notes them.
    """
    one = source if isinstance(source, Source) else source.files[0]
    described = {
        "map": ",".join(f"{name}={column}" for name, column in one.rename.items()),
        "types": ",".join(f"{column}={kind}" for column, kind in one.types.items()),
        "constants": json.dumps(dict(one.constants)),
        "select": json.dumps(one.select),
        "drop": json.dumps(one.drop),
        "dialect": json.dumps(attrs.asdict(one.dialect)),
        "max_bytes": str(options.max_bytes),
        QUERY_HASH: hash_query(one.query),
    }
    if isinstance(source, JoinedSource):
        return {**described, "format": options.format or "", CONTENT: "", **describe_files(source, ledger)}
    return {
        **described,
        "source": "-" if source.path is None else str(source.path.absolute()),
        "format": source.format,
        CONTENT: ("" if source.path is None else identify(source.path)) or "",
        FILES: "",
    }


def describe_files(source: JoinedSource, ledger: Path) -> dict[str, str]:
    """Return the names of all files, so that ``gameball ledger show`` knows those that were not begun."""
    names = [name_in_ledger(file.path or Path(), ledger) for file in source.files]
    return {"source": source.name, FILES: json.dumps(names)}


def is_of_another_query(source: Source | JoinedSource, ledger: LedgerStore) -> bool:
    """Return whether a ledger records another query, or a query although the source is not one."""
    query = source.query if isinstance(source, Source) else None
    return not ledger.is_empty() and ledger.notes().get(QUERY_HASH, "") != hash_query(query)


def check_query(source: Source | JoinedSource, ledger: LedgerStore) -> None:
    """Check that a ledger is not that of another query, even if both give the same rows at first.

    Raises:
        LedgerMismatchError: It is.
    """
    if is_of_another_query(source, ledger):
        raise LedgerMismatchError(
            "the ledger records another query or source: use another ledger, or repeat the query exactly"
        )


def fit_to_ledger(source: Source | JoinedSource, store: LedgerStore, path: Path) -> Source | JoinedSource:
    """Return a source as it is to be read for its ledger.

    Args:
        source: The source.
        store: Its ledger, or a copy of it.
        path: The path of its ledger.

    Returns:
        Files in the order in which the ledger records them; any other source as it is.

    Raises:
        LedgerMismatchError: The ledger was made for other sources, or a recorded file has changed.
        ValueError: The ledger records files, and the source is standard input or a pipe.
    """
    check_query(source, store)
    if isinstance(source, Source):
        if not store.files():
            return source
        check_files([source])
        source = join_sources([source])
    return arrange(source, store, path)


def check_not_sent_under_another_name(sources: Sequence[Source], options: SendCommandOptions) -> None:
    """Check that no file without a ledger is a copy of another one, or was sent with others in one ledger.

    Raises:
        ValueError: It is, so its events may have been sent. The message says what to decide.
    """
    contents = LedgerContents()
    given: dict[tuple[Path, str], Source] = {}
    for source in sources:
        ledger = ledger_path(source, options)
        if ledger is None or source.path is None or ledger.exists():
            continue
        content = identify(source.path)
        if content is None:
            continue
        sent = contents.find(source.path.resolve(), content)
        if sent is not None:
            raise ValueError(
                f"{_describe_sent(source, sent)}; to send the events of {source.name} in any case, first: "
                f"{_command(source, ledger)}"
            )
        twin = given.setdefault((ledger.parent, content), source)
        if twin is not source:
            raise ValueError(
                f"{source.name} has the same content as {twin.name}: if it is a copy, leave it out; to send "
                "both, send all files with one ledger, --ledger FILE, or these two first: "
                f"{_command(twin, beside((twin.path or Path()).resolve()))} && {_command(source, ledger)}"
            )


def _describe_sent(source: Source, sent: SentFile) -> str:
    """Return what a ledger records of a file or of its twin, and how to go on."""
    if sent.one_of_several:
        same = source.path is not None and source.path.resolve() == sent.source
        what = "was sent" if same else f"has the same content as {sent.source}, which was sent"
        return (
            f"{source.name} {what} with other files and the ledger {sent.ledger}: to continue, send all of "
            "them with that ledger again"
        )
    return (
        f"{source.name} has the same content as {sent.source}, which was sent with the ledger {sent.ledger}: "
        f"if it is a copy, leave it out; if {sent.source.name} was renamed, continue with: "
        f"{_command(source, sent.ledger)}"
    )


def _command(source: Source, ledger: Path) -> str:
    return f"gameball send {shlex.quote(source.name)} --ledger {shlex.quote(str(ledger))}"


def ledger_path(source: Source | JoinedSource, options: SendCommandOptions) -> Path | None:
    """Return the path of the ledger of a source, or None without one."""
    if options.no_ledger:
        return None
    # A source that can be read only once, such as a pipe, cannot be resumed.
    if options.ledger is not None or isinstance(source, JoinedSource) or not source.is_file:
        return options.ledger
    # A link to a file is the same source.
    return beside((source.path or Path()).resolve())
