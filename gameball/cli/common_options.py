"""The options that several commands share, and how the command line spells all of them."""

from pathlib import Path
from typing import Annotated, Final

from attrs import frozen
from cyclopts import Group, Parameter

READING: Final = Group("Reading", sort_key=1)
DELIVERY: Final = Group("Delivery", sort_key=2)
RECORD: Final = Group("Record", sort_key=3)
GENERAL: Final = Group("Keys and what is shown", sort_key=4)


def option(
    name: str, group: Group, text: str, *, metavar: str | None = None, default: str | None = None
) -> Parameter:
    """Return how the command line spells an option.

    Args:
        name: The option, with its dashes.
        group: Under which heading its help stands.
        text: Its help, units included.
        metavar: What its value is called.
        default: What its help calls its default, where the value itself would say too little.
    """
    shown = _show_default if default is None else (lambda _: default)
    return Parameter(name, group=group, help=text, metavar=metavar, show_default=shown)


def _show_default(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


#: How the command line spells what is not spelled by ``option``.
DEFAULT: Final = Parameter(negative=(), show_default=_show_default)


@Parameter(name="*")
@frozen(kw_only=True)
class ShowOptions:
    """What every command can be told about what it shows."""

    json: Annotated[
        bool, option("--json", GENERAL, "Write one JSON report to standard output, and nothing else.")
    ] = False
    #: Looked for in the command line itself, because what fails may be the reading of it.
    debug: Annotated[bool, option("--debug", GENERAL, "Show where in the program an error comes from.")] = (
        False
    )


@Parameter(name="*")
@frozen(kw_only=True)
class ClientOptions(ShowOptions):
    """What every command that talks to Gameball can be told besides."""

    env_file: Annotated[
        Path | None,
        option("--env-file", GENERAL, "A file of NAME=value lines with the keys.", default="the environment"),
    ] = None
