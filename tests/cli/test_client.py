"""The client of a command: its keys and its limits."""

from pathlib import Path

import pytest
from command import gameball, line, write_events

from gameball.cli.app import run
from gameball.sandbox import Fault, Sandbox


def test_missing_keys_have_an_exit_code_of_their_own(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 1)
    done = gameball("send", "events.jsonl", cwd=tmp_path)
    assert (done.code, done.out) == (5, "")
    assert "GAMEBALL_API_KEY" in done.err


def test_keys_from_a_file_override_the_environment(box: Sandbox, tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 1)
    (tmp_path / ".env").write_text(
        "GAMEBALL_API_KEY=key\nexport GAMEBALL_SECRET_KEY='secret'\n# a comment\n"
        f"GAMEBALL_BASE_URL={box.url}\n"
    )
    done = gameball("send", "events.jsonl", "--env-file", ".env", cwd=tmp_path, GAMEBALL_API_KEY="wrong")
    assert (done.code, sum(box.events.values())) == (0, 1)


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_keys_have_an_exit_code_of_their_own(status: int, box: Sandbox, source: Path) -> None:
    box.fail_next(Fault(status=status))
    done = gameball("send", source, url=box.url)
    assert done.code == 5
    assert f"HTTP {status}" in done.out


def test_a_load_outlasts_an_outage(box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "events.jsonl").write_text(line(1))
    # More failures than the five attempts after which a load gives up.
    box.fail_next(*[Fault(status=503)] * 7)
    keys = {"GAMEBALL_API_KEY": "key", "GAMEBALL_SECRET_KEY": "secret", "GAMEBALL_BASE_URL": box.url}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("random.random", lambda: 0.0)  # no pauses between the attempts
    assert run(["send", "events.jsonl", "--retry-for", "5m"]) == 0
    assert len(box.received) == 8
