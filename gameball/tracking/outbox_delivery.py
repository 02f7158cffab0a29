"""The delivery of an outbox in the process of a tracker: a thread that runs ``Outbox.deliver``."""

import logging
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from gameball.errors import ClientClosedError, GameballError, describe
from gameball.fork_safety import DaemonThread
from gameball.log import LOGGER

if TYPE_CHECKING:
    from gameball.events_client import Events

#: The pause after an error that a person must fix, such as wrong keys or missing tables, in seconds.
ERROR_PAUSE: Final = 30.0


class DeliverableOutbox(Protocol):
    """What a tracker needs of an ``Outbox``. This package must not import the one above it."""

    def call_when_added(self, function: Callable[[], bool]) -> None:
        """Call a function after each ``add`` in this process, until it returns False."""

    def deliver_with(self, events: "Events", stop: threading.Event) -> object:
        """Deliver until the event is set."""


class OutboxDelivery:
    """The thread that delivers an outbox in one process.

    Args:
        outbox: The outbox.
        events: What to send with.
    """

    def __init__(self, outbox: DeliverableOutbox, events: "Events") -> None:
        self._outbox = outbox
        self._events = events
        self._stop = threading.Event()
        self._thread = DaemonThread(self._run, "gameball-outbox")
        # Reentrant: a signal handler, or a ``__del__``, may track while this thread starts the other.
        self._starting = threading.RLock()
        self._is_starting = False
        self._process = os.getpid()
        #: Whether the thread was started. The system may have been unable to start it.
        self.started = False

    def start(self) -> None:
        """Start the thread, if it was not started yet."""
        with self._starting:
            if self.started or self._is_starting or self._stop.is_set():
                return
            try:
                self._is_starting = True
                self._thread.start()
            except RuntimeError:  # the system cannot start more threads, or Python is shutting down
                LOGGER.warning("the thread that delivers the outbox could not be started")
            else:
                self.started = True
            finally:
                self._is_starting = False

    def stop(self) -> None:
        """Ask the thread to end, without waiting for it."""
        self._stop.set()

    def wait(self, timeout: float) -> None:
        """Wait for the thread to end. What is still in flight then becomes UNKNOWN at the next takeover.

        Args:
            timeout: How long to wait, in seconds.
        """
        if not self.started:
            return
        self._thread.join(timeout)
        if self._thread.is_alive():
            LOGGER.warning("the delivery of the outbox did not end in time")

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._outbox.deliver_with(self._events, self._stop)
            except ClientClosedError:
                return
            except Exception as error:  # noqa: BLE001 - no caller could handle it, and the rows stay waiting
                if self._process != os.getpid():  # a greenlet of gevent, in a forked child
                    return
                LOGGER.log(
                    logging.ERROR,
                    "the outbox cannot be delivered, and the next attempt is in %.0f s: %s",
                    ERROR_PAUSE,
                    describe(error) if isinstance(error, GameballError) else type(error).__name__,
                    exception=None if isinstance(error, GameballError) else error,
                )
                self._stop.wait(ERROR_PAUSE)
