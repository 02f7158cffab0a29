"""Handlers of SIGINT (Ctrl-C), SIGTERM and SIGHUP that show a note immediately and interrupt the send."""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Final, Self

from gameball.cli.exit_codes import Terminated, code_of_error

_NOTE: Final = (
    "Interrupted: waiting up to 5 seconds for requests in flight. Press Ctrl-C again to abort them; the "
    "ledger stays correct."
)


# Shows the cursor, which the live display has hidden.
_SHOW_CURSOR: Final = b"\x1b[?25h\n"
_PATIENCE: Final = 2


class Interrupts:
    """Shows that an interrupt was received, because requests in flight take a while to end.

    The first signal gives requests in flight time to finish, the second aborts them, and the third exits
    without a report.

    Attributes:
        note: The note to show after an interrupt; empty before.
    """

    def __init__(self) -> None:
        self.note = ""
        self._count = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup ignores SIGHUP, so that the send continues.
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            self._before[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        error = KeyboardInterrupt if number == signal.SIGINT else Terminated
        self._count += 1
        if self._count > _PATIENCE:
            # The ledger is correct at every moment, so nothing is lost but the report.
            if sys.stderr.isatty():
                os.write(2, _SHOW_CURSOR)
            os._exit(code_of_error(error()))
        # On a terminal the display shows the note. A signal handler must not acquire a lock.
        if not self.note and not sys.stderr.isatty():
            # The terminal may be gone, which is what SIGHUP means.
            with suppress(OSError):
                os.write(2, f"{_NOTE}\n".encode())
        self.note = _NOTE
        raise error
