"""What a forked child must renew: connections, locks and the like belong to the process that made them.

Web servers and task queues fork after loading an application (gunicorn ``--preload``, Celery,
multiprocessing). The child gets copies of the parent's sockets: whichever of the two reads first would take
the other's answer.
"""

import os
from typing import Protocol
from weakref import WeakSet


class ForkAware(Protocol):
    """Something that must change in a forked child."""

    def after_fork_in_child(self) -> None:
        """Renew what belongs to the parent. No other thread runs yet, and locks of the parent may be held."""


# The only state of the package that is global: os.register_at_fork knows no objects, and never forgets a
# function.
_objects: "WeakSet[ForkAware]" = WeakSet()


def renew_after_fork(thing: ForkAware) -> None:
    """Have ``after_fork_in_child`` of an object called in every forked child, while the object lives."""
    _objects.add(thing)


def _renew_all() -> None:
    for thing in list(_objects):
        thing.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_renew_all)
