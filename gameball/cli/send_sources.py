"""The sources that ``gameball send`` is given, and the files that go with them."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from gameball.cli.client import parse_pairs
from gameball.cli.options import SendCommandOptions
from gameball.cli.rejects import beside
from gameball.sources import Source, find_source


def find_sources(words: Sequence[str], options: SendCommandOptions) -> list[Source]:
    """Find out how each source is to be read, and check what was said about them.

    Args:
        words: The sources, as the user named them.
        options: What else the user said.

    Raises:
        ValueError: There is no such file, or what was said does not go together; the text has the cure.
    """
    renames = parse_pairs(options.map, "--map")
    types = parse_pairs(options.types, "--types")
    if options.ledger is not None and options.no_ledger:
        raise ValueError("--ledger and --no-ledger contradict each other")
    if options.ledger is not None and len(words) > 1:
        raise ValueError("--ledger is the record of one source: send them one by one, or leave it out")
    if any(_same(Path(one), Path(other)) for one, other in itertools.combinations(words, 2)):
        raise ValueError("a source is named twice, and would be sent twice")
    sources = [
        find_source(
            word,
            format=options.format,
            rename=renames,
            types=types,
            resend_unknown=options.on_unknown == "resend",
            spool=options.rejects is not None,
        )
        for word in words
    ]
    for source in sources:
        if source.path is not None and not source.path.exists():
            raise ValueError(f"there is no file {source.path}")
    if options.rejects is not None:
        _check_rejects(options.rejects, sources, options.ledger)
    if not options.wait_timeout > 0:
        raise ValueError(f"--wait-timeout is {options.wait_timeout:g}, and must be positive")
    return sources


def _check_rejects(rejects: Path, sources: Sequence[Source], ledger: Path | None) -> None:
    if rejects.is_symlink() or (rejects.exists() and not rejects.is_file()):
        raise ValueError(f"--rejects {rejects} is no regular file; name one, or one that is not there yet")
    if ledger is not None and _same(ledger, rejects):
        raise ValueError("--rejects is the ledger: name another file")
    for source in sources:
        if source.path is None:
            continue
        if not source.path.is_file():
            raise ValueError(f"{source.path} can be read only once: for --rejects save it, or send it as -")
        if _same(source.path, rejects):
            raise ValueError("--rejects is the source itself")
        # Without its ledger, everything would be sent again.
        if _same(beside(source.path), rejects):
            raise ValueError("--rejects is the ledger: name another file")


def _same(path: Path, other: Path) -> bool:
    return path.resolve() == other.resolve() or (path.exists() and other.exists() and path.samefile(other))


def ledger_path(source: Source, options: SendCommandOptions) -> Path | None:
    """Return where the ledger of a source is, or None where it has none."""
    if options.no_ledger:
        return None
    # What is read only once, such as a pipe, cannot be sent again to resume.
    if options.ledger is not None or source.path is None or not source.path.is_file():
        return options.ledger
    return beside(source.path)
