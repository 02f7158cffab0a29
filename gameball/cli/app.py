"""The commands and their help. Each command imports its code when it runs, to keep ``--help`` fast."""

import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import App, CycloptsError, Parameter

from gameball.cli.exit_codes import MEANINGS, ExitCode, code_of_beginning
from gameball.cli.interrupts import Interrupts
from gameball.cli.ledger.app import ledger_app
from gameball.cli.options import (
    DEFAULT,
    ClientOptions,
    CommandInterrupts,
    SendCommandOptions,
    epilogue,
)
from gameball.cli.outbox.app import outbox_app
from gameball.cli.output import OutputError, hide_passwords, prepare, write_error, write_json
from gameball.cli.send.config import take_config
from gameball.version import __version__

EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "send": (
        "gameball send events.jsonl",
        "gameball send users.csv --map customer_id=user_id,name=action --types amount=float,at=datetime",
        "gameball send events.jsonl --skip-invalid --rejects rejects.jsonl --wait",
        "gameball send events.parquet --dry-run",
        "gameball send events/ 'more/*.csv.gz'",
        "gameball send parts/ --ledger parts.ledger",
        "gameball send - --json < events.jsonl.gz",
        "gameball send --ledger likes.ledger --sql \"SELECT * FROM 'likes/*.parquet' ORDER BY like_id\"",
    ),
    "job status": ("gameball job status 1001 1002",),
    "job wait": ("gameball job wait 1001 --timeout 600",),
    "job stop": ("gameball job stop 1001",),
    "sandbox": ("gameball sandbox --port 8600 --enforce-limits",),
    "demo": ("gameball demo",),
}


_EXIT_CODES: Final = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items())
_EPILOGUE: Final = (
    "The keys are read from the environment variables GAMEBALL_API_KEY and GAMEBALL_SECRET_KEY, or from "
    "--env-file. They are never command-line arguments, because process lists are public. Set "
    "GAMEBALL_BASE_URL to use another server, and GAMEBALL_API_VERSION to v4.1 if the account requires it; "
    f"--env-file may set both.\n\nExit codes:\n\n{_EXIT_CODES}"
)


app: Final = App(
    name="gameball",
    help="Send events to Gameball and record the outcome of each one.",
    help_epilogue=_EPILOGUE,
    help_format="plaintext",
    version=__version__,
    default_parameter=DEFAULT,
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
)
_jobs: Final = App(name="job", help="Show, wait for and stop the jobs that process sent events.")
app.command(_jobs)
app.command(ledger_app)
app.command(outbox_app)
app.register_install_completion_command(help="Install tab completion for your shell.")

_NO_OPTIONS: Final = SendCommandOptions()
_AS_USUAL: Final = ClientOptions()
JobIDs = Annotated[
    tuple[int, ...],
    Parameter(name="ID", required=True, help="Job ids, as reported by `gameball send --json`."),
]


@app.command(help_epilogue=epilogue(EXAMPLES["send"]))
def send(
    sources: Annotated[
        # Shells complete file names where a path is expected.
        tuple[Path, ...],
        Parameter(
            name="SOURCE",
            show_default=False,
            # Allows - for standard input. Other words with a leading hyphen are refused below.
            allow_leading_hyphen=True,
            help="Files, folders or quoted patterns ('events/*.csv') to send in order: .jsonl, .json, .csv "
            "or .parquet; all but .parquet may be compressed (.gz, .zst, .bz2, .xz). Use - for standard "
            "input, which may be compressed too, and --sql for a query. Each row is an event (customer_id, "
            "name, and metadata or any other fields) or an object in Gameball's format (customerId, events).",
        ),
    ] = (),
    /,
    *,
    options: SendCommandOptions = _NO_OPTIONS,
    interrupts: CommandInterrupts,
) -> ExitCode:
    """Send files of events, show progress, and record the outcome of each line.

    To resume an interrupted send, run the same command again: accepted events are not sent again.
    `gameball --help` lists the exit codes.
    """
    words = [str(source) for source in sources]
    for word in words:
        if word.startswith("-") and word != "-" and not Path(word).exists():
            raise ValueError(f"unknown option {word}; see: gameball send --help")
    from gameball.cli.send.command import send_all  # noqa: PLC0415 - see the module's docstring

    return send_all(words, options, interrupts)


@_jobs.command(help_epilogue=epilogue(EXAMPLES["job status"]))
def status(job_ids: JobIDs, /, *, options: ClientOptions = _AS_USUAL) -> ExitCode:
    """Show the status of jobs."""
    from gameball.cli.jobs import show_jobs  # noqa: PLC0415

    return show_jobs(job_ids, env_file=options.env_file, as_json=options.json)


@_jobs.command(help_epilogue=epilogue(EXAMPLES["job wait"]))
def wait(
    job_ids: JobIDs,
    /,
    *,
    timeout: Annotated[float, Parameter(help="Maximum time to wait, in seconds.")] = 3600.0,
    options: ClientOptions = _AS_USUAL,
) -> ExitCode:
    """Wait until jobs have ended, and show the items that failed."""
    from gameball.cli.jobs import wait_for_jobs  # noqa: PLC0415

    return wait_for_jobs(job_ids, timeout=timeout, env_file=options.env_file, as_json=options.json)


@_jobs.command(help_epilogue=epilogue(EXAMPLES["job stop"]))
def stop(job_ids: JobIDs, /, *, options: ClientOptions = _AS_USUAL) -> ExitCode:
    """Stop jobs. Items that were already processed stay processed."""
    from gameball.cli.jobs import stop_jobs  # noqa: PLC0415

    return stop_jobs(job_ids, env_file=options.env_file, as_json=options.json)


@app.command(help_epilogue=epilogue(EXAMPLES["sandbox"]))
def sandbox(
    *,
    host: Annotated[
        str, Parameter(help="Address to listen on. The sandbox has no access control.")
    ] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on; 0 selects a free one.", show_default=str)] = 8600,
    job_seconds: Annotated[float, Parameter(help="Duration of each job, in seconds.")] = 2.0,
    latency: Annotated[float, Parameter(help="Delay of each response, in seconds.")] = 0.0,
    job_form: Annotated[
        Literal["batch", "batches", "both"],
        Parameter(help="Which of the two documented forms of the job operations to support."),
    ] = "both",
    enforce_limits: Annotated[
        bool, Parameter(help="Respond with 429 above the documented 30 requests per 1 s and 360 per 30 s.")
    ] = False,
    minimum_version: Annotated[
        Literal["v4.0", "v4.1"],
        Parameter(help="Reject older versions of the API, as some accounts do."),
    ] = "v4.0",
) -> ExitCode:
    """Run a local sandbox server until Ctrl-C. Its keys are `key` and `secret`."""
    from gameball.sandbox.__main__ import serve  # noqa: PLC0415

    return ExitCode(
        serve(
            host=host,
            port=port,
            job_seconds=job_seconds,
            latency=latency,
            job_form=job_form,
            enforce_limits=enforce_limits,
            minimum_version=minimum_version,
        )
    )


@app.command(help_epilogue=epilogue(EXAMPLES["demo"]))
def demo(
    path: Annotated[
        Path | None,
        Parameter(name="FILE", help="JSONL file to send.", show_default=lambda _: "2,600 sample events"),
    ] = None,
    /,
    *,
    yes: Annotated[
        bool, Parameter(help="Send the sample events to Gameball without asking for confirmation.")
    ] = False,
    interrupts: CommandInterrupts,
) -> ExitCode:
    """Send sample events or a file to a local sandbox, or to Gameball if its keys are in the environment."""
    from gameball.cli.demo import run_demo  # noqa: PLC0415

    return run_demo(path, interrupts, yes=yes)


def run(words: Sequence[str], interrupts: Interrupts | None = None) -> int:
    """Run a command.

    Args:
        words: The command line, without the program's name.
        interrupts: What signals do, if they are handled.

    Returns:
        The exit code.
    """
    prepare()
    interrupts = interrupts or Interrupts()
    try:
        words_without_config, config = take_config(words)
        app.config = () if config is None else (config,)
        code = _call(words_without_config, interrupts)
    except CycloptsError as error:
        said = " ".join(str(error).split())
        return _fail(f"{said} See: gameball --help", ExitCode.USAGE, words)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the place that reports all of them
        interrupts.hold()
        if "--debug" in words:
            traceback.print_exc()
        # A library may have turned the interrupt into an error of its own.
        return _report(interrupts.error or error, words)
    return code if isinstance(code, int) else ExitCode.OK


def _call(words: Sequence[str], interrupts: Interrupts) -> object:
    command, bound, ignored = app.parse_args(words)
    given = {"interrupts": interrupts} if "interrupts" in ignored else {}
    return command(*bound.args, **bound.kwargs, **given)


def _report(error: BaseException, words: Sequence[str]) -> ExitCode:
    """Report the error that ended a command, and return its exit code."""
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("gameball"):
        return _fail(str(error), ExitCode.USAGE, words)
    said = " ".join(str(error).split())
    code = code_of_beginning(error)
    if code is ExitCode.INTERNAL:
        said = f"{type(error).__name__}: {said} (this is a bug; --debug shows the traceback)"
    return _fail(said or "interrupted", code, words)


def _fail(said: str, code: ExitCode, words: Sequence[str]) -> ExitCode:
    """Write an error to standard error and, with ``--json``, to standard output in place of the report."""
    said = hide_passwords(said)  # a message may quote a word of the command line
    write_error(f"gameball: {said}")
    # Read from the raw command line, because parsing it may be what failed.
    if "--json" in words:
        with suppress(OutputError):
            write_json({"exit_code": int(code), "error": said})
    return code
