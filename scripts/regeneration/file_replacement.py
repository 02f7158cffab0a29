"""Compare generated files with the present ones, and replace them: all or none."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from regeneration.regeneration_error import RegenerationError

# Caches that tools write beside the code. They are neither compared nor copied.
_LEFTOVERS: Final = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache"})


def read_tree(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder.

    Args:
        folder: The folder. A missing folder counts as empty.

    Returns:
        The bytes of each file, by its path relative to the folder.
    """
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and _LEFTOVERS.isdisjoint(path.parts)
    }


def differences(expected: Mapping[str, bytes], found: Mapping[str, bytes]) -> list[str]:
    """Compare two trees.

    Args:
        expected: The files of a fresh run.
        found: The present files.

    Returns:
        A line for each missing, extra or changed file, sorted by path; empty when the trees agree.
    """
    lines = []
    for path in sorted(expected.keys() | found.keys()):
        if path not in found:
            lines.append(f"missing: {path}")
        elif path not in expected:
            lines.append(f"extra: {path}")
        elif expected[path] != found[path]:
            lines.append(f"changed: {path}")
    return lines


def replace_all(fresh: Mapping[Path, Path]) -> None:
    """Replace files and folders with fresh ones.

    Everything is first copied beside its target, so that a full disk changes no target. If a later step fails
    or is interrupted, the steps before it are undone.

    Args:
        fresh: The fresh file or folder, by the target that it replaces. A target need not exist.

    Raises:
        RegenerationError: The files could not be written.
    """
    moved: list[tuple[Path, Path]] = []
    try:
        for target, source in fresh.items():
            _stage(source, target)
        for target in fresh:
            if target.exists():
                moved.append((target, _outgoing(target)))
                target.rename(_outgoing(target))
            moved.append((_incoming(target), target))
            _incoming(target).rename(target)
    except BaseException as error:
        _undo(moved)
        for target in fresh:
            _remove(_incoming(target))
        if isinstance(error, OSError):
            names = " and ".join(target.name for target in fresh)
            raise RegenerationError(
                f"cannot write {names}: {error.strerror}; fix that, and run again; no file was changed"
            ) from error
        raise
    for target in fresh:
        _remove(_outgoing(target))


def _stage(source: Path, target: Path) -> None:
    # An earlier run that was killed may have left these behind.
    _remove(_incoming(target))
    _remove(_outgoing(target))
    if source.is_dir():
        shutil.copytree(source, _incoming(target), ignore=shutil.ignore_patterns(*_LEFTOVERS))
    else:
        shutil.copyfile(source, _incoming(target))


def _undo(moved: list[tuple[Path, Path]]) -> None:
    for old, new in reversed(moved):
        # An interruption may have prevented the last move.
        if new.exists() and not old.exists():
            new.rename(old)


def _incoming(target: Path) -> Path:
    return target.with_name(f".{target.name}.incoming")


def _outgoing(target: Path) -> Path:
    return target.with_name(f".{target.name}.outgoing")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
