"""Copies of this repository to regenerate in, so that no test touches the real one."""

import io
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from attrs import frozen
from regenerate import main, regenerate

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = REPOSITORY / "tests" / "documents"
#: What Gameball published when the project began. Tests of other documents start from it, whatever has been
#: accepted since.
SEED = DOCUMENTS / "seed.yaml"
FAULTS = sorted((DOCUMENTS / "faults").glob("*.yaml"))
NO_OVERLAY = "overlay: 1.0.0\ninfo: {title: Nothing, version: 1.0.0}\nactions: []\n"
_COPIED = ("scripts", "generated", "gameball", "openapi.yaml", "pyproject.toml", ".gitignore")
# A hook of git's that runs the tests would have them work on the repository that it belongs to.
_ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "PYTHONDONTWRITEBYTECODE": "1",
}


@frozen
class Repository:
    """A copy of this repository with a history of one commit."""

    root: Path

    @property
    def package(self) -> Path:
        return self.root / "generated" / "gameball_api"

    def regenerate(self, *arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the whole command."""
        return subprocess.run(
            [sys.executable, self.root / "scripts" / "regenerate.py", *map(str, arguments)],
            cwd=cwd or self.root,
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )

    def regenerate_here(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run the whole command in this process, which saves starting another."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main([*map(str, arguments)], self.root)
        return subprocess.CompletedProcess([], code, out.getvalue(), err.getvalue())

    def regenerate_seed(self) -> None:
        regenerate(self.root, [str(SEED)], None, check=False)

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=Tests", "-c", "user.email=tests@example.com"]
        command = ["git", *identity, *arguments]
        done = subprocess.run(
            command, cwd=self.root, env=_ENVIRONMENT, capture_output=True, text=True, check=True
        )
        return done.stdout

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "As it is")

    def status(self) -> str:
        return self.git("status", "--porcelain")

    def generated(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.package).as_posix(): path.read_bytes()
            for path in sorted(self.package.rglob("*"))
            if path.is_file()
        }


def copy_repository(folder: Path, overlay: str | None = None) -> Repository:
    """Copy this repository as it was with the first document, with another overlay if one is given."""
    for name in _COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / name)
    repository = Repository(folder)
    repository.git("init", "--quiet")
    if (folder / "openapi.yaml").read_bytes() != SEED.read_bytes():
        repository.regenerate_seed()
    if overlay is not None:
        (folder / "scripts" / "overlay.yaml").write_text(overlay, encoding="utf-8")
    repository.commit()
    return repository


def check_types(repository: Repository, folder: Path) -> str:
    """Return what mypy has to say of the generated code, in its strictest mode.

    What it learns of other packages it keeps in the folder, for the next check.
    """
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull]
    # The generator casts a list within a union to what mypy knows it to be by then.
    command.append("--no-warn-redundant-casts")
    done = subprocess.run(
        [*command, "--cache-dir", str(folder / "mypy"), "--python-version", "3.11", str(repository.package)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode else ""
