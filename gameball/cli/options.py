"""The options of the commands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from attrs import frozen
from cyclopts import Group, Parameter

from gameball.cli.interrupts import Interrupts

READING: Final = Group("Reading", sort_key=1)
DELIVERY: Final = Group("Delivery", sort_key=2)
RECORD: Final = Group("Record", sort_key=3)
GENERAL: Final = Group("Keys and output", sort_key=4)


def option(
    name: str, group: Group, text: str, *, metavar: str | None = None, default: str | None = None
) -> Parameter:
    """Return the command-line parameter of an option.

    Args:
        name: The option, with its dashes.
        group: The group of the option in the help.
        text: The help text, units included.
        metavar: The placeholder for the value.
        default: The default shown in the help, if the value itself is not clear enough.
    """
    shown = _show_default if default is None else (lambda _: default)
    return Parameter(name, group=group, help=text, metavar=metavar, show_default=shown)


def _show_default(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


#: The parameter settings of arguments that ``option`` does not create.
# A pattern such as [ab].jsonl would be read as a JSON list.
DEFAULT: Final = Parameter(negative=(), show_default=_show_default, json_list=False)
#: What signals do, which ``run`` passes to the commands that ask for it.
CommandInterrupts = Annotated[Interrupts, Parameter(parse=False)]
#: What a person has found out about unknown events.
ResolvedAs = Annotated[
    Literal["accepted", "unsent"],
    Parameter(
        name="--as", help="accepted if they were accepted; unsent if they were not, to send them again."
    ),
]


def epilogue(examples: Sequence[str]) -> str:
    """Return the examples shown below a command's help."""
    heading = "Examples" if len(examples) > 1 else "Example"
    return "\n".join((f"{heading}:", "", *(f"  {line}" for line in examples)))


@Parameter(name="*")
@frozen(kw_only=True)
class ShowOptions:
    """The output options of every command."""

    json: Annotated[bool, option("--json", GENERAL, "Write only a JSON report to standard output.")] = False
    #: Read from the raw command line, because parsing it may be what failed.
    debug: Annotated[bool, option("--debug", GENERAL, "Show the traceback of an error.")] = False


@Parameter(name="*")
@frozen(kw_only=True)
class ClientOptions(ShowOptions):
    """The options of every command that connects to Gameball."""

    env_file: Annotated[
        Path | None,
        option("--env-file", GENERAL, "File of NAME=value lines with the keys.", default="the environment"),
    ] = None


@Parameter(name="*")
@frozen(kw_only=True)
class SendCommandOptions(ClientOptions):
    """The options of ``gameball send``, each described by its help text."""

    #: Read from the raw command line, because it sets the defaults of all others.
    config: Annotated[
        Path | None,
        option(
            "--config",
            GENERAL,
            "TOML file of settings: source, and any options by their names, such as max-objects. Options on "
            "the command line override it.",
            default="none",
        ),
    ] = None

    format: Annotated[
        Literal["jsonl", "json", "csv", "parquet"] | None,
        option("--format", READING, "Format of the source.", default="from the file name; jsonl for -"),
    ] = None
    map: Annotated[
        tuple[str, ...],
        option(
            "--map",
            READING,
            "Read a field from a column with another name, or from a nested field such as user.id. Separate "
            "several with commas.",
            metavar="FIELD=COLUMN",
            default="the column with the name of the field",
        ),
    ] = ()
    set: Annotated[
        tuple[str, ...],
        option(
            "--set",
            READING,
            "Set a field that is not in the source to the same value for all rows, such as name=purchase. "
            "Separate several with commas.",
            metavar="FIELD=VALUE",
            default="none",
        ),
    ] = ()
    types: Annotated[
        tuple[str, ...],
        option(
            "--types",
            READING,
            "Convert a column to a type: int, float, decimal (as written), bool, date, datetime, "
            "datetime-utc (UTC if no time zone is given), json or text. Separate several with commas.",
            metavar="COLUMN=TYPE",
            default="text",
        ),
    ] = ()
    select: Annotated[
        tuple[str, ...],
        option(
            "--select",
            READING,
            "Send only these columns as metadata. Separate several with commas.",
            metavar="COLUMN",
            default="all",
        ),
    ] = ()
    drop: Annotated[
        tuple[str, ...],
        option(
            "--drop",
            READING,
            "Do not send these columns. Separate several with commas.",
            metavar="COLUMN",
            default="none",
        ),
    ] = ()
    limit: Annotated[
        int | None,
        option(
            "--limit",
            READING,
            "Send only the first rows of each source, or of all files that share a ledger. Run the same "
            "command without it to send the rest.",
            metavar="ROWS",
            default="all rows",
        ),
    ] = None
    sql: Annotated[
        str | None,
        option(
            "--sql",
            READING,
            "Send the rows of a query instead of files. DuckDB executes it, and can read Parquet, CSV, JSON "
            "and Excel files, on disk or in S3, and attached databases. Statements before the last one, such "
            "as ATTACH, are executed first. Needs --ledger or --no-ledger.",
            metavar="QUERY",
            default="none",
        ),
    ] = None
    any_order: Annotated[
        bool,
        option(
            "--any-order",
            READING,
            "Accept a query that neither reads a single file nor ends with ORDER BY. It may return its rows "
            "in a different order the next time; resuming is then refused.",
        ),
    ] = False
    delimiter: Annotated[
        str | None,
        option(
            "--delimiter",
            READING,
            r"Character between CSV cells; \t is a tab.",
            default="from a first line such as sep=; or a tab for .tsv, or a comma",
        ),
    ] = None
    quote: Annotated[str, option("--quote", READING, "Character around CSV cells.")] = '"'
    null: Annotated[
        str | None,
        option("--null", READING, "Text of CSV cells that have no value, such as NA.", default="none"),
    ] = None
    encoding: Annotated[
        str,
        option("--encoding", READING, "Encoding of CSV files. UTF-16 is detected by its byte order mark."),
    ] = "utf-8"
    no_header: Annotated[
        bool,
        option("--no-header", READING, "CSV has no header line: the columns are named 1, 2 and so on."),
    ] = False
    skip_invalid: Annotated[
        bool,
        option(
            "--skip-invalid",
            READING,
            "Skip lines that cannot be sent. By default the first such line stops the send.",
        ),
    ] = False
    dry_run: Annotated[
        bool,
        option(
            "--dry-run",
            READING,
            "Read and check everything, show what would be sent and the minimum duration, and send nothing.",
        ),
    ] = False
    ledger: Annotated[
        Path | None,
        option(
            "--ledger",
            RECORD,
            "File that records the outcome of each line, so that running the same command again resumes. "
            "Given with several files or a folder, it records all of them, and small files share requests.",
            default="SOURCE.ledger for each source; none for -",
        ),
    ] = None
    no_ledger: Annotated[
        bool,
        option(
            "--no-ledger", RECORD, "Record nothing. Running the same command again sends everything again."
        ),
    ] = False
    rejects: Annotated[
        Path | None,
        option(
            "--rejects",
            RECORD,
            "Write every line that was read but not accepted to this file, with its outcome and reason, so "
            "that it can be corrected and sent. The file has JSON lines, or for a CSV source, if its name "
            "ends in .csv or .tsv, the original rows. An existing file is kept as FILE.1, FILE.2 and so on.",
            default="none",
        ),
    ] = None
    log_file: Annotated[
        Path | None,
        option(
            "--log-file",
            RECORD,
            "Append a log of requests, retries, pauses and results to this file. It holds no keys or events.",
            default="none",
        ),
    ] = None
    on_unknown: Annotated[
        Literal["report", "resend"],
        option(
            "--on-unknown",
            DELIVERY,
            "What to do with lines that may have been accepted: report them, or resend them, so that none is "
            "lost but some may count twice.",
        ),
    ] = "report"
    keep_going: Annotated[
        bool,
        option(
            "--keep-going",
            DELIVERY,
            "Continue after unknown or unsent lines. Rejected lines do not stop a send, unless the keys are "
            "wrong.",
        ),
    ] = False
    wait: Annotated[
        bool,
        option(
            "--wait", DELIVERY, "Wait until the jobs have ended, and add the items that failed to --rejects."
        ),
    ] = False
    wait_timeout: Annotated[
        float, option("--wait-timeout", DELIVERY, "Maximum time for --wait, in seconds.")
    ] = 3600.0
    concurrency: Annotated[
        int, option("--concurrency", DELIVERY, "Maximum number of concurrent requests.")
    ] = 4
    max_objects: Annotated[
        int, option("--max-objects", DELIVERY, "Maximum objects per request, 1 to 1,000.")
    ] = 1_000
    max_bytes: Annotated[int, option("--max-bytes", DELIVERY, "Maximum bytes per request.")] = 2_000_000
    timeout: Annotated[
        float, option("--timeout", DELIVERY, "Timeout for each step of a request, in seconds.")
    ] = 60.0
    retry_for: Annotated[
        str,
        option(
            "--retry-for",
            DELIVERY,
            "How long to retry a request that was certainly not accepted, such as 10m or 2h. A shorter "
            "outage does not stop the send.",
            metavar="DURATION",
            default="0: up to 5 attempts",
        ),
    ] = "0"
    rate_limit: Annotated[
        tuple[str, ...],
        option(
            "--rate-limit",
            DELIVERY,
            "Rate limits of the account, separated by commas; or the word none.",
            metavar="REQUESTS/SECONDS",
            default="30/1,360/30, as documented by Gameball",
        ),
    ] = ()
