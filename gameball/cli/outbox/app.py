"""The ``gameball outbox`` commands and their help. Each imports its code when it runs, as in ``cli.app``."""

from typing import Annotated, Final

from cyclopts import App, Parameter

from gameball.cli.exit_codes import ExitCode
from gameball.cli.options import ClientOptions, CommandInterrupts, ResolvedAs, epilogue
from gameball.cli.outbox.database_option import DatabaseOption

OUTBOX_EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "outbox schema": ("gameball outbox schema --database postgresql+psycopg:///",),
    "outbox run": ("gameball outbox run --database sqlite:///shop.db --until-empty",),
    "outbox status": ("gameball outbox status --database sqlite:///shop.db",),
    "outbox show": (
        "gameball outbox show --unknown --database sqlite:///shop.db",
        "gameball outbox show --rejected --database sqlite:///shop.db",
    ),
    "outbox resolve": ("gameball outbox resolve --all --as accepted --database sqlite:///shop.db",),
}


outbox_app: Final[App] = App(
    name="outbox",
    help="Deliver the events in the outbox of a database, and record whether unknown ones were accepted.",
    help_epilogue=(
        "Set GAMEBALL_OUTBOX_DATABASE instead of --database if the URL holds a password, because process "
        "lists are public. `gameball outbox run` needs the keys. `gameball --help` says where they come "
        "from, and lists the exit codes."
    ),
)
_AS_USUAL: Final = ClientOptions()


@outbox_app.command(help_epilogue=epilogue(OUTBOX_EXAMPLES["outbox schema"]))
def schema(*, database: DatabaseOption = None, options: ClientOptions = _AS_USUAL) -> ExitCode:
    """Print the statements that create the tables, for your migrations."""
    from gameball.cli.outbox.commands import print_schema  # noqa: PLC0415 - see the module's docstring

    return print_schema(database, options.env_file, as_json=options.json)


@outbox_app.command(help_epilogue=epilogue(OUTBOX_EXAMPLES["outbox run"]))
def run(
    *,
    database: DatabaseOption = None,
    until_empty: Annotated[
        bool, Parameter(help="Exit when no event is waiting, instead of waiting for more.")
    ] = False,
    options: ClientOptions = _AS_USUAL,
    interrupts: CommandInterrupts,
) -> ExitCode:
    """Deliver committed events until Ctrl-C or SIGTERM.

    One process delivers at a time. You can start several: the others stand by.
    """
    from gameball.cli.outbox.run import run_outbox  # noqa: PLC0415

    return run_outbox(database, options.env_file, interrupts, until_empty=until_empty, as_json=options.json)


@outbox_app.command(help_epilogue=epilogue(OUTBOX_EXAMPLES["outbox status"]))
def status(*, database: DatabaseOption = None, options: ClientOptions = _AS_USUAL) -> ExitCode:
    """Count the events by outcome. The exit code is 4 if some are unknown, 3 if some were rejected."""
    from gameball.cli.outbox.commands import show_status  # noqa: PLC0415

    return show_status(database, options.env_file, as_json=options.json)


@outbox_app.command(help_epilogue=epilogue(OUTBOX_EXAMPLES["outbox show"]))
def show(
    *,
    unknown: Annotated[
        bool,
        Parameter(
            help="Print the events that may or may not have been accepted. Without --rejected the command "
            "prints these anyway.",
            show_default=False,
        ),
    ] = False,
    rejected: Annotated[bool, Parameter(help="Print the events that Gameball rejected.")] = False,
    database: DatabaseOption = None,
    options: ClientOptions = _AS_USUAL,
) -> ExitCode:
    """Print the unknown or rejected events, one JSON object per line, with their id and the reason."""
    from gameball.cli.outbox.commands import show_failed  # noqa: PLC0415

    return show_failed(
        database, options.env_file, unknown=unknown or not rejected, rejected=rejected, as_json=options.json
    )


@outbox_app.command(help_epilogue=epilogue(OUTBOX_EXAMPLES["outbox resolve"]))
def resolve(
    ids: Annotated[
        tuple[int, ...],
        Parameter(name="ID", help="The ids of the events, as `show` prints them.", show_default=False),
    ] = (),
    /,
    *,
    resolved_as: ResolvedAs,
    all_of_them: Annotated[
        bool,
        Parameter(name="--all", help="Resolve all unknown events, or all rejected ones with --rejected."),
    ] = False,
    rejected: Annotated[
        bool, Parameter(help="Resolve events that Gameball rejected, instead of unknown ones.")
    ] = False,
    database: DatabaseOption = None,
    options: ClientOptions = _AS_USUAL,
) -> ExitCode:
    """Record whether unknown events were accepted, once you know.

    If a deliverer hangs, end it before you mark events as unsent: it might still send them.
    """
    if ids and all_of_them:
        raise ValueError("give either ids or --all, not both: --all would resolve every event")
    from gameball.cli.outbox.commands import resolve_events  # noqa: PLC0415

    return resolve_events(
        database,
        options.env_file,
        None if all_of_them else ids,
        resolved_as,
        rejected=rejected,
        as_json=options.json,
    )
