"""Every Python block of the README is run, against the sandbox."""

import re
from pathlib import Path

import pytest

from gameball.sandbox import Sandbox

README = Path(__file__).resolve().parent.parent / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_there_are_blocks_to_run() -> None:
    assert len(BLOCKS) >= 8


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_of_the_readme_runs_as_it_stands(
    block: str, box: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GAMEBALL_API_KEY", "key")
    monkeypatch.setenv("GAMEBALL_SECRET_KEY", "secret")
    monkeypatch.setenv("GAMEBALL_BASE_URL", box.url)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, str(README), "exec"), {"__name__": "readme"})  # noqa: S102 - our own README
