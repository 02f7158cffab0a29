"""The files that the options of a send name, checked before anything is sent."""

from pathlib import Path

import pytest
from command import gameball, line, write_events

from gameball.sandbox import Sandbox


# The log was once appended to the source, which could not be read after that.
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("events.jsonl", "--log-file is the source: use another file"),
        ("link.jsonl", "--log-file is the source: use another file"),
        ("events.jsonl.ledger", "--log-file is the ledger: use another file"),
        ("rejects.jsonl", "--log-file is the file of --rejects: use another file"),
    ],
)
def test_a_log_file_overwrites_no_file_of_the_send(
    path: str, said: str, box: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "events.jsonl").write_text(line(1))
    (tmp_path / "link.jsonl").symlink_to("events.jsonl")
    words = ("send", "events.jsonl", "--rejects", "rejects.jsonl", "--log-file", path)
    done = gameball(*words, url=box.url, cwd=tmp_path)
    assert (done.code, done.err) == (2, f"gameball: {said}\n")
    assert (tmp_path / "events.jsonl").read_text() == line(1)
    assert box.received == []


def test_a_log_file_is_not_a_source_of_the_next_run(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(line(1))
    done = gameball("send", ".", "--log-file", "log.jsonl", url=box.url, cwd=tmp_path)
    assert done.code == 2
    assert "would be one of the sources of the next run" in done.err


# The error named no file, and a ledger was left over with which no other file of the folder could be sent.
def test_a_name_that_is_not_utf_8_is_refused_and_keeps_no_other_file_from_being_sent(
    box: Sandbox, tmp_path: Path
) -> None:
    write_events(tmp_path / "caf\udce9.jsonl", 1)
    write_events(tmp_path / "other.jsonl", 1, start=1)
    done = gameball("send", "caf\udce9.jsonl", url=box.url, cwd=tmp_path)
    assert done.code == 2
    assert "caf\\udce9.jsonl has a name that is not UTF-8" in done.err
    assert gameball("send", "other.jsonl", url=box.url, cwd=tmp_path).code == 0
    assert gameball("send", "caf\udce9.jsonl", "--no-ledger", url=box.url, cwd=tmp_path).code == 0
    assert sum(box.events.values()) == 2
