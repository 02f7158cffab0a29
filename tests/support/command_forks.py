"""Runs the ``gameball`` command in forks of a process that has imported it already.

Starting Python and importing the command takes most of the time of a short command, and the tests run
hundreds of them. A fork is a process like any other, with an environment, a working directory and an exit of
its own.
"""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from threading import Lock
from typing import Any, Final

_INTEGER_BYTES: Final = 8


class _Template:
    """The process that has imported the command. It runs one fork at a time."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__], stdin=theirs.fileno(), env=environment
            )

    def run(
        self, words: Sequence[str], cwd: Path, environment: Mapping[str, str], timeout: float
    ) -> tuple[int, bytes, bytes]:
        request = {"words": words, "cwd": str(cwd), "environment": environment}
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            socket.send_fds(self._socket, [b" "], [out.fileno(), err.fileno()])
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            pid = self._receive()
            self._socket.settimeout(timeout)
            try:
                code = self._receive()
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(words), timeout) from None
            out.seek(0)
            err.seek(0)
            return code, out.read(), err.read()

    def _receive(self) -> int:
        received = self._socket.recv(_INTEGER_BYTES, socket.MSG_WAITALL)
        assert len(received) == _INTEGER_BYTES, "the process that forks the commands has ended"
        return int.from_bytes(received, "big", signed=True)

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


class CommandForks:
    """As many such processes as there are commands at once; they are kept for the next commands."""

    def __init__(self) -> None:
        self._idle: list[_Template] = []
        self._lock = Lock()

    def run(
        self, words: Sequence[str], *, cwd: Path, environment: Mapping[str, str], timeout: float
    ) -> tuple[int, bytes, bytes]:
        """Run a command to its end.

        Returns:
            The exit code, the bytes of standard output, and those of standard error.

        Raises:
            TimeoutExpired: If it takes longer than ``timeout`` seconds.
        """
        with self._lock:
            template = self._idle.pop() if self._idle else _Template(environment)
        try:
            done = template.run(words, cwd, environment, timeout)
        except BaseException:
            template.close()
            raise
        with self._lock:
            self._idle.append(template)
        return done

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


def _serve() -> None:
    """Fork a command for each request on standard input, which is a socket, until it is closed."""
    from gameball.cli import jobs, main  # noqa: F401, PLC0415 - only this process imports the command
    from gameball.cli.ledger import changes, show  # noqa: F401, PLC0415
    from gameball.cli.send import command  # noqa: F401, PLC0415

    gc.freeze()  # a fork shares the memory that the collector does not touch
    with socket.socket(fileno=os.dup(0)) as control, control.makefile("rb") as requests:
        is_command = _fork_for_requests(control, requests)
    if is_command:
        main()


def _fork_for_requests(control: socket.socket, requests: BufferedReader) -> bool:
    """Return True in a process that is to be a command, and False when there are no more requests."""
    while fds := socket.recv_fds(control, 1, 2)[1]:
        request = json.loads(requests.readline())
        pid = os.fork()
        if not pid:
            _become(request, fds)
            return True
        for fd in fds:
            os.close(fd)
        control.sendall(pid.to_bytes(_INTEGER_BYTES, "big", signed=True))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        control.sendall(code.to_bytes(_INTEGER_BYTES, "big", signed=True))
    return False


def _become(request: dict[str, Any], fds: Sequence[int]) -> None:
    """Take over what a new process would be given."""
    for number, fd in enumerate((os.open(os.devnull, os.O_RDONLY), *fds)):
        os.dup2(fd, number)
        os.close(fd)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.argv = ["gameball", *request["words"]]


if __name__ == "__main__":
    _serve()
