"""Run the generator, and compare or replace a generated tree."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from openapi_document import Document
from regeneration_error import RegenerationError

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "gameball_api"
GENERATED = ROOT / "generated"
# What running the generated code leaves beside it; never compared, never copied.
LEFTOVERS = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache"})


def check_pins() -> None:
    """Refuse to run with another generator or formatter than the exact ones in pyproject.toml.

    Raises:
        RegenerationError: A pinned tool is missing or of another version.
    """
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    for pin in (requirement for requirement in groups["dev"] if "==" in requirement):
        name, _, wanted = pin.partition("==")
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = "no version"
        if found != wanted:
            raise RegenerationError(f"{name} {wanted} is needed, not {found}; run: make regenerate")


def generate(document: Document, folder: Path) -> None:
    """Generate the raw client: a folder that holds the package and nothing else.

    Args:
        document: The document, overlaid and valid.
        folder: Where to; it must not exist, and its parent must.

    Raises:
        RegenerationError: The generator failed or warned. A warning means that it left something out.
    """
    folder.mkdir()
    source = folder.with_name("document.json")
    source.write_text(json.dumps(document), encoding="utf-8")
    # The generator finds its formatter on PATH, and an inherited one could be of any version.
    binaries = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": os.pathsep.join([binaries, os.environ.get("PATH", "")])}
    command = [sys.executable, "-m", "openapi_python_client", "generate"]
    options = {
        "--path": source,
        "--config": ROOT / "scripts" / "generator.yaml",
        "--meta": "none",
        "--output-path": folder / PACKAGE,
    }
    for option, value in options.items():
        command += [option, str(value)]
    done = subprocess.run(  # noqa: S603 - a fixed command, no shell
        [*command, "--fail-on-warning"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = " ".join((done.stdout + done.stderr).split()).replace(str(folder), "")
        raise RegenerationError(f"openapi-python-client failed; mend scripts/overlay.yaml: {said}")
    shutil.rmtree(folder / PACKAGE / ".ruff_cache", ignore_errors=True)
    # PEP 561: the generator writes this marker only together with a project of its own.
    (folder / PACKAGE / "py.typed").touch()


def read_tree(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder.

    Args:
        folder: The folder; a missing one reads as empty.

    Returns:
        The bytes of each file, by its path relative to the folder.
    """
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and LEFTOVERS.isdisjoint(path.parts)
    }


def differences(expected: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    """Compare two trees.

    Args:
        expected: What a fresh run wrote.
        found: What is there.

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


def replace_tree(fresh: Path, target: Path) -> None:
    """Put a freshly generated folder in the place of the one before it.

    The fresh folder is copied beside its target first, so that a full disk leaves the target as it was.

    Args:
        fresh: The generated folder.
        target: The folder to replace; it need not exist.

    Raises:
        RegenerationError: The files could not be written.
    """
    incoming = target.with_name(f".{target.name}.incoming")
    outgoing = target.with_name(f".{target.name}.outgoing")
    try:
        for leftover in (incoming, outgoing):
            shutil.rmtree(leftover, ignore_errors=True)
        shutil.copytree(fresh, incoming)
        if target.exists():
            target.rename(outgoing)
        incoming.rename(target)
    except OSError as error:
        if outgoing.exists() and not target.exists():
            outgoing.rename(target)
        shutil.rmtree(incoming, ignore_errors=True)
        raise RegenerationError(f"cannot write {target.name}: {error.strerror}; it is as it was") from error
    shutil.rmtree(outgoing, ignore_errors=True)
