"""Renews connections, locks and similar objects in a forked child process.

Web servers and task queues fork after loading an application (gunicorn ``--preload``, Celery,
multiprocessing). The child gets copies of the parent's sockets, so either process could read a response that
belongs to the other.
"""

import os
import threading
from collections.abc import Callable
from typing import Protocol
from weakref import WeakSet


class ForkAware(Protocol):
    """An object that must change in a forked child.

    It may also have the methods ``before_fork``, called in the parent before each fork, and
    ``after_fork_in_parent``.
    """

    def after_fork_in_child(self) -> None:
        """Replace what belongs to the parent. No other thread runs yet; the parent's locks may be held."""


# The only global state of the package: os.register_at_fork accepts only functions, and keeps them for ever.
_objects: "WeakSet[ForkAware]" = WeakSet()
# Held during a fork, so that two threads cannot fork at the same time, and while an object is added: the set
# must not change while it is read. Reentrant, because an object may add another one in a forked child.
_forking = threading.RLock()
# The objects that were notified before the current fork, so that the same ones are notified after it.
_told: list[ForkAware] = []


def renew_after_fork(thing: ForkAware) -> None:
    """Call ``after_fork_in_child`` of an object in every forked child, for as long as the object exists."""
    with _forking:
        _objects.add(thing)


class DaemonThread(threading.Thread):
    """A daemon thread. With gevent it never ends in a forked child.

    Threads do not exist in a forked child, but those of gevent are greenlets, which do. Python has forgotten
    such a thread, so that its end would print a KeyError. The thread that forked is the child's main thread,
    which may end.

    Args:
        target: What the thread does.
        name: Its name.
    """

    def __init__(self, target: Callable[[], object], name: str) -> None:
        super().__init__(target=target, name=name, daemon=True)

    def run(self) -> None:
        """Do what the thread is for."""
        process = os.getpid()
        super().run()
        while process != os.getpid() and threading.current_thread() is not threading.main_thread():
            threading.Event().wait()


def _before() -> None:
    _forking.acquire()
    _told[:] = _objects
    for thing in _told:
        getattr(thing, "before_fork", _nothing)()


def _in_parent() -> None:
    for thing in _told:
        getattr(thing, "after_fork_in_parent", _nothing)()
    _told.clear()
    _forking.release()


def _in_child() -> None:
    for thing in _told:
        thing.after_fork_in_child()
    _told.clear()
    _forking.release()


def _nothing() -> None:
    """Do nothing."""


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
