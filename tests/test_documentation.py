"""Runs the Python blocks and the commands of the README and the docs against the sandbox."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command import environment, shell, write_events

from gameball import Event, Gameball
from gameball.sandbox import Sandbox

README = Path(__file__).resolve().parent.parent / "README.md"
PAGES = [README, *(README.parent / "docs" / name for name in ("sending.md", "ledger.md", "sandbox.md"))]


def python_blocks(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


SHELL_BLOCKS = re.findall(r"^```sh\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
COMMANDS = [
    line.partition("   #")[0].strip() for block in SHELL_BLOCKS for line in block.splitlines() if line.strip()
]


def test_the_commands_of_the_page_on_files_run(tmp_path: Path) -> None:
    (tmp_path / "orders.jsonl").write_text('{"user": {"id": "u1", "email": "a@example.com"}, "total": 80}\n')
    rows = "user_id,action,city,age\n" + "".join(f"u{n},liked,Cairo,30\n" for n in range(1_500))
    (tmp_path / "users.csv").write_text(rows)
    (tmp_path / "orders.csv").write_text("customer_id,total\n007,80.10\n")
    for name in ("events/a.jsonl", "a.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_events(tmp_path / name, 3, start=len(name))
    (tmp_path / "parts").mkdir()
    for number, name in enumerate("ab"):
        write_events(tmp_path / "parts" / f"{name}.jsonl", 3, start=200 + 3 * number)
    (tmp_path / "b.csv").write_text("customer_id,name\nu2,liked\n")
    (tmp_path / "events" / "more").mkdir()
    (tmp_path / "events" / "more" / "c.csv.gz").write_bytes(gzip.compress(b"customer_id,name\nu3,liked\n"))
    text = (README.parent / "docs" / "files.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    commands = [line.partition("   #")[0].strip() for block in blocks for line in block.splitlines()]
    assert len(commands) >= 7
    with Sandbox() as box:
        for command in commands:
            done = shell(command, url=box.url, cwd=tmp_path)
            assert (done.code, done.problems) == (0, ""), command
        assert ("u1", "purchase", '{"total":80}') in box.events
        assert sum(customer == "u1499" for customer, _, _ in box.events.elements()) == 1
        assert set(box.events.values()) == {1}


def test_the_readme_has_blocks_to_run() -> None:
    assert len(python_blocks(README)) >= 7
    assert len([command for command in COMMANDS if command.startswith("gameball ")]) >= 7
    # Commands that install or test the package are not run.
    others = [command for command in COMMANDS if not command.startswith("gameball ")]
    assert {command.split()[0] for command in others} == {"make", "pip"}


def test_the_commands_of_the_readme_run_in_their_order_and_send_nothing_twice(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 30)
    write_events(tmp_path / "likes.jsonl", 30, start=30)
    (tmp_path / "users.csv").write_text("user_id,action,amount,at\nc1,bought,2.5,2026-11-23T10:00:00Z\n")
    (tmp_path / "orders.csv").write_text("customer_id,total\nc2,80\n")
    (tmp_path / "orders").mkdir()
    orders = pa.table({"user_id": ["u1", "u2"], "amount": [2.5, None], "order_id": [1, 2]})
    pq.write_table(orders, tmp_path / "orders" / "1.parquet")
    with Sandbox(job_seconds=0.0) as box:
        with Gameball("key", "secret", base_url=box.url) as client:
            assert client.events.send([Event("c", "x")]).job_ids == [1001]
        for command in COMMANDS:
            if command.startswith("gameball "):
                done = shell(command, url=box.url, cwd=tmp_path)
                assert (done.code, done.problems) == (0, ""), command
        assert len(box.events) == 65
        assert set(box.events.values()) == {1}


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_demo_runs_the_main_job() -> None:
    done = subprocess.run(
        ["make", "demo"], cwd=README.parent, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "2,600 accepted" in done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_in_their_order_in_one_folder(
    page: Path, box: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # In separate folders, a block would not find the ledger of the same name that another block has left.
    monkeypatch.setenv("GAMEBALL_API_KEY", "key")
    monkeypatch.setenv("GAMEBALL_SECRET_KEY", "secret")
    monkeypatch.setenv("GAMEBALL_BASE_URL", box.url)
    monkeypatch.chdir(tmp_path)
    blocks = python_blocks(page)
    assert blocks
    for block in blocks:
        exec(compile(block, str(page), "exec"), {"__name__": "page"})  # noqa: S102 - our own page


def test_the_links_between_the_pages_lead_somewhere() -> None:
    for page in (README, README.with_name("CONTRIBUTING.md"), *(README.parent / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
