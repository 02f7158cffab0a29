"""Finds the files in the folders, and matching the patterns, on the command line."""

import fnmatch
import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

_ANY_DEPTH: Final = "**"
#: The endings of files that a send writes next to its sources.
_OWN: Final = (".ledger", ".ledger-journal", ".ledger-reserve", ".part")


def expand(words: Sequence[str]) -> list[str]:
    """Replace folders and patterns by their files.

    Args:
        words: The sources, as given on the command line.

    Returns:
        The sources. A folder is replaced by the files in it and its subfolders, sorted by their paths,
        without those whose name, or whose folder's name, starts with a dot or an underscore. Links to files
        are followed. Links to folders are not, neither in a folder nor by ``**`` of a pattern.

    Raises:
        ValueError: A folder or pattern has no file.
    """
    files: list[str] = []
    for word in words:
        path = Path(word)
        if not stands_for_files(word):
            files.append(word)
            continue
        if path.is_dir():
            found = sorted(_files_in(path))
            missing = f"there is no file to send in the folder {word}"
        else:
            found = sorted(match for match in _matches(path) if match.is_file() and not is_own(match))
            missing = f"no file matches the pattern {word}"
        if not found:
            raise ValueError(missing)
        files += map(str, found)
    return files


def stands_for_files(word: str) -> bool:
    """Return whether a word of the command line is a folder or a pattern."""
    path = Path(word)
    return path.is_dir() or (word != "-" and glob.has_magic(word) and not path.exists())


def _matches(pattern: Path) -> set[Path]:
    """Return what matches a pattern. Hidden files and folders do not match a star, as in a shell."""
    parts = pattern.parts
    if _ANY_DEPTH not in parts:
        return set(map(Path, glob.iglob(str(pattern))))  # noqa: PTH207 - .. and hidden files as in a shell
    place = parts.index(_ANY_DEPTH)
    tops = _matches(Path(*parts[:place])) if place else {Path()}
    rest = parts[place + 1 :] or ("*",)
    # glob would follow links to folders: with two that lead back up, it tried 2 ** 40 paths.
    return {
        match
        for top in tops
        for folder in _folders_in(top)
        for match in _matches(Path(glob.escape(str(folder)), *rest))
    }


def _folders_in(top: Path) -> Iterator[Path]:
    for folder, folders, _ in os.walk(top):
        folders[:] = (name for name in folders if not name.startswith("."))
        yield Path(folder)


def stand_for(words: Sequence[str], path: Path) -> bool:
    """Return whether a folder or pattern includes a file, or would if it existed."""
    real = path.resolve()
    return any(
        Path(word).resolve() in real.parents
        if Path(word).is_dir()
        else glob.has_magic(word) and fnmatch.fnmatch(str(real), str(Path(word).absolute()))
        for word in words
    )


def _files_in(folder: Path) -> list[Path]:
    files: list[Path] = []
    for path in folder.iterdir():
        if path.name.startswith((".", "_")):
            continue
        if path.is_dir():
            files += [] if path.is_symlink() else _files_in(path)
        elif not is_own(path):
            files.append(path)
    return files


def is_own(path: Path) -> bool:
    """Return whether a file is one that a send writes beside its sources, by its name."""
    return path.name.endswith(_OWN)
