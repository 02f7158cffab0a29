"""Ctrl-C and the system's request to end: told to the user at once, and seen by the send."""

import os
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, Final, Self

_NOTE: Final = (
    "Interrupted: what is under way gets up to 5 seconds to end. Again leaves at once; the ledger stays true."
)


class Terminated(KeyboardInterrupt):
    """The system asked the process to end."""


class Interrupts:
    """Says that an interrupt was noticed, because what is under way takes a while to end.

    Attributes:
        note: What to show from then on.
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
        # On a terminal the display shows the note. Nothing here may take a lock that the program holds.
        if not self.note and not sys.stderr.isatty():
            os.write(2, f"{_NOTE}\n".encode())
        self.note = _NOTE
        raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
