"""The options of the commands."""

from pathlib import Path
from typing import Annotated, Final, Literal

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


@Parameter(name="*")
@frozen(kw_only=True)
class SendCommandOptions(ClientOptions):
    """What ``gameball send`` can be told; each field's help says what it is for."""

    format: Annotated[
        Literal["jsonl", "csv", "parquet"] | None,
        option("--format", READING, "The format.", default="by suffix; jsonl for -"),
    ] = None
    map: Annotated[
        tuple[str, ...],
        option(
            "--map",
            READING,
            "Take a field from a column of another name; several with commas.",
            metavar="FIELD=COLUMN",
            default="columns are named as the fields",
        ),
    ] = ()
    types: Annotated[
        tuple[str, ...],
        option(
            "--types",
            READING,
            "What the text in a column is: int, float, bool, date, datetime, datetime-utc (in UTC where it "
            "names no zone), json or text; several with commas.",
            metavar="COLUMN=TYPE",
            default="text",
        ),
    ] = ()
    skip_invalid: Annotated[
        bool,
        option(
            "--skip-invalid", READING, "Leave out lines that cannot be sent. The first one ends it otherwise."
        ),
    ] = False
    dry_run: Annotated[
        bool,
        option(
            "--dry-run",
            READING,
            "Read and check everything, tell what would be sent and how long that takes, and send nothing.",
        ),
    ] = False
    ledger: Annotated[
        Path | None,
        option(
            "--ledger",
            RECORD,
            "The file that records what became of each line, so that the same command resumes.",
            default="SOURCE.ledger; none for -",
        ),
    ] = None
    no_ledger: Annotated[
        bool, option("--no-ledger", RECORD, "Record nothing: the same command sends everything again.")
    ] = False
    rejects: Annotated[
        Path | None,
        option(
            "--rejects",
            RECORD,
            "Where to write every line that was read and not accepted, with its outcome and reason, to be "
            "corrected and sent. A file of that name is kept, as .1 and so on.",
            default="nowhere",
        ),
    ] = None
    on_unknown: Annotated[
        Literal["report", "resend"],
        option(
            "--on-unknown",
            DELIVERY,
            "Lines that may have been accepted: report them, or resend them, so that none is lost and some "
            "may count twice.",
        ),
    ] = "report"
    keep_going: Annotated[
        bool,
        option(
            "--keep-going",
            DELIVERY,
            "Read on where lines stay unknown or unsent. Rejected ones never stop it.",
        ),
    ] = False
    wait: Annotated[
        bool, option("--wait", DELIVERY, "Follow the jobs to their end; what fails in them is a reject too.")
    ] = False
    wait_timeout: Annotated[
        float, option("--wait-timeout", DELIVERY, "How long --wait waits, in seconds.")
    ] = 3600.0
    concurrency: Annotated[int, option("--concurrency", DELIVERY, "Requests under way at a time.")] = 4
    max_objects: Annotated[
        int, option("--max-objects", DELIVERY, "Objects in a request, 1 to 1,000 as Gameball documents.")
    ] = 1_000
    max_bytes: Annotated[int, option("--max-bytes", DELIVERY, "Bytes in a request.")] = 2_000_000
    timeout: Annotated[
        float, option("--timeout", DELIVERY, "How long each step of a request may take, in seconds.")
    ] = 60.0
    rate_limit: Annotated[
        tuple[str, ...],
        option(
            "--rate-limit",
            DELIVERY,
            "The limits of the account, several with commas; or none.",
            metavar="REQUESTS/SECONDS",
            default="30/1,360/30, as Gameball documents",
        ),
    ] = ()
