"""The client of a command: its keys and its limits."""

from pathlib import Path

import pytest
from command import gameball, write_events

from gameball.cli.client import parse_pairs, parse_rate_limits
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


def test_rate_limits_and_pairs_are_parsed() -> None:
    limits = parse_rate_limits(("100/1,5/0.5", "7/30"))
    assert limits is not None
    assert [(limit.requests, limit.seconds) for limit in limits] == [(100, 1.0), (5, 0.5), (7, 30.0)]
    assert parse_rate_limits(("none",)) is None
    assert parse_pairs(("a=b, c = d",), "--map") == {"a": "b", "c": "d"}


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_keys_have_an_exit_code_of_their_own(status: int, box: Sandbox, source: Path) -> None:
    box.fail_next(Fault(status=status))
    done = gameball("send", source, url=box.url)
    assert done.code == 5
    assert f"HTTP {status}" in done.out
