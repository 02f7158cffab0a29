"""The options of ``gameball send``."""

from pathlib import Path
from typing import Annotated, Literal

from attrs import frozen
from cyclopts import Parameter

from gameball.cli.common_options import DELIVERY, READING, RECORD, ClientOptions, option


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
