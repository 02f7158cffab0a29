"""The commands and their help. What they do is imported when they do it, so that ``--help`` is quick."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import App, CycloptsError, Parameter

from gameball.cli.exit_codes import ExitCode
from gameball.cli.options import DEFAULT, ClientOptions, SendCommandOptions, ShowOptions
from gameball.version import __version__

EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "send": (
        "gameball send events.jsonl",
        "gameball send users.csv --map customer_id=user_id,name=action --types amount=float,at=datetime",
        "gameball send events.jsonl --skip-invalid --rejects rejects.jsonl --wait",
        "gameball send events.parquet --dry-run",
        "zcat events.jsonl.gz | gameball send - --json",
    ),
    "job status": ("gameball job status 1001 1002",),
    "job wait": ("gameball job wait 1001 --timeout 600",),
    "job stop": ("gameball job stop 1001",),
    "ledger show": (
        "gameball ledger show events.jsonl.ledger",
        "gameball ledger show events.jsonl.ledger --unsent > unsent.jsonl",
    ),
    "sandbox": ("gameball sandbox --port 8600 --enforce-limits",),
    "demo": ("gameball demo",),
}


def epilogue(command: str) -> str:
    """Return what stands below a command's help."""
    heading = "Examples" if len(EXAMPLES[command]) > 1 else "Example"
    return "\n".join((f"{heading}:", "", *(f"  {line}" for line in EXAMPLES[command])))


_EPILOGUE: Final = (
    "The keys come from the environment, GAMEBALL_API_KEY and GAMEBALL_SECRET_KEY, or from --env-file; "
    "never from an argument, because lists of processes are public. GAMEBALL_BASE_URL is the address "
    "of another server.\n\n"
    "Exit codes: 0 all accepted, or done; 2 wrong use; 3 something rejected or invalid, or failed in its "
    "job; 4 something unknown or unsent; 5 keys missing or wrong; 130 interrupted; 143 told to end by the "
    "system; 1 a bug."
)


app: Final = App(
    name="gameball",
    help="Send events to Gameball, and know what became of every one of them.",
    help_epilogue=_EPILOGUE,
    help_format="plaintext",
    version=__version__,
    default_parameter=DEFAULT,
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
)
_jobs: Final = App(name="job", help="Look at the jobs that process what was sent, wait for them, stop them.")
_ledgers: Final = App(name="ledger", help="Look at what is recorded of a send.")
app.command(_jobs)
app.command(_ledgers)
app.register_install_completion_command(help="Install completion for your shell.")

_NO_OPTIONS: Final = SendCommandOptions()
_AS_USUAL: Final = ClientOptions()
_SHOWN_AS_USUAL: Final = ShowOptions()
JobIDs = Annotated[
    tuple[int, ...], Parameter(name="ID", required=True, help="The ids, as `gameball send` tells them.")
]


@app.command(help_epilogue=epilogue("send"))
def send(
    sources: Annotated[
        tuple[str, ...],
        Parameter(
            name="SOURCE",
            required=True,
            # For the dash of standard input. What else begins with one is refused below.
            allow_leading_hyphen=True,
            help="Files, sent one after the other: .jsonl, .csv or .parquet, the first two also with .gz or "
            ".zst; - is standard input. A row is an event (customer_id, name, and metadata or any other "
            "fields) or an object as Gameball takes it (customerId, events).",
        ),
    ],
    /,
    *,
    options: SendCommandOptions = _NO_OPTIONS,
) -> ExitCode:
    """Send files of events, show how it goes, and record what became of each line.

    The same command again finishes what broke: what was accepted is not sent again.
    """
    for word in sources:
        if word.startswith("-") and word != "-" and not Path(word).exists():
            raise ValueError(f"there is no option {word}; see: gameball send --help")
    from gameball.cli.sending import send_all  # noqa: PLC0415 - see the module's docstring

    return send_all(sources, options)


@_jobs.command(help_epilogue=epilogue("job status"))
def status(job_ids: JobIDs, /, *, options: ClientOptions = _AS_USUAL) -> ExitCode:
    """Show where jobs stand."""
    from gameball.cli.jobs import show_jobs  # noqa: PLC0415

    return show_jobs(job_ids, env_file=options.env_file, as_json=options.json)


@_jobs.command(help_epilogue=epilogue("job wait"))
def wait(
    job_ids: JobIDs,
    /,
    *,
    timeout: Annotated[float, Parameter(help="How long to wait, in seconds.")] = 3600.0,
    options: ClientOptions = _AS_USUAL,
) -> ExitCode:
    """Wait until jobs have ended, and show what failed in them."""
    from gameball.cli.jobs import wait_for_jobs  # noqa: PLC0415

    return wait_for_jobs(job_ids, timeout=timeout, env_file=options.env_file, as_json=options.json)


@_jobs.command(help_epilogue=epilogue("job stop"))
def stop(job_ids: JobIDs, /, *, options: ClientOptions = _AS_USUAL) -> ExitCode:
    """Stop jobs. What they have done stays done."""
    from gameball.cli.jobs import stop_jobs  # noqa: PLC0415

    return stop_jobs(job_ids, env_file=options.env_file, as_json=options.json)


@_ledgers.command(help_epilogue=epilogue("ledger show"))
def show(
    path: Annotated[
        Path, Parameter(name="PATH", help="The ledger; `gameball send` puts it beside its source.")
    ],
    /,
    *,
    unknown: Annotated[
        bool, Parameter(help="Print the lines that may or may not have been accepted.")
    ] = False,
    unsent: Annotated[
        bool, Parameter(help="Print the lines that were certainly not accepted, or not read.")
    ] = False,
    source: Annotated[
        Path | None,
        Parameter(help="Where the source is now.", show_default=lambda _: "where it was sent from"),
    ] = None,
    options: ShowOptions = _SHOWN_AS_USUAL,
) -> ExitCode:
    """Show what became of a source, or print lines of it in a form that can be sent."""
    from gameball.cli.ledgers import show_ledger  # noqa: PLC0415

    return show_ledger(path, unknown=unknown, unsent=unsent, source=source, as_json=options.json)


@app.command(help_epilogue=epilogue("sandbox"))
def sandbox(
    *,
    port: Annotated[int, Parameter(help="The port on this machine; 0 for a free one.")] = 8600,
    job_seconds: Annotated[float, Parameter(help="How long a job takes, in seconds.")] = 2.0,
    latency: Annotated[float, Parameter(help="How long each answer takes, in seconds.")] = 0.0,
    job_form: Annotated[
        Literal["batch", "batches", "both"],
        Parameter(help="Which documented form of the job operations it knows."),
    ] = "both",
    enforce_limits: Annotated[
        bool, Parameter(help="Answer 429 past the documented 30 requests per 1 s and 360 per 30 s.")
    ] = False,
) -> ExitCode:
    """Run a local stand-in for Gameball until Ctrl-C; its keys are `key` and `secret`."""
    from gameball.sandbox.__main__ import serve  # noqa: PLC0415

    return ExitCode(
        serve(
            port=port,
            job_seconds=job_seconds,
            latency=latency,
            job_form=job_form,
            enforce_limits=enforce_limits,
        )
    )


@app.command(help_epilogue=epilogue("demo"))
def demo(
    path: Annotated[
        Path | None,
        Parameter(name="FILE", help="JSONL to send.", show_default=lambda _: "2,600 bundled events"),
    ] = None,
    /,
    *,
    yes: Annotated[
        bool, Parameter(help="Send the bundled events, which are invented, to Gameball without asking.")
    ] = False,
) -> ExitCode:
    """Send a file to a sandbox, or to Gameball when its keys are in the environment, and show everything."""
    from gameball.cli.demo import run_demo  # noqa: PLC0415

    return run_demo(path, yes=yes)


def run(words: Sequence[str]) -> int:
    """Run a command.

    Args:
        words: The command line, without the program's name.

    Returns:
        The exit code.
    """
    try:
        code = app(words)
        sys.stdout.flush()
    except CycloptsError as error:
        said = " ".join(str(error).split())
        return _fail(f"{said} See: gameball --help", ExitCode.USAGE, words)
    except BrokenPipeError:
        # Whoever read the output has seen enough. Python would complain once more when it closes it.
        sys.stdout = None
        return ExitCode.OK
    except (Exception, KeyboardInterrupt) as error:
        if "--debug" in words:
            raise
        if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("gameball"):
            return _fail(str(error), ExitCode.USAGE, words)
        from gameball.cli.exit_codes import code_of_beginning  # noqa: PLC0415

        said = " ".join(str(error).split())
        code = code_of_beginning(error)
        if code is ExitCode.INTERNAL:
            said = f"{type(error).__name__}: {said} (a bug; --debug shows where)"
        return _fail(said or "interrupted", code, words)
    return code if isinstance(code, int) else ExitCode.OK


def _fail(said: str, code: ExitCode, words: Sequence[str]) -> ExitCode:
    """Tell why there is no report, on standard error, and for programs in its place."""
    sys.stderr.write(f"gameball: {said}\n")
    # Looked for in the command line itself, because what fails may be the reading of it.
    if "--json" in words:
        sys.stdout.write(json.dumps({"exit_code": int(code), "error": said}, ensure_ascii=False) + "\n")
    return code
