"""``gameball outbox run``: delivers an outbox until it is asked to end."""

import logging
import threading
from pathlib import Path
from typing import Final

from gameball.cli.client import open_client
from gameball.cli.exit_codes import ExitCode
from gameball.cli.interrupts import Interrupts
from gameball.cli.outbox.commands import open_outbox
from gameball.cli.outbox.database_option import DatabaseUrl
from gameball.cli.output import write_error, write_json, write_lines
from gameball.client import Gameball
from gameball.outbox import Outbox, OutboxReport

# How often the main thread looks for a signal, in seconds.
_LOOK: Final = 0.1


def run_outbox(
    database: DatabaseUrl | None,
    env_file: Path | None,
    interrupts: Interrupts,
    *,
    until_empty: bool,
    as_json: bool,
) -> ExitCode:
    """Deliver an outbox until SIGINT, SIGTERM or SIGHUP. A second signal ends the process immediately.

    Chunks in flight then stay recorded, so that the next deliverer marks them as unknown.

    Args:
        database: The URL of the database, or None for the environment.
        env_file: A file for the environment, or None.
        interrupts: What signals do.
        until_empty: Whether to end when nothing is waiting.
        as_json: Whether to write the report as JSON.

    Returns:
        The exit code: 4 if something became unknown, 3 if something was rejected.

    Raises:
        MissingCredentialsError: The keys are missing.
        GameballError: The keys are wrong, or the database cannot be used.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("gameball").setLevel(logging.WARNING)
    with open_outbox(database, env_file) as outbox, open_client(env_file) as client:
        if not as_json:
            write_lines([f"Delivering {outbox!r} to {client!r}. Press Ctrl-C to stop."])
        report = _Run(outbox, client, until_empty=until_empty).wait(interrupts)
    counts = {name: getattr(report, name) for name in ("accepted", "rejected", "unknown")}
    code = ExitCode.UNKNOWN if report.unknown else ExitCode.REJECTED if report.rejected else ExitCode.OK
    if as_json:
        write_json({**counts, "exit_code": int(code)})
    else:
        write_lines([", ".join(f"{count:,} {name}" for name, count in counts.items())])
    return code


class _Run:
    """A delivery in a separate thread, because a signal handler must not acquire a lock of its own thread."""

    def __init__(self, outbox: Outbox, client: Gameball, *, until_empty: bool) -> None:
        self._stop = threading.Event()
        self._report: OutboxReport | None = None
        self._problem: BaseException | None = None

        def deliver() -> None:
            try:
                self._report = outbox.deliver(client, stop=self._stop, until_empty=until_empty)
            except BaseException as error:  # noqa: BLE001 - raised again in the main thread
                self._problem = error

        self._thread = threading.Thread(target=deliver, name="gameball-outbox", daemon=True)

    def wait(self, interrupts: Interrupts) -> OutboxReport:
        interrupts.hold()
        self._thread.start()
        while self._thread.is_alive():
            self._thread.join(_LOOK)
            if interrupts.error is not None and not self._stop.is_set():
                write_error("Stopping: waiting up to 5 seconds for requests in flight.")
                self._stop.set()
        if self._problem is not None:
            raise self._problem
        if self._report is None:
            raise RuntimeError("the delivery ended without a report")
        return self._report
