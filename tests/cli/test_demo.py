"""The demo, run as a person runs it."""

import json
import os
import re
import subprocess
from pathlib import Path

from command import GAMEBALL

from gameball.demo import __main__ as demo
from gameball.sandbox import Sandbox

BUNDLED = Path(demo.__file__).with_name("events.jsonl")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [GAMEBALL, "demo", *arguments]
    variables = {**os.environ, "COLUMNS": "100", **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables)


def test_the_bundled_events_are_many_of_several_kinds_and_recurring_customers() -> None:
    events = [json.loads(line) for line in BUNDLED.read_text().splitlines()]
    assert len(events) >= 2500
    assert len({event["name"] for event in events}) >= 5
    assert len({event["customer_id"] for event in events}) < len(events) * 0.8
    assert any(isinstance(value, dict) for event in events for value in event["metadata"].values())


def test_it_sends_everything_to_a_sandbox_and_shows_what_became_of_it() -> None:
    done = run()
    # Items of one customer fail in their jobs, as with `gameball send --wait`.
    assert done.returncode == 3
    assert "not to Gameball" in done.stdout
    assert "2,600 accepted" in done.stdout
    assert re.search(r"1001 │ completed", done.stdout)
    assert "demo-customer-closed │ The customer's account is closed" in done.stdout


def test_it_sends_to_gameball_when_its_keys_are_in_the_environment_but_nothing_invented_unasked(
    tmp_path: Path,
) -> None:
    with Sandbox(job_seconds=0.0) as box:
        keys = {"GAMEBALL_API_KEY": "key", "GAMEBALL_SECRET_KEY": "secret", "GAMEBALL_BASE_URL": box.url}
        refused = run(**keys)
        assert (refused.returncode, box.received) == (2, [])
        assert "--yes" in refused.stdout
        done = run("--yes", **keys)
        assert done.returncode == 0
        assert "Sending to Gameball" in done.stdout
        assert sum(box.events.values()) == 2600
        file = tmp_path / "events.jsonl"
        file.write_text('{"customer_id": "a", "name": "b"}\n')
        assert run(str(file), **keys).returncode == 0
        assert sum(box.events.values()) == 2601


def test_wrong_keys_are_one_line_and_no_traceback() -> None:
    with Sandbox() as box:
        keys = {"GAMEBALL_API_KEY": "wrong", "GAMEBALL_SECRET_KEY": "secret", "GAMEBALL_BASE_URL": box.url}
        done = run("--yes", **keys)
    assert done.returncode == 5
    assert "The API key is missing or wrong (HTTP 401" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    missing = run(GAMEBALL_API_KEY="only")
    assert (missing.returncode, missing.stderr) == (5, "")
    assert "set GAMEBALL_SECRET_KEY" in missing.stdout


def test_a_line_that_is_no_event_is_named_and_what_was_before_it_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"customer_id": "a", "name": "b"}\n{"customer_id": "c", "name": "d"}\n{"name": "e"}\n')
    done = run(str(file))
    assert done.returncode == 3
    assert "events.jsonl, line 3" in done.stdout
    assert "2 accepted" in done.stdout
    file.write_text('{"customer_id": "a", "name": "b"}\n{"customer_id": "", "name": "d"}\n')
    done = run(str(file))
    assert done.returncode == 3
    assert "events.jsonl, line 2: customer_id must not be blank" in done.stdout
    assert "1 accepted" in done.stdout


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = run(str(tmp_path / "nothing.jsonl"))
    assert done.returncode == 2
    assert "there is no file" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
