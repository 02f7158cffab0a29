"""The ``gameball ledger`` commands and their help. Each imports its code when it runs, as in ``cli.app``."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from gameball.cli.exit_codes import ExitCode
from gameball.cli.options import ClientOptions, ResolvedAs, ShowOptions, epilogue

LEDGER_EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "ledger show": (
        "gameball ledger show events.jsonl.ledger",
        "gameball ledger show events.jsonl.ledger --unsent > unsent.jsonl",
    ),
    "ledger rebind": ("gameball ledger rebind events.jsonl.ledger",),
    "ledger resolve": (
        "gameball ledger resolve events.jsonl.ledger --lines 1001-2000 --as accepted",
        "gameball ledger resolve parts.ledger --items 1001-2000 --as unsent",
    ),
}


ledger_app: Final[App] = App(
    name="ledger",
    help="Show the recorded outcomes of a send, and record whether unknown lines were accepted.",
)
_AS_USUAL: Final = ClientOptions()
_SHOWN_AS_USUAL: Final = ShowOptions()
MovedSource = Annotated[
    Path | None,
    Parameter(
        help="Path of the source, if it has moved.", show_default=lambda _: "the path it was sent from"
    ),
]


@ledger_app.command(help_epilogue=epilogue(LEDGER_EXAMPLES["ledger show"]))
def show(
    path: Annotated[
        Path,
        Parameter(name="PATH", help="The ledger. By default `gameball send` creates it next to the source."),
    ],
    /,
    *,
    unknown: Annotated[
        bool, Parameter(help="Print the lines that may or may not have been accepted.")
    ] = False,
    unsent: Annotated[
        bool, Parameter(help="Print the lines that are unsent, or that no send has read yet.")
    ] = False,
    source: MovedSource = None,
    options: ShowOptions = _SHOWN_AS_USUAL,
) -> ExitCode:
    """Show the recorded outcomes of a source, or print its unknown or unsent lines in a form to send."""
    from gameball.cli.ledger.show import show_ledger  # noqa: PLC0415 - see the module's docstring

    return show_ledger(path, unknown=unknown, unsent=unsent, source=source, as_json=options.json)


@ledger_app.command(help_epilogue=epilogue(LEDGER_EXAMPLES["ledger rebind"]))
def rebind(
    path: Annotated[Path, Parameter(name="PATH", help="The ledger.")],
    /,
    *,
    options: ClientOptions = _AS_USUAL,
) -> ExitCode:
    """Let a ledger continue with the current API key, after the key of the account was rotated.

    Do not use it for another account: the recorded outcomes do not apply to it.
    """
    from gameball.cli.ledger.changes import rebind_ledger  # noqa: PLC0415

    return rebind_ledger(path, env_file=options.env_file, as_json=options.json)


@ledger_app.command(help_epilogue=epilogue(LEDGER_EXAMPLES["ledger resolve"]))
def resolve(
    path: Annotated[Path, Parameter(name="PATH", help="The ledger.")],
    /,
    *,
    lines: Annotated[
        str | None,
        Parameter(
            help="The lines, such as 10-20. They must be all lines of one or more unknown requests; "
            "`gameball ledger show PATH` lists these."
        ),
    ] = None,
    items: Annotated[
        str | None,
        Parameter(
            help="Instead of lines: the items, counted from 1 through all files of the ledger, as "
            "`gameball ledger show` lists them."
        ),
    ] = None,
    resolved_as: ResolvedAs,
    source: MovedSource = None,
    options: ShowOptions = _SHOWN_AS_USUAL,
) -> ExitCode:
    """Record whether unknown lines were accepted, once you know.

    The next send then skips them, or sends them again.
    """
    from gameball.cli.ledger.changes import resolve_lines  # noqa: PLC0415

    return resolve_lines(path, lines, items, resolved_as, source, as_json=options.json)
