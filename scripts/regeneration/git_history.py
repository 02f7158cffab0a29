"""Read files of a commit from git."""

import io
import subprocess
import tarfile
from pathlib import Path

from regeneration.regeneration_error import RegenerationError


def has_history(root: Path) -> bool:
    """Return whether a folder is in a git repository that has a commit."""
    return _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}") is not None


def check_commit(root: Path, ref: str) -> str:
    """Return the id of a commit.

    Args:
        root: The folder of the repository.
        ref: A branch, a tag or a commit, in any form that git accepts.

    Raises:
        RegenerationError: There is no such commit.
    """
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if commit is None:
        raise RegenerationError(
            f"there is no commit {ref!r}; name a branch, a tag or a commit with --against"
        )
    return commit.decode("ascii").strip()


def files_at(root: Path, ref: str, folder: str) -> dict[str, bytes]:
    """Read the files of a folder as they were committed.

    Args:
        root: The folder of the repository.
        ref: A commit, as ``check_commit`` takes it.
        folder: The folder, relative to the root.

    Returns:
        The bytes of each file by its path below the folder; empty if the commit does not have the folder.

    Raises:
        RegenerationError: There is no such commit.
    """
    archive = _git(root, "archive", "--format=tar", f"{check_commit(root, ref)}:./{folder}")
    if archive is None:
        return {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        opened = {member.name: tar.extractfile(member) for member in tar.getmembers() if member.isfile()}
        return {name: file.read() for name, file in opened.items() if file is not None}


def file_at(root: Path, ref: str, name: str) -> str | None:
    """Read a file as it was committed.

    Args:
        root: The folder of the repository.
        ref: A commit, as ``check_commit`` takes it.
        name: The file, relative to the root.

    Returns:
        Its text; None if the commit does not have the file.

    Raises:
        RegenerationError: There is no such commit.
    """
    content = _git(root, "show", f"{check_commit(root, ref)}:./{name}")
    return None if content is None else content.decode("utf-8")


def _git(root: Path, *arguments: str) -> bytes | None:
    """Return the output of git, or None if git fails or is not installed."""
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603 - no shell
    except (OSError, subprocess.CalledProcessError):
        return None
