"""Runs the ``gameball`` command as a person does: in a process of its own."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen
from command_forks import CommandForks

from gameball.sandbox import Sandbox

GAMEBALL = str(Path(sys.executable).with_name("gameball"))
FORKS = CommandForks()
_TIMEOUT = 120.0  # seconds
_begun: list[subprocess.Popen[bytes]] = []


def environment(url: str | None = None, **more: str) -> dict[str, str]:
    """Return the environment of a command that may talk to a sandbox, and to nothing else."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GAMEBALL_")}
    if url is not None:
        variables |= {"GAMEBALL_API_KEY": "key", "GAMEBALL_SECRET_KEY": "secret", "GAMEBALL_BASE_URL": url}
    # A shell finds the command of this package.
    path = f"{Path(GAMEBALL).parent}{os.pathsep}{variables['PATH']}"
    # Warnings are errors in the command, too: an unclosed file would be one.
    return {**variables, "PATH": path, "PYTHONWARNINGS": "error", "COLUMNS": "100", **more}


@frozen
class Done:
    """What a command did."""

    code: int
    out: str = field(repr=lambda text: text[-2000:])
    err: str = field(repr=lambda text: text[-2000:])

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.out)
        return report

    @property
    def problems(self) -> str:
        """Standard error without the lines of progress, which a command prints on a slow machine."""
        return re.sub(r".* accepted, .* events/s\n", "", self.err)

    @property
    def source(self) -> dict[str, Any]:
        """The report of the only source."""
        (source,) = self.report["sources"]
        return dict(source)


def gameball(
    *words: str | Path | int,
    url: str | None = None,
    cwd: Path | None = None,
    given: bytes | None = None,
    **more: str,
) -> Done:
    """Run the command to its end."""
    arguments = [str(word) for word in words]
    variables = environment(url, **more)
    if given is None and not any(name.startswith("PYTHON") for name in more):
        code, out, err = FORKS.run(arguments, cwd=cwd or Path.cwd(), environment=variables, timeout=_TIMEOUT)
        return Done(code, out.decode(), err.decode())
    done = subprocess.run(
        [GAMEBALL, *arguments],
        capture_output=True,
        check=False,
        cwd=cwd,
        env=variables,
        input=given,
        timeout=_TIMEOUT,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def shell(command: str, *, url: str | None, cwd: Path, program: str = "sh", timeout: float = 60.0) -> Done:
    """Run a command line in a shell, to its end."""
    done = subprocess.run(
        [program, "-c", command],
        cwd=cwd,
        env=environment(url),
        capture_output=True,
        check=False,
        timeout=timeout,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def begin(*words: str | Path, url: str, cwd: Path, **more: str) -> subprocess.Popen[bytes]:
    """Begin the command, and let it run until the end of the test at most."""
    process = subprocess.Popen(
        [GAMEBALL, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=environment(url, **more),
    )
    _begun.append(process)
    return process


def end_what_was_begun() -> None:
    """Kill the commands that a failed test left behind, and close their pipes."""
    while _begun:
        with _begun.pop() as process:
            process.kill()


def wait_for_requests(box: Sandbox, count: int, has_ended: Callable[[], bool]) -> None:
    """Wait until a command has sent some requests. On a loaded machine its start takes many seconds."""
    box.wait_for(lambda: len(box.batches) >= count or has_ended(), 120)
    assert not has_ended(), "the command ended before it had sent its requests"


def write_events(path: Path, count: int, *, start: int = 0) -> Path:
    """Write a file of events of as many customers."""
    path.write_text("".join(line(number) for number in range(start, start + count)))
    return path


def line(number: int, **metadata: object) -> str:
    """Return the line of an event."""
    event = {"customer_id": f"cust-{number}", "name": "song_liked", "metadata": metadata}
    return json.dumps(event) + "\n"


def rejects(path: Path) -> list[dict[str, Any]]:
    """Return what a file of rejects tells of each line."""
    return [json.loads(text)["_rejected"] for text in path.read_text().splitlines()]


def places(path: Path) -> list[tuple[int, str]]:
    """Return the lines in a file of rejects, and what became of each."""
    return [(reject["line"], reject["outcome"]) for reject in rejects(path)]


def customers(events: dict[Any, int] | Any) -> Sequence[str]:
    """Return the customers that a sandbox has events of, in order."""
    return sorted({customer for customer, _, _ in events})
