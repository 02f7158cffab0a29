"""Handlers of SIGINT (Ctrl-C) and SIGTERM that show a note at once and interrupt the send."""

import os
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, Final, Self

_NOTE: Final = (
    "Interrupted: waiting up to 5 seconds for requests in flight. Press Ctrl-C again to exit at once; the "
    "ledger stays correct."
)


class Terminated(KeyboardInterrupt):
    """The process received SIGTERM."""


class Interrupts:
    """Shows that an interrupt was received, because requests in flight take a while to end.

    Attributes:
        note: The note to show after an interrupt; empty before.
    """

    def __init__(self) -> None:
        self.note = ""
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
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
        # On a terminal the display shows the note. A signal handler must not acquire a lock.
        if not self.note and not sys.stderr.isatty():
            os.write(2, f"{_NOTE}\n".encode())
        self.note = _NOTE
        raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
