"""What SIGINT (Ctrl-C), SIGTERM and SIGHUP do to a command, from its start to the end of the process."""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

#: What a send says after the first signal.
_NOTE: Final = (
    "Interrupted: waiting up to 5 seconds for requests in flight. Press Ctrl-C again to exit at once; the "
    "ledger stays correct."
)
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Shows the cursor, which the live display has hidden.
_SHOW_CURSOR: Final = b"\x1b[?25h\n"
# ``timeout`` and other parents signal the command twice, once by itself and once by its process group.
_SAME_SIGNAL: Final = 0.1
# The time after which an interrupt that Python has ignored is raised again, in seconds.
_RAISE_AGAIN: Final = 0.01


class Terminated(KeyboardInterrupt):
    """The process received SIGTERM, or SIGHUP because its terminal was closed."""


class Interrupts:
    """Lets the first signal end a command politely, and a further one end the process at once.

    The first one is raised in the main thread, once. Where a command must not be torn apart, it is held: only
    noted. A further signal is noticed by a thread of its own, because the main thread may be waiting in C
    code, such as a query, and handle no signals.

    Attributes:
        error: The first signal as an error; None before there was one.
        note: The note that a send shows after it; empty before.
    """

    def __init__(self) -> None:
        self.error: KeyboardInterrupt | None = None
        self.note = ""
        self._held = False
        self._raised = False
        self._sending = False

    def install(self) -> None:
        """Handle the signals until the process ends. A signal that the parent ignores stays ignored.

        It must be called in the main thread, once in a process.
        """
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=_watch, args=(reader,), name="gameball-signals", daemon=True).start()
        # The first callback that is registered is called last. Python handles no signals after it, and would
        # be killed by one while it destroys its modules, whatever the outcome.
        atexit.register(_ignore_signals)
        sys.unraisablehook = self._notice_ignored
        signal.signal(signal.SIGALRM, self._raise_again)
        for number in _SIGNALS:
            # nohup ignores SIGHUP, and a script's shell SIGINT of what runs in the background.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    @property
    def code(self) -> int:
        """The exit code after the first signal."""
        return _code_of(signal.SIGTERM if isinstance(self.error, Terminated) else signal.SIGINT)

    def hold(self) -> None:
        """Only note the first signal from now on, as ``error``."""
        self._held = True

    @contextmanager
    def raising(self, *, sending: bool = False) -> Iterator[None]:
        """Raise the first signal while the context is open, also if it came before. Then hold it.

        Args:
            sending: Whether to tell the user that requests in flight are waited for.

        Raises:
            KeyboardInterrupt: There was a signal. ``Terminated`` is one, too.
        """
        self._sending = sending
        self._held = False
        try:
            if self.error is not None:
                self._raise(self.error)
            yield
        finally:
            self._held, self._sending = True, False

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self.error is not None:
            return
        self.error = KeyboardInterrupt() if number == signal.SIGINT else Terminated()
        if self._sending:
            self.note = _NOTE
            # On a terminal the display shows the note. A signal handler must not acquire a lock. Without
            # standard error, another file may have its number.
            if sys.stderr is not None and not os.isatty(2):
                # The terminal may be gone, which is what SIGHUP means.
                with suppress(OSError):
                    os.write(2, f"{_NOTE}\n".encode())
        if not self._held:
            self._raise(self.error)

    def _raise(self, error: KeyboardInterrupt) -> None:
        if not self._raised:
            self._raised = True
            raise error

    def _notice_ignored(self, unraisable: "UnraisableHookArgs", /) -> None:
        """Raise the interrupt again if it struck where Python ignores errors, such as in a weak reference."""
        if unraisable.exc_value is None or unraisable.exc_value is not self.error:
            sys.__unraisablehook__(unraisable)
            return
        self._raised = False
        # Not here, because Python would ignore it here, too.
        signal.setitimer(signal.ITIMER_REAL, _RAISE_AGAIN)

    def _raise_again(self, _number: int, _: FrameType | None) -> None:
        if self.error is not None and not self._held:
            self._raise(self.error)


def _watch(reader: int) -> None:
    """End the process at the second signal. Its ledger is correct at every moment."""
    first: float | None = None
    while True:
        for number in os.read(reader, 1):
            if number not in _SIGNALS:
                continue
            now = time.monotonic()
            if first is None:
                first = now
            elif now - first > _SAME_SIGNAL:
                if sys.stderr is not None and os.isatty(2):
                    with suppress(OSError):
                        os.write(2, _SHOW_CURSOR)
                os._exit(_code_of(number))


def _code_of(number: int) -> int:
    """Return the exit code of a shell for SIGINT, or for SIGTERM, as which SIGHUP counts."""
    return 128 + (signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
