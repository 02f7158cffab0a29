"""``gameball send``, run as a process against the sandbox."""

import gzip
import json
import subprocess
import threading
from pathlib import Path

import pytest
from command import GAMEBALL, begin, environment, gameball, line, places, rejects, write_events
from waiting import LONGEST, wait_until

from gameball.sandbox import Fault, Received, Sandbox


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_events(tmp_path / "events.jsonl", 2500)


def test_a_file_is_sent_and_recorded_beside_itself(box: Sandbox, source: Path) -> None:
    done = gameball("send", "events.jsonl", url=box.url, cwd=source.parent)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("events.jsonl: 2,500 events, 3 requests, ")
    assert "2,500 accepted" in done.out
    assert sum(box.events.values()) == 2500
    assert source.with_name("events.jsonl.ledger").exists()


def test_the_same_command_again_sends_nothing_and_says_so(box: Sandbox, source: Path) -> None:
    gameball("send", source, url=box.url)
    again = gameball("send", source, url=box.url)
    assert again.code == 0
    assert "2,500 accepted (2,500 in earlier runs)" in again.out
    assert len(box.batches) == 3


def test_json_is_all_there_is_on_standard_output(box: Sandbox, source: Path) -> None:
    done = gameball("send", source, "--json", url=box.url)
    assert (done.code, done.err) == (0, "")
    assert done.source["events"] == {"accepted": 2500, "rejected": 0, "unknown": 0, "unsent": 0}
    assert len(set(done.source["job_ids"])) == 3
    assert (done.source["requests"], done.source["objects"]) == (3, 2500)
    assert done.report["exit_code"] == 0


def test_standard_input_is_sent_and_has_no_ledger(box: Sandbox, source: Path, tmp_path: Path) -> None:
    done = gameball("send", "-", "--json", url=box.url, cwd=tmp_path, given=source.read_bytes())
    assert done.source["source"] == "standard input"
    assert (done.code, done.source["ledger"], done.source["events"]["accepted"]) == (0, None, 2500)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.jsonl"]


def test_several_sources_are_sent_one_after_the_other_each_with_its_ledger(
    box: Sandbox, tmp_path: Path
) -> None:
    first = write_events(tmp_path / "first.jsonl", 3)
    second = tmp_path / "second.csv"
    second.write_text("customer_id,name\nc1,bought\n")
    done = gameball("send", first, second, "--json", url=box.url)
    assert (done.code, [source["ledger"] for source in done.report["sources"]]) == (
        0,
        [f"{first}.ledger", f"{second}.ledger"],
    )
    assert sum(box.events.values()) == 4


def test_what_was_sent_is_told_even_when_a_later_source_cannot_begin(box: Sandbox, tmp_path: Path) -> None:
    first, second = (write_events(tmp_path / name, 3) for name in ("first.jsonl", "second.jsonl"))
    third = write_events(tmp_path / "third.jsonl", 3)
    (tmp_path / "second.jsonl.ledger").write_text("no ledger")
    done = gameball("send", first, second, third, "--json", url=box.url)
    sources = done.report["sources"]
    assert (done.code, [source["exit_code"] for source in sources]) == (2, [0, 2])
    assert sources[0]["events"]["accepted"] == 3
    assert "second.jsonl.ledger" in sources[1]["error"]
    assert done.report["not_begun"] == [str(third)]
    shown = gameball("send", first, second, third, url=box.url)
    assert shown.code == 2
    assert "3 accepted (3 in earlier runs)" in shown.out
    assert "third.jsonl: not started" in shown.out


def test_columns_are_renamed_and_typed_as_told(box: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "users.csv"
    source.write_text("user,action,amount,vip\nc1,bought,2.50,yes\nc2,bought,3,no\n")
    words = ("--map", "name=action", "--map", "customer_id=user", "--types", "amount=float,vip=bool")
    assert gameball("send", source, *words, url=box.url).code == 0
    assert box.events == {
        ("c1", "bought", '{"amount":2.5,"vip":true}'): 1,
        ("c2", "bought", '{"amount":3.0,"vip":false}'): 1,
    }
    # Mapped otherwise they would be other events: the ledger notices.
    other = gameball("send", source, *words[:-1], "amount=float", url=box.url)
    assert (other.code, "differ from those recorded" in other.out) == (2, True)


def test_a_cell_of_another_type_is_named_with_its_line(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("customer_id,name,amount\nc1,bought,2.50\nc2,bought,much\n")
    done = gameball("send", "users.csv", "--types", "amount=float", url=box.url, cwd=tmp_path)
    assert done.code == 3
    assert "users.csv, line 3: " in done.out
    assert "amount" in done.out
    assert "much" not in done.out


BROKEN = {
    "bad JSON": (b'{"customer_id": "c", "name": \n', "is not JSON"),
    "no customer": (b'{"name": "x"}\n', "customer_id"),
    "a wrong type": (b'{"customer_id": 7, "name": "x"}\n', "must be a string"),
    "metadata of a wrong type": (b'{"customer_id": "c", "name": "x", "metadata": [1]}\n', "metadata"),
    "invalid UTF-8": (b'{"customer_id": "\xff", "name": "x"}\n', "UTF-8"),
    "50 MB": (
        b'{"customer_id": "c", "name": "x", "metadata": {"a": "' + b"a" * 50_000_000 + b'"}}\n',
        "8 MiB",
    ),
    "too large for a request": (
        b'{"customer_id": "c", "name": "x", "metadata": {"a": "' + b"a" * 2_000_000 + b'"}}\n',
        "max_bytes",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_line_ends_the_send_with_file_line_and_reason(
    kind: str, box: Sandbox, tmp_path: Path
) -> None:
    broken, reason = BROKEN[kind]
    source = tmp_path / "events.jsonl"
    source.write_bytes(line(1).encode() + b"\n" + broken + line(2).encode())
    done = gameball("send", "events.jsonl", url=box.url, cwd=tmp_path)
    assert (done.code, done.err) == (3, "")
    assert "events.jsonl, line 3: " in done.out
    assert reason in done.out
    assert "events.jsonl was not read after line 3: correct that line, or skip" in done.out
    assert len(done.out) < 1000
    assert sum(box.events.values()) == 1
    # Corrected, the same command sends the rest.
    source.write_text(line(1) + "\n" + line(3) + line(2))
    again = gameball("send", "events.jsonl", url=box.url, cwd=tmp_path)
    assert again.code == 0
    assert sorted(customer for customer, _, _ in box.events) == ["cust-1", "cust-2", "cust-3"]
    assert set(box.events.values()) == {1}


def test_with_skip_invalid_the_rest_is_delivered_and_the_corrected_rejects_can_be_sent(
    box: Sandbox, tmp_path: Path
) -> None:
    source = tmp_path / "events.jsonl"
    lines = [line(0).encode(), *(broken for broken, _ in BROKEN.values()), line(1).encode()]
    source.write_bytes(b"".join(lines))
    words = ("--skip-invalid", "--rejects", tmp_path / "rejects.jsonl", "--json")
    done = gameball("send", source, *words, url=box.url)
    assert (done.code, done.source["events"]["accepted"], done.source["invalid"]) == (3, 2, 7)
    assert places(tmp_path / "rejects.jsonl") == [(number, "invalid") for number in range(2, 9)]
    # As it is, nothing of it can be sent, and nothing gets lost by trying.
    untouched = gameball("send", tmp_path / "rejects.jsonl", "--skip-invalid", "--json", url=box.url)
    assert (untouched.code, untouched.source["invalid"]) == (3, 7)
    corrected = []
    for number, text in enumerate((tmp_path / "rejects.jsonl").read_text().splitlines()):
        row = json.loads(text)
        row.pop("text", None)
        corrected.append({**row, "customer_id": f"corrected-{number}", "name": "x", "metadata": {}})
    (tmp_path / "corrected.jsonl").write_text("\n".join(map(json.dumps, corrected)))
    sent = gameball("send", tmp_path / "corrected.jsonl", "--json", url=box.url)
    assert (sent.code, sent.source["events"]["accepted"]) == (0, 7)
    assert sum(box.events.values()) == 9


def test_a_truncated_gzip_is_named_and_what_was_whole_is_sent(box: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "events.jsonl.gz"
    whole = gzip.compress("".join(line(n, at=n * 7919 % 10007) for n in range(5000)).encode())
    source.write_bytes(whole[: len(whole) // 2])
    done = gameball("send", "events.jsonl.gz", "--skip-invalid", "--json", url=box.url, cwd=tmp_path)
    accepted = done.source["events"]["accepted"]
    assert done.code == 3
    assert 0 < accepted == sum(box.events.values()) < 5000
    assert f"events.jsonl.gz, line {accepted + 1}" in done.source["error"]
    # Whole again, the same command sends what was missing.
    source.write_bytes(whole)
    again = gameball("send", "events.jsonl.gz", "--skip-invalid", "--json", url=box.url, cwd=tmp_path)
    assert (again.code, again.source["accepted_in_earlier_runs"]) == (0, accepted)
    assert len(box.events) == 5000
    assert set(box.events.values()) == {1}


def test_every_line_that_was_not_accepted_is_among_the_rejects(box: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "events.jsonl"
    source.write_text("".join(line(n) + ("\n" if n % 3 else "no JSON\n") for n in range(12)))
    box.fail_next(Fault(), Fault(status=400), Fault(status=500), *[Fault(status=503)] * 5)
    words = ("--max-objects", "3", "--concurrency", "1", "--keep-going", "--skip-invalid", "--json")
    done = gameball("send", source, *words, "--rejects", tmp_path / "rejects.jsonl", url=box.url)
    assert done.code == 4
    assert done.source["events"] == {"accepted": 3, "rejected": 3, "unknown": 3, "unsent": 3}
    # Event n is on line 2n + 1, and below every third one is a line that is none.
    by_line = {2 * n + 1: ["accepted", "rejected", "unknown", "unsent"][n // 3] for n in range(12)}
    expected = {number: outcome for number, outcome in by_line.items() if outcome != "accepted"}
    expected |= dict.fromkeys((2, 8, 14, 20), "invalid")
    assert dict(places(tmp_path / "rejects.jsonl")) == expected
    failures = [(failure["first_line"], failure["last_line"]) for failure in done.source["failures"]]
    assert failures == [(7, 11), (13, 17), (19, 23)]
    assert all(
        reject["reason"] and reject["source"] == str(source) for reject in rejects(tmp_path / "rejects.jsonl")
    )


def test_unknown_lines_among_the_rejects_are_not_sent_again_on_the_quiet(box: Sandbox, source: Path) -> None:
    box.fail_next(Fault(status=500, accepts=True))
    path = source.with_name("rejects.jsonl")
    first = gameball("send", source, "--rejects", path, "--concurrency", "1", url=box.url)
    assert first.code == 4
    assert "--on-unknown resend" in first.out
    # A request may have been read ahead, with the line that did not fit into it.
    lines = len(places(path))
    assert lines in {1000, 1001, 2001}
    assert set(places(path)) == {
        *((n, "unknown") for n in range(1, 1001)),
        *((n, "unsent") for n in range(1001, lines + 1)),
    }
    refused = gameball("send", path, "--skip-invalid", "--json", url=box.url)
    assert (refused.code, refused.source["invalid"]) == (3, 1000)
    assert set(box.events.values()) == {1}
    allowed = gameball("send", path, "--on-unknown", "resend", "--no-ledger", "--json", url=box.url)
    assert (allowed.code, allowed.source["events"]["accepted"]) == (0, lines)


def test_a_file_of_rejects_that_is_there_is_kept(box: Sandbox, source: Path) -> None:
    path = source.with_name("rejects.jsonl")
    path.write_text("somebody is correcting this")
    box.fail_next(Fault(status=400))
    assert gameball("send", source, "--rejects", path, "--concurrency", 1, url=box.url).code == 3
    assert path.with_name("rejects.jsonl.1").read_text() == "somebody is correcting this"
    assert len(places(path)) == 1000
    # Nothing is rejected now; the lines of before must not lie there as if they were still open.
    assert gameball("send", source, "--rejects", path, url=box.url).code == 0
    assert not path.exists()
    assert len(places(path.with_name("rejects.jsonl.2"))) == 1000


def test_what_fails_in_a_job_is_a_reject_too(tmp_path: Path) -> None:
    source = write_events(tmp_path / "events.jsonl", 20)
    with source.open("a") as file:
        file.write(line(7, again=True))
    failing = {"cust-3": "The account is closed", "cust-7": "No such campaign"}
    with Sandbox(failing_customers=failing, job_seconds=0.1) as box:
        done = gameball("send", source, "--wait", "--json", "--rejects", tmp_path / "r.jsonl", url=box.url)
    assert done.code == 3
    assert [(f["customer_id"], f["message"]) for f in done.source["failed_in_jobs"]] == [
        ("cust-3", "The account is closed"),
        ("cust-7", "No such campaign"),
        ("cust-7", "No such campaign"),
    ]
    assert sorted(places(tmp_path / "r.jsonl")) == [(4, "failed"), (8, "failed"), (21, "failed")]
    assert {reject["reason"] for reject in rejects(tmp_path / "r.jsonl")} == {
        "in job 1001: The account is closed",
        "in job 1001: No such campaign",
    }


def test_a_job_that_failed_as_a_whole_is_no_success(source: Path) -> None:
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


def test_a_dry_run_checks_everything_and_sends_nothing(tmp_path: Path) -> None:
    source = write_events(tmp_path / "events.jsonl", 2500)
    with source.open("a") as file:
        file.write("no JSON\n" + line(1))
    done = gameball("send", source, "--dry-run")
    assert done.code == 3
    assert "2,501 events in 2,501 objects, 3 requests" in done.out
    assert "line 2501: is not JSON" in done.out
    assert "Nothing was sent" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]
    slow = gameball("send", source, "--dry-run", "--json", "--max-objects", "2")
    # 1,251 requests: 360 in each 30 seconds, and the last 171 of them 30 per second.
    assert slow.report["seconds_at_least"] == 95
    assert slow.source["requests"] == 1251


def test_what_stays_unknown_stops_the_reading_and_rejections_do_not(box: Sandbox, source: Path) -> None:
    box.fail_next(Fault(status=400), Fault(status=500))
    words = ("--max-objects", "100", "--concurrency", "1", "--json")
    done = gameball("send", source, *words, url=box.url)
    assert (done.code, len(box.batches)) == (4, 2)
    assert done.source["events"] == {"accepted": 0, "rejected": 100, "unknown": 100, "unsent": 101}
    rest = gameball("send", source, *words, url=box.url)
    assert rest.source["events"] == {"accepted": 2400, "rejected": 0, "unknown": 100, "unsent": 0}
    assert rest.code == 4
    resent = gameball("send", source, *words, "--on-unknown", "resend", url=box.url)
    assert (resent.code, resent.source["events"]["accepted"]) == (0, 2500)


def test_the_sources_after_one_that_was_not_finished_are_not_begun(box: Sandbox, tmp_path: Path) -> None:
    first, second = (write_events(tmp_path / f"{name}.jsonl", 3) for name in ("first", "second"))
    box.fail_next(Fault(status=500))
    in_words = gameball("send", first, second, url=box.url)
    assert in_words.code == 4
    assert f"{second}: not started" in in_words.out
    assert f"run the same command again: gameball send {first} {second}" in in_words.out


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_keys_have_an_exit_code_of_their_own(status: int, box: Sandbox, source: Path) -> None:
    box.fail_next(Fault(status=status))
    done = gameball("send", source, url=box.url)
    assert done.code == 5
    assert f"HTTP {status}" in done.out


def test_a_ledger_of_another_file_is_refused(box: Sandbox, source: Path) -> None:
    gameball("send", source, url=box.url)
    write_events(source, 2500, start=1)
    done = gameball("send", source, url=box.url)
    assert done.code == 2
    assert "differ from those recorded in the ledger" in done.out + done.err
    assert len(box.batches) == 3


def test_two_at_once_cannot_send_the_same_file(source: Path) -> None:
    finished = threading.Event()

    def wait(_: object) -> None:
        finished.wait(LONGEST)

    with Sandbox(plan=wait) as box:
        first = begin("send", source, url=box.url, cwd=source.parent)
        wait_until(lambda: box.batches)
        second = gameball("send", source, url=box.url)
        finished.set()
        assert second.code == 4
        assert "in use by another process" in second.err
        first.communicate()
        assert (first.returncode, len(box.batches)) == (0, 3)


def test_a_full_disk_is_told_before_anything_is_sent(box: Sandbox, source: Path) -> None:
    done = gameball("send", source, "--ledger", "/dev/full", url=box.url)
    assert done.code == 2
    assert done.err.startswith("gameball: the ledger /dev/full")
    assert done.err.count("\n") == 1
    assert not box.batches


def test_where_the_rejects_cannot_be_written_is_told_before_anything_is_sent(
    box: Sandbox, source: Path
) -> None:
    """A device was renamed once, to keep it as the file of rejects that was there."""
    for path in ("/dev/full", source.parent / "absent" / "rejects.jsonl", source.parent):
        done = gameball("send", source, "--rejects", path, url=box.url)
        assert (done.code, done.err.count("\n")) == (2, 1)
    assert not box.batches
    assert Path("/dev/full").is_char_device()


def test_an_output_that_is_full_is_no_success(box: Sandbox, source: Path) -> None:
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


def test_the_ledger_is_never_taken_for_the_rejects(box: Sandbox, source: Path) -> None:
    """It was moved aside once, and the next run sent everything twice."""
    ledger = source.with_name("events.jsonl.ledger")
    assert gameball("send", source, url=box.url).code == 0
    for words in ([], ["--no-ledger"], ["--ledger", "other.ledger"]):
        refused = gameball("send", source, *words, "--rejects", ledger, url=box.url, cwd=source.parent)
        assert (refused.code, "is the ledger" in refused.err) == (2, True)
    assert gameball("send", source, url=box.url).code == 0
    assert set(box.events.values()) == {1}


def test_a_source_by_another_name_is_the_same_source(box: Sandbox, source: Path) -> None:
    link = source.with_name("link.jsonl")
    link.symlink_to(source)
    around = source.parent / "a" / ".." / "events.jsonl"
    (source.parent / "a").mkdir()
    for other in (link, around):
        done = gameball("send", source, other, url=box.url)
        assert (done.code, "given twice" in done.err) == (2, True)
    assert not box.batches


def test_what_was_not_read_is_told_and_the_rejects_are_not_called_the_rest(
    box: Sandbox, tmp_path: Path
) -> None:
    source = write_events(tmp_path / "events.jsonl", 300)
    box.fail_next(Fault(status=500))
    words = ("--max-objects", "10", "--concurrency", "1", "--rejects", tmp_path / "r.jsonl")
    stopped = gameball("send", source, *words, url=box.url)
    assert f"{source} was not read to its end." in stopped.out
    assert "That file is incomplete." in stopped.out
    assert "Correct and send" not in stopped.out
    assert "To send the remaining events, run the same command again" in stopped.out
    text = "".join(line(n) for n in range(3)) + "junk\n" + line(3)
    cut = gameball(
        "send", "-", "--rejects", tmp_path / "s.jsonl", url=box.url, cwd=tmp_path, given=text.encode()
    )
    assert "standard input was not read after line 4" in cut.out
    assert "That file is incomplete." in cut.out
    assert "running the same command again sends accepted events again" in cut.out


def test_jobs_are_followed_even_when_an_invalid_line_ended_the_send(tmp_path: Path) -> None:
    source = write_events(tmp_path / "events.jsonl", 5)
    with source.open("a") as file:
        file.write("junk\n")
    with Sandbox(failing_customers={"cust-3": "The account is closed"}, job_seconds=0.1) as box:
        done = gameball("send", source, "--wait", url=box.url)
    assert done.code == 3
    assert "customer cust-3: The account is closed" in done.out
    assert "Items that failed in a job count as accepted" in done.out
