"""Files of rejects: what was there before is kept, and so is what its ledger knows."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from broken_lines import BROKEN
from command import gameball, line, places, rejects, write_events

from gameball import (
    Event,
    Gameball,
    Ledger,
    Outcome,
    SourceError,
)
from gameball.cli.send.rejects import (
    FailedJob,
    Reject,
    RejectsFile,
    beside,
    encode_reject,
    find_rejects,
    keep_aside,
)
from gameball.cli.send.tally import Failure
from gameball.sandbox import Fault, Sandbox
from gameball.sources import Row


def test_rejects_that_were_sent_are_set_aside_with_their_ledger(box: Sandbox, tmp_path: Path) -> None:
    # The ledger's write-ahead log stayed behind once, and the same lines were sent again with exit code 0.
    rejects = tmp_path / "rejects.jsonl"
    rejects.write_text("corrected")
    with Gameball("key", "secret", base_url=box.url) as client:
        client.events.send([Event("a", "x")], ledger=beside(rejects))
    keep_aside(rejects)
    aside = tmp_path / "rejects.jsonl.1"
    assert aside.read_text() == "corrected"
    with Ledger(beside(aside)) as ledger:
        assert [chunk.outcome for chunk in ledger.chunks()] == [Outcome.ACCEPTED]
    assert sorted(file.name for file in tmp_path.iterdir()) == [aside.name, beside(aside).name]


def test_rejects_are_for_their_owner_only_and_follow_no_link(tmp_path: Path) -> None:
    # A file beside it was once opened blindly, which emptied the file that it was linked to.
    precious = tmp_path / "precious"
    precious.write_text("precious")
    path = tmp_path / "rejects.jsonl"
    path.with_name("rejects.jsonl.part").symlink_to(precious)
    with RejectsFile(path) as rejects:
        row = Row(line=1, fields={"customer_id": "a"}, position=0, text="", problem=None)
        rejects.add(Reject(row, "rejected", "no"))
    assert precious.read_text() == "precious"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_rejects_that_somebody_is_sending_stay_and_the_new_ones_get_another_name(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    path.write_text("being sent")
    with Ledger(beside(path)):
        with RejectsFile(path) as rejects:
            rejects.lines = 1
        assert path.read_text() == "being sent"
        assert beside(path).exists()
    assert rejects.path == tmp_path / "rejects.jsonl.1"
    assert rejects.path.exists()


def test_two_commands_with_rejects_of_one_name_keep_both(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    with RejectsFile(path) as one, RejectsFile(path) as other:
        one.lines = other.lines = 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["rejects.jsonl", "rejects.jsonl.1"]


@pytest.mark.parametrize("depth", [200, 253, 254, 255, 500, 1000])
def test_a_row_of_any_depth_can_be_written_to_the_rejects(depth: int) -> None:
    nested: Any = 1
    for _ in range(depth):
        nested = [nested]
    row = Row(7, 0, {"customer_id": "a", "name": "x", "metadata": {"deep": nested}}, None, "is refused")
    written = encode_reject(Reject(row, "invalid", "is refused", None))
    mark = orjson.loads(written)["_rejected"]
    assert (mark["line"], mark["reason"]) == (7, "is refused")


class _Rows:
    """A source with an event on each line, of the customers given; None is a line that cannot be sent."""

    name = "events.jsonl"

    def __init__(self, *customers: str | None, breaks_off: bool = False) -> None:
        self._customers = customers
        self._breaks_off = breaks_off

    def rows(self, *, max_bytes: int) -> Iterator[Row]:
        assert max_bytes == 2_000_000
        position = 0
        for number, customer in enumerate(self._customers, 1):
            if customer is None:
                yield Row(number, None, None, "no JSON", "is not JSON")
                continue
            yield Row(number, position, {"customer_id": customer, "name": "x"}, None, None)
            position += 1
        if self._breaks_off:
            raise SourceError(source=self.name, line=99, reason="breaks off")


def found(
    source: _Rows, failures: list[Failure], jobs: list[FailedJob], end: int
) -> list[tuple[int, str, str]]:
    rejects = find_rejects(source, failures, jobs, end, 2_000_000)
    return [(reject.row.line, reject.outcome, reject.reason) for reject in rejects]


def test_lines_that_were_not_read_are_not_rejects() -> None:
    source = _Rows("a", None, "b", "c", None)
    assert found(source, [Failure(1, 1, Outcome.REJECTED, "no", 1)], [], 2) == [
        (2, "invalid", "is not JSON"),
        (3, "rejected", "no"),
    ]


def test_a_source_that_fails_again_still_has_its_rejects() -> None:
    job = FailedJob(7, range(2), {"a": ["closed"]})
    assert found(_Rows("a", "b", breaks_off=True), [], [job], 2) == [(1, "failed", "in job 7: closed")]


def test_a_failed_customer_with_several_events_in_a_job_makes_them_unknown() -> None:
    job = FailedJob(7, range(3), {"a": ["closed"]})
    rejects = found(_Rows("a", "b", "a", "a"), [], [job], 4)
    assert [(line, outcome) for line, outcome, _ in rejects] == [(1, "unknown"), (3, "unknown")]
    assert all("who has several events in it" in reason for _, _, reason in rejects)


class _OneRow:
    name = "rejects.jsonl"

    def __init__(self, row: Row) -> None:
        self._row = row

    def rows(self, *, max_bytes: int) -> list[Row]:
        assert max_bytes
        return [self._row]


def test_a_row_that_was_refused_for_its_rejected_mark_keeps_it() -> None:
    mark = {"source": "events.jsonl", "line": 7, "outcome": "unknown", "reason": "a reset"}
    row = Row(1, None, {"customer_id": "a", "name": "x", "_rejected": mark}, None, "may have been accepted")
    (reject,) = find_rejects(_OneRow(row), [], [], 1, 2_000_000)
    assert b'"outcome":"unknown"' in encode_reject(reject)


def test_new_rejects_are_not_confused_with_older_ones_of_the_same_name(box: Sandbox, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.jsonl"
    for day in range(2):
        source = tmp_path / f"day{day}.jsonl"
        source.write_text(line(day) + '{"customer": "amy", "name": "login"}\n')
        assert gameball("send", source, "--skip-invalid", "--rejects", rejects, url=box.url).code == 3
        rejects.write_text(rejects.read_text().replace('"customer"', '"customer_id"'))
        assert gameball("send", rejects, url=box.url).code == 0
    assert box.events["amy", "login", "{}"] == 2


def test_a_value_that_json_cannot_represent_is_not_sent_uncorrected(box: Sandbox, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("customer_id,name,amount\na,x,1.5\nb,x,nan\n")
    words = ("--types", "amount=float", "--skip-invalid", "--rejects", tmp_path / "r.jsonl")
    assert gameball("send", table, *words, url=box.url).code == 3
    again = gameball("send", tmp_path / "r.jsonl", url=box.url)
    assert (again.code, sum(box.events.values())) == (3, 1)


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


def test_unknown_lines_in_the_rejects_are_not_silently_sent_again(box: Sandbox, source: Path) -> None:
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


# They were written as unsent, and whoever sent that file sent most of them twice.
def test_lines_of_a_changed_file_that_was_sent_are_rejects_that_may_have_been_accepted(
    box: Sandbox, tmp_path: Path
) -> None:
    source, path = tmp_path / "events.jsonl", tmp_path / "rejects.jsonl"
    source.write_text("".join(line(n) + "\n" if n != 3 else "no JSON\n" for n in range(6)))
    words = ("send", source, "--skip-invalid", "--rejects", path)
    assert gameball(*words, url=box.url).code == 3
    source.write_text("".join(line(n) + "\n" for n in range(6)))
    refused = gameball(*words, "--json", url=box.url)
    assert (refused.code, refused.source["events"]["unknown"]) == (2, 5)
    assert {outcome for _, outcome in places(path)} == {"unknown"}
    assert gameball("send", path, url=box.url).code == 3
    assert set(box.events.values()) == {1}


def test_an_existing_rejects_file_is_kept(box: Sandbox, source: Path) -> None:
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


def test_an_item_that_fails_in_its_job_is_a_reject(tmp_path: Path) -> None:
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


def test_rejects_that_cannot_be_written_are_reported_before_anything_is_sent(
    box: Sandbox, source: Path
) -> None:
    """A device was renamed once, to keep it as the file of rejects that was there."""
    for path in ("/dev/full", source.parent / "absent" / "rejects.jsonl", source.parent):
        done = gameball("send", source, "--rejects", path, url=box.url)
        assert (done.code, done.err.count("\n")) == (2, 1)
    assert not box.batches
    assert Path("/dev/full").is_char_device()
