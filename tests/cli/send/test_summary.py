"""What ``gameball send`` reports at its end, and what it advises."""

import signal
import subprocess
from pathlib import Path

from command import GAMEBALL, begin, environment, gameball, line, write_events
from long_send import COUNT, WORDS

from gameball.sandbox import Fault, Received, Sandbox


def test_without_a_ledger_the_user_is_told_that_the_same_command_would_send_twice(
    slow_box: Sandbox, tmp_path: Path
) -> None:
    write_events(tmp_path / "events.jsonl", COUNT)
    process = begin("send", *WORDS, "--no-ledger", url=slow_box.url, cwd=tmp_path)
    slow_box.wait_for(lambda: len(slow_box.batches) >= 8)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert b"running the same command again sends accepted events again" in out
    assert b"run the same command again:" not in out


def test_with_json_standard_output_has_only_the_report(box: Sandbox, source: Path) -> None:
    done = gameball("send", source, "--json", url=box.url)
    assert (done.code, done.problems) == (0, "")
    assert done.source["events"] == {"accepted": 2500, "rejected": 0, "unknown": 0, "unsent": 0}
    assert len(set(done.source["job_ids"])) == 3
    assert (done.source["requests"], done.source["objects"]) == (3, 2500)
    assert done.report["exit_code"] == 0


def test_a_job_that_failed_as_a_whole_is_not_a_success(source: Path) -> None:
    def fail(received: Received) -> Fault | None:
        failed = b'{"status": "failed", "totalCount": 3, "errorCount": 2, "response": null}'
        return Fault(body=failed) if received.method == "GET" else None

    with Sandbox(plan=fail) as box:
        done = gameball("send", source, "--wait", "--no-ledger", url=box.url)
        assert done.code == 3
        assert "failed, 2 of 3 failed; Gameball does not list the failed items" in done.out
        assert "nothing failed" not in done.out
        waited = gameball("job", "wait", 1, url=box.url)
        assert (waited.code, "failed" in waited.out) == (3, True)
        report = gameball("send", source, "--wait", "--no-ledger", "--json", url=box.url)
        assert {job["status"] for job in report.source["jobs_with_failures"]} == {"failed"}


def test_standard_output_that_is_full_is_not_a_success(box: Sandbox, source: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run(
            [GAMEBALL, "send", source],
            env=environment(box.url),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert process.returncode == 2
    assert process.stderr.startswith(b"gameball: ")
    assert sum(box.events.values()) == 2500


def test_a_source_not_read_to_its_end_is_reported_and_the_rejects_are_called_incomplete(
    box: Sandbox, tmp_path: Path
) -> None:
    source = write_events(tmp_path / "events.jsonl", 300)
    box.fail_next(Fault(status=500))
    words = ("--max-objects", "10", "--concurrency", "1", "--rejects", tmp_path / "r.jsonl")
    stopped = gameball("send", source, *words, url=box.url)
    assert f"{source} was not read to its end." in stopped.out
    assert "That file is incomplete." in stopped.out
    assert "correct and send" not in stopped.out
    assert "Next: to send the remaining events, run the same command again" in stopped.out
    text = "".join(line(n) for n in range(3)) + "junk\n" + line(3)
    cut = gameball(
        "send", "-", "--rejects", tmp_path / "s.jsonl", url=box.url, cwd=tmp_path, given=text.encode()
    )
    assert "Next: correct line 4 of standard input" in cut.out
    assert "That file is incomplete." in cut.out
    assert "running the same command again sends accepted events again" in cut.out
