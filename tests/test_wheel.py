"""The wheel, installed without extras in an empty environment."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from gameball.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = """
import gameball, gameball_api, sys
with gameball.Gameball("key", "secret", base_url=sys.argv[1]) as client:
    report = client.events.send([gameball.Event("a", "b")])
    print(report, client.jobs.wait(report.job_ids[0]).status)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_both_packages_their_markers_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {
        "gameball",
        "gameball_api",
    }
    assert {"gameball/py.typed", "gameball_api/py.typed", "gameball/demo/events.jsonl"} <= set(names)


def test_the_wheel_imports_and_sends_without_extras(wheel: Path, tmp_path: Path, box: Sandbox) -> None:
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    install = [str(python), "-m", "pip", "install", "--quiet", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, env=environment)
    done = subprocess.run(
        [str(python), "-W", "error", "-c", PROGRAM, box.url],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert (done.stdout, done.stderr) == ("1 accepted completed\n", "")
