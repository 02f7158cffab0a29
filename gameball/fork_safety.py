"""What a forked child must renew: connections, locks and the like belong to the process that made them.

Web servers and task queues fork after loading an application (gunicorn ``--preload``, Celery,
multiprocessing). The child gets copies of the parent's sockets: whichever of the two reads first would take
the other's answer.
"""

import os
import threading
from typing import Protocol
from weakref import WeakSet


class ForkAware(Protocol):
    """Something that must change in a forked child.

    It may also have ``before_fork``, called in the parent before each fork, and ``after_fork_in_parent``.
    """

    def after_fork_in_child(self) -> None:
        """Renew what belongs to the parent. No other thread runs yet, and locks of the parent may be held."""


# The only state of the package that is global: os.register_at_fork knows no objects, and never forgets a
# function.
_objects: "WeakSet[ForkAware]" = WeakSet()
# Held from before a fork until after it: of two threads that fork at once, one waits.
_forking = threading.Lock()
# What was told of the fork that is under way, so that it is told of its end as well.
_told: list[ForkAware] = []


def renew_after_fork(thing: ForkAware) -> None:
    """Have ``after_fork_in_child`` of an object called in every forked child, while the object lives."""
    _objects.add(thing)


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


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
