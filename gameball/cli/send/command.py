"""``gameball send``: find the sources, and send one after the other."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from gameball.cli.client import open_client
from gameball.cli.exit_codes import ExitCode, worst
from gameball.cli.interrupts import Interrupts
from gameball.cli.log_file import logging_to
from gameball.cli.option_values import parse_duration, parse_pairs, parse_rate_limits, split_commas
from gameball.cli.options import SendCommandOptions
from gameball.cli.output import write_error
from gameball.cli.send.dry_run import run_dry
from gameball.cli.send.expansion import expand, stands_for_files
from gameball.cli.send.file_checks import check_files_of_options, check_names
from gameball.cli.send.one_source import SourceSend
from gameball.cli.send.rejects import RejectsFile
from gameball.cli.send.several_files import check_files
from gameball.cli.send.source_ledger import check_not_sent_under_another_name
from gameball.cli.send.summary import print_results
from gameball.errors import (
    GameballError,
)
from gameball.sources import Source, find_source
from gameball.sources.csv.dialect import Dialect
from gameball.sources.joined import JoinedSource, join_sources
from gameball.sources.tables.sql import explain_order


def find_sources(words: Sequence[str], options: SendCommandOptions) -> list[Source]:
    """Find out how to read each source, and check the options.

    Args:
        words: The sources, as given on the command line.
        options: The options of the command.

    Raises:
        ValueError: A file does not exist, or options contradict each other; the message says what to do.
    """
    check_names(words, options)
    words = expand(words)
    renames = parse_pairs(options.map, "--map")
    types = parse_pairs(options.types, "--types")
    if options.ledger is not None and options.no_ledger:
        raise ValueError("--ledger and --no-ledger cannot be used together")
    _check_given_once(words)
    if options.sql is not None:
        sources = [_find_query(words, options, renames, types)]
    elif not words:
        raise ValueError("there is nothing to send: name a SOURCE, or give a query with --sql")
    else:
        sources = _find_files(words, options, renames, types)
    check_files_of_options(sources, options)
    if not options.wait_timeout > 0:
        raise ValueError(f"--wait-timeout is {options.wait_timeout:g} but must be positive")
    return sources


def _check_given_once(words: Sequence[str]) -> None:
    """Check that no file is given twice, even under two names. There may be thousands of files."""
    seen: dict[object, str] = {}
    for word in words:
        path = Path(word)
        found = path.stat() if path.exists() else None
        keys: set[object] = {path.resolve()} | ({(found.st_dev, found.st_ino)} if found else set())
        for key in keys:
            if key in seen:
                raise ValueError(
                    f"a file is given twice and would be sent twice: {seen[key]} and {word} are the same"
                )
        seen |= dict.fromkeys(keys, word)


def _find_query(
    words: Sequence[str], options: SendCommandOptions, renames: Mapping[str, str], types: Mapping[str, str]
) -> Source:
    if words:
        raise ValueError("--sql and a SOURCE cannot be used together: name the files in the query")
    if options.format is not None:
        raise ValueError("--sql and --format cannot be used together: the query says how to read its files")
    query = (options.sql or "").strip()
    if options.ledger is None and not options.no_ledger:
        raise ValueError(
            "--sql needs --ledger FILE or --no-ledger, because a query has no file to put a ledger next to"
        )
    problem = None if options.no_ledger and options.rejects is None else explain_order(query)
    if problem is not None and not options.any_order:
        raise ValueError(problem)
    if problem is not None and options.rejects is not None:
        raise ValueError(
            "--rejects executes the query again to find its rows, so the query needs an ORDER BY"
        )
    return Source(
        path=None,
        format="sql",
        query=query,
        rename=renames,
        types=types,
        constants=parse_pairs(options.set, "--set"),
        select=split_commas(options.select) or None,
        drop=split_commas(options.drop) or None,
        limit=options.limit,
        resend_unknown=options.on_unknown == "resend",
    )


def _find_files(
    words: Sequence[str], options: SendCommandOptions, renames: Mapping[str, str], types: Mapping[str, str]
) -> list[Source]:
    dialect = Dialect(
        options.delimiter, options.quote, options.null, options.encoding, header=not options.no_header
    )
    sources = [
        find_source(
            word,
            format=options.format,
            rename=renames,
            types=types,
            constants=parse_pairs(options.set, "--set"),
            select=split_commas(options.select) or None,
            drop=split_commas(options.drop) or None,
            limit=options.limit,
            resend_unknown=options.on_unknown == "resend",
            spool=options.rejects is not None,
            dialect=dialect,
        )
        for word in words
    ]
    for source in sources:
        if source.path is not None and not source.path.exists():
            raise ValueError(f"there is no file {source.path}")
    return sources


def send_all(words: Sequence[str], options: SendCommandOptions, interrupts: Interrupts) -> ExitCode:
    """Send sources one after the other.

    Args:
        words: The sources, as given on the command line.
        options: The options of the command.
        interrupts: What signals do.

    Returns:
        The exit code.

    Raises:
        GameballError: The first send could not start.
        ValueError: The options contradict each other; the message says why.
    """
    found = find_sources(words, options)
    sources: Sequence[Source | JoinedSource] = found
    if options.ledger is None:
        check_not_sent_under_another_name(found, options)
    elif len(words) > 1 or any(map(stands_for_files, words)):
        # A folder is one source even if it has a single file so far.
        check_files(found)
        sources = [join_sources(found)]
    rate_limits = parse_rate_limits(options.rate_limit)
    retry_for = parse_duration(options.retry_for, "--retry-for")
    if options.dry_run:
        return run_dry(sources, options, rate_limits)
    results = []
    with ExitStack() as stack:
        log = stack.enter_context(logging_to(options.log_file))
        client = stack.enter_context(
            open_client(
                options.env_file, timeout=options.timeout, retry_for=retry_for, rate_limits=rate_limits
            )
        )
        # From here on there is a report, which an interrupt must not prevent.
        interrupts.hold()
        rejects = (
            None
            if options.rejects is None
            else stack.enter_context(RejectsFile(options.rejects, options.encoding))
        )
        for source in sources:
            sending = SourceSend(client, source, options, interrupts, rejects)
            try:
                results.append(sending.run())
            except (GameballError, OSError, ValueError) as error:
                # It could not start. If other sources were sent before, their results must be reported.
                if not results:
                    raise
                results.append(sending.refused(error))
            if sending.ends_everything:
                break
    left = sources[len(results) :]
    code = worst(*(result.code for result in results), *([ExitCode.UNKNOWN] if left else []))
    if log is not None and log.problem is not None:
        write_error(f"gameball: the log {options.log_file} is incomplete: {log.problem}")
        code = worst(code, ExitCode.USAGE)
    print_results(results, [source.name for source in left], options, rejects, code)
    return code
