"""Checks of the files that the options of a send name: they are no sources, and overwrite nothing."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from gameball.cli.options import SendCommandOptions
from gameball.cli.send.csv_rejects import check_csv_rejects, is_csv
from gameball.cli.send.expansion import is_own, stand_for
from gameball.cli.send.rejects import beside
from gameball.sources import Source


def check_names(words: Sequence[str], options: SendCommandOptions) -> None:
    """Check that no file that is written would be a source of the next run.

    Args:
        words: The sources, as given on the command line.
        options: The options of the command.

    Raises:
        ValueError: A file would be one; the message says what to do.
    """
    for name, path in _outputs(options):
        if stand_for(words, path):
            raise ValueError(f"{name} {path} would be one of the sources of the next run: use another folder")
    if options.ledger is not None and not is_own(options.ledger) and stand_for(words, options.ledger):
        raise ValueError(
            f"--ledger {options.ledger} would be one of the sources of the next run: let its name end in "
            ".ledger"
        )


def check_files_of_options(sources: Sequence[Source], options: SendCommandOptions) -> None:
    """Check the files that are written, and that a ledger can record the sources.

    Args:
        sources: The sources.
        options: The options of the command.

    Raises:
        ValueError: A file cannot be used; the message says what to do.
    """
    if options.rejects is not None:
        _check_rejects(options.rejects, sources)
    for name, path in _outputs(options):
        _check_overwrites_nothing(name, path, sources, options)
    if not options.no_ledger:
        _check_recordable(sources, options.ledger)


def _outputs(options: SendCommandOptions) -> Iterator[tuple[str, Path]]:
    if options.rejects is not None:
        yield "--rejects", options.rejects
    if options.log_file is not None:
        yield "--log-file", options.log_file


def _check_rejects(rejects: Path, sources: Sequence[Source]) -> None:
    if rejects.is_symlink() or (rejects.exists() and not rejects.is_file()):
        raise ValueError(f"--rejects {rejects} is not a regular file: use a regular file or a new name")
    if is_csv(rejects):
        check_csv_rejects(rejects, sources)
    for source in sources:
        if source.path is not None and not source.path.is_file():
            raise ValueError(
                f"{source.path} can be read only once: to use --rejects, save it to a file or send it as -"
            )


def _check_overwrites_nothing(
    name: str, path: Path, sources: Sequence[Source], options: SendCommandOptions
) -> None:
    """Check that an option names a file of its own. Without its ledger, a source would be sent again."""
    files = [source.path for source in sources if source.path is not None]
    if any(_same(file, path) for file in files):
        raise ValueError(f"{name} is the source: use another file")
    ledgers = [beside(file.resolve()) for file in files]
    if options.ledger is not None:
        ledgers.append(options.ledger)
    if any(_same(ledger, path) for ledger in ledgers):
        raise ValueError(f"{name} is the ledger: use another file")
    if name == "--log-file" and options.rejects is not None and _same(options.rejects, path):
        raise ValueError("--log-file is the file of --rejects: use another file")


def _same(path: Path, other: Path) -> bool:
    return path.resolve() == other.resolve() or (path.exists() and other.exists() and path.samefile(other))


def _check_recordable(sources: Sequence[Source], ledger: Path | None) -> None:
    """Check that a ledger, which stores text, can record where the sources and itself are."""
    paths = [source.path for source in sources if source.path is not None]
    if ledger is not None:
        paths.append(ledger)
    # There may be a hundred thousand files, and finding out where a path leads takes long.
    folders = {path.parent for path in paths}
    linked = [path for path in paths if path.is_symlink()]
    for name in (*paths, *(path.resolve() for path in (*folders, *linked))):
        try:
            str(name).encode()
        except UnicodeEncodeError:
            raise ValueError(
                f"{name} has a name that is not UTF-8, which no ledger can record: rename the file or folder"
            ) from None
