"""Run the generator."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Final

from regeneration.document_walk import Document
from regeneration.regeneration_error import RegenerationError

#: The name of the generated package.
PACKAGE: Final = "gameball_api"
# The part of the document that the generator prints after each warning.
_QUOTED: Final = re.compile(r"^\{.*?^\}$|^\{\}$", re.MULTILINE | re.DOTALL)
_OBJECT: Final = re.compile(r"<[\w.]+ object at 0x[0-9a-f]+>")
_CHATTER: Final = re.compile(
    r"^(Generating |Warning\(s\) enc|Error\(s\) enc|If you believe).*$", re.MULTILINE
)


def check_pins(root: Path) -> None:
    """Check that the generator and the formatter have the exact versions in pyproject.toml.

    Args:
        root: The folder of the repository.

    Raises:
        RegenerationError: A pinned tool is missing or has another version.
    """
    groups = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    for pin in (requirement for requirement in groups["dev"] if "==" in requirement):
        name, _, wanted = pin.partition("==")
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = "no version"
        if found != wanted:
            raise RegenerationError(f"{name} {wanted} is needed, not {found}; run: make regenerate")


def generate(document: Document, folder: Path, scripts: Path) -> None:
    """Generate the raw client: a folder that holds the package and nothing else.

    Args:
        document: The document, overlaid and valid.
        folder: The folder to write. It must not exist, and its parent must exist.
        scripts: The folder with the generator's settings.

    Raises:
        RegenerationError: The generator failed or warned. A warning means that it left something out.
    """
    folder.mkdir()
    source = folder.with_name("document.json")
    source.write_text(json.dumps(document), encoding="utf-8")
    # The generator finds its formatter on PATH, where another version may come first.
    binaries = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([binaries, os.environ.get("PATH", "")]),
        # Its output is parsed, so it must have no frames and no wrapped lines.
        "_TYPER_STANDARD_TRACEBACK": "1",
    }
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    options = {
        "--path": source,
        "--config": scripts / "regeneration" / "generator.yaml",
        # The generator's own models/__init__.py imports every model, which is slow.
        "--custom-template-path": scripts / "regeneration" / "templates",
        "--meta": "none",
        "--output-path": folder / PACKAGE,
    }
    for option, value in options.items():
        command += [option, str(value)]
    done = subprocess.run(  # noqa: S603 - a fixed command, no shell
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        complaints = complaints_of(done.stdout + done.stderr)
        raise RegenerationError(
            "openapi-python-client would skip parts of the document; fix them in scripts/overlay.yaml: "
            + (complaints[0] if len(complaints) == 1 else f"{len(complaints)} complaints"),
            complaints if len(complaints) > 1 else (),
        )
    shutil.rmtree(folder / PACKAGE / ".ruff_cache", ignore_errors=True)
    # PEP 561: the generator writes this marker only together with a project of its own.
    (folder / PACKAGE / "py.typed").touch()


def complaints_of(said: str) -> tuple[str, ...]:
    """Return the warnings and errors of the generator, a line for each.

    Args:
        said: The output of the generator: headers, details and parts of the document, or a traceback.
    """
    if "Traceback (most recent call last)" in said:
        return (said.rstrip().rpartition("\n")[2],)
    plain = _CHATTER.sub("", _OBJECT.sub("...", _QUOTED.sub("\n\n\n", said)))
    complaints = [" ".join(part.split()) for part in re.split(r"\n{4,}", plain)]
    return tuple(complaint for complaint in complaints if complaint) or ("it failed without a message",)
