"""``gameball send --log-file``."""

import re
from pathlib import Path

from command import gameball, line

from gameball.sandbox import Fault, Sandbox


def test_a_log_file_has_requests_retries_outcomes_and_the_end(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(line(1) + line(2))
    box.fail_next(Fault(status=503), Fault(), Fault(status=400))
    words = ("--max-objects", 1, "--concurrency", 1, "--log-file", "send.log")
    done = gameball("send", "events.jsonl", *words, url=box.url, cwd=tmp_path)
    assert (done.code, done.problems) == (3, "")
    log = (tmp_path / "send.log").read_text()
    lines = log.splitlines()
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert all(re.match(rf"{stamp} (DEBUG|INFO|WARNING) ", text) for text in lines)
    assert "ServerError: HTTP 503" in log
    assert "retry in" in log
    assert re.search(r"WARNING source items 1 to 1 .*REJECTED: InvalidRequestError: HTTP 400", log)
    assert re.search(r"INFO send ended .* 1 accepted, 1 rejected", log)
    assert "secret" not in log
    assert "song_liked" not in log
    # A second run appends.
    assert gameball("send", "events.jsonl", *words, url=box.url, cwd=tmp_path).code == 0
    assert (tmp_path / "send.log").read_text().startswith(log)


def test_a_log_file_that_cannot_be_written_is_a_usage_error(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(line(1))
    done = gameball("send", "events.jsonl", "--log-file", "absent/send.log", url=box.url, cwd=tmp_path)
    assert (done.code, done.err) == (
        2,
        "gameball: --log-file absent/send.log cannot be written: No such file or directory\n",
    )
    assert box.received == []


def test_a_log_file_on_a_full_disk_does_not_disturb_the_send(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(line(1))
    done = gameball("send", "events.jsonl", "--log-file", "/dev/full", url=box.url, cwd=tmp_path)
    # No event is lost, but what was asked for cannot be written.
    assert (done.code, done.problems) == (
        2,
        "gameball: the log /dev/full is incomplete: No space left on device\n",
    )
    assert "1 accepted" in done.out
    assert sum(box.events.values()) == 1
