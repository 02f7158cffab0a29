"""``gameball send --config``: the settings of a feed that is sent again and again."""

from pathlib import Path

import pytest
from command import gameball, line

from gameball.sandbox import Sandbox

FEED = """
source = ["users.csv"]
ledger = "feed.ledger"
skip_invalid = true
max-objects = 1
[map]
customer_id = "user_id"
name = "action"
[types]
amount = "float"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "feed.toml").write_text(FEED)
    (tmp_path / "users.csv").write_text("user_id,action,amount\na,pay,1.5\n,pay,2\nb,pay,3\n")
    return tmp_path


def test_a_config_file_has_the_source_and_any_option(box: Sandbox, folder: Path) -> None:
    done = gameball("send", "--config", folder / "feed.toml", "--json", url=box.url)
    assert (done.code, done.source["invalid"], done.source["requests"]) == (3, 1, 2)
    assert done.source["ledger"] == str(folder / "feed.ledger")
    assert box.events == {("a", "pay", '{"amount":1.5}'): 1, ("b", "pay", '{"amount":3.0}'): 1}
    again = gameball("send", f"--config={folder / 'feed.toml'}", "--json", url=box.url)
    assert again.source["accepted_in_earlier_runs"] == 2


def test_the_command_line_overrides_a_config_file(box: Sandbox, folder: Path) -> None:
    other = folder / "other.csv"
    other.write_text("user_id,action,amount\na,pay,1\nb,pay,2\n")
    words = ("send", other, "--config", "feed.toml", "--ledger", "other.ledger", "--max-objects", 2)
    done = gameball(*words, "--types", "amount=int", "--json", url=box.url, cwd=folder)
    assert (done.code, done.source["requests"], done.source["ledger"]) == (0, 1, "other.ledger")
    assert ("a", "pay", '{"amount":1}') in box.events


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("speed = 3", "unknown setting speed; the settings are any-order, concurrency, "),
        ("config = 'other.toml'", "unknown setting config"),
        ("max-objects = [[1]]", "max-objects must be a string, a number, true or false, or a list or table"),
        ("max-objects = 'many'", "many"),
        ("source = 'a'\nsource = 'b'", "is not TOML"),
    ],
)
def test_a_setting_that_is_wrong_is_named(text: str, said: str, box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(line(1))
    (tmp_path / "feed.toml").write_text(text)
    done = gameball("send", "events.jsonl", "--config", "feed.toml", url=box.url, cwd=tmp_path)
    assert done.code == 2
    assert said in done.err
    assert box.received == []


@pytest.mark.parametrize("words", [["--config"], ["--config", "absent.toml"], ["--config", "."]])
def test_a_config_file_that_cannot_be_read_is_a_usage_error(words: list[str], tmp_path: Path) -> None:
    done = gameball("send", "events.jsonl", *words, cwd=tmp_path)
    assert done.code == 2
    assert done.err.startswith("gameball: --config")
