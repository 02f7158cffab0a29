"""What is expensive to make and only read: made once per test run, not once per worker of pytest-xdist."""

import fcntl
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")


def once_per_run(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """Return what a function makes. The first worker that asks for it calls the function.

    Args:
        factory: Pytest's factory of temporary folders.
        name: What is made.
        make: Makes it in an empty folder. It must return something that can be pickled.
    """
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / f"once-{name}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = folder / "made"
        if not made.exists():
            files = folder / "files"
            files.mkdir()
            made.write_bytes(pickle.dumps(make(files)))
        result: T = pickle.loads(made.read_bytes())
        return result
