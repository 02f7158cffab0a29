"""Processes that add to an outbox and deliver it, and that a test kills."""

import json
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from attrs import define, field
from waiting import wait_until

if TYPE_CHECKING:
    import subprocess


@define
class Processes:
    """Processes that a test starts and kills."""

    database: str
    forker: "subprocess.Popen[str]"
    running: set[int] = field(factory=set)

    def start(self, role: str, **order: Any) -> int:
        assert self.forker.stdin is not None
        assert self.forker.stdout is not None
        self.forker.stdin.write(json.dumps({"role": role, "database": self.database, **order}) + "\n")
        self.forker.stdin.flush()
        child = int(self.forker.stdout.readline())
        self.running.add(child)
        return child

    def kill(self, child: int) -> None:
        """Kill a process, and return when it is gone."""
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        wait_until(lambda: not is_running(child))
        self.running.discard(child)


def is_running(child: int) -> bool:
    try:
        os.kill(child, 0)
    except ProcessLookupError:
        return False
    return True
