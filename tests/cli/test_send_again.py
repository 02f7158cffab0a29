"""What a stranger to the command found it doing with files that are sent again, changed, piped or linked."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from command import gameball, line, write_events

from gameball.sandbox import Fault, Sandbox


def test_rejects_of_the_same_name_are_not_taken_for_those_of_the_day_before(
    box: Sandbox, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejects.jsonl"
    for day in range(2):
        source = tmp_path / f"day{day}.jsonl"
        source.write_text(line(day) + '{"customer": "amy", "name": "login"}\n')
        assert gameball("send", source, "--skip-invalid", "--rejects", rejects, url=box.url).code == 3
        rejects.write_text(rejects.read_text().replace('"customer"', '"customer_id"'))
        assert gameball("send", rejects, url=box.url).code == 0
    assert box.events["amy", "login", "{}"] == 2


def test_a_send_that_is_refused_changes_nothing_in_the_ledger(box: Sandbox, tmp_path: Path) -> None:
    mine, other = write_events(tmp_path / "a.jsonl", 5), write_events(tmp_path / "b.jsonl", 5, start=9)
    assert gameball("send", mine, url=box.url).code == 0
    ledger = tmp_path / "a.jsonl.ledger"
    assert gameball("send", other, "--ledger", ledger, url=box.url).code == 2
    assert str(mine) in gameball("ledger", "show", ledger).out


def test_lines_of_a_source_that_has_changed_are_not_printed(box: Sandbox, tmp_path: Path) -> None:
    source = write_events(tmp_path / "a.jsonl", 20)
    box.fail_next(Fault(), Fault(status=500))
    assert gameball("send", source, "--max-objects", "5", "--concurrency", "1", url=box.url).code == 4
    ledger = tmp_path / "a.jsonl.ledger"
    assert gameball("ledger", "show", ledger, "--unknown").out.count("\n") == 5
    source.write_text(line(99) + source.read_text())
    changed = gameball("ledger", "show", ledger, "--unknown")
    assert (changed.code, changed.out) == (2, "")
    assert "is not the source that was sent" in changed.err


def test_what_an_earlier_run_left_unknown_stops_nothing(box: Sandbox, tmp_path: Path) -> None:
    first, second = write_events(tmp_path / "a.jsonl", 20), write_events(tmp_path / "b.jsonl", 5, start=50)
    box.fail_next(Fault(status=500, accepts=True))
    words = ("send", first, second, "--max-objects", "5", "--json")
    assert gameball(*words, url=box.url).report["not_begun"] == [str(second)]
    again = gameball(*words, url=box.url)
    assert (again.code, again.report["not_begun"]) == (4, [])
    assert [source["read_to_its_end"] for source in again.report["sources"]] == [True, True]
    assert set(box.events.values()) == {1}
    assert len(box.events) == 25


def test_a_ledger_tells_when_its_source_was_not_read_to_its_end(box: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text(line(0) + "no JSON\n" + line(1))
    gameball("send", source, url=box.url)
    shown = gameball("ledger", "show", tmp_path / "a.jsonl.ledger")
    assert (shown.code, "not read to its end" in shown.out) == (4, True)
    gameball("send", source, "--skip-invalid", url=box.url)
    shown = gameball("ledger", "show", tmp_path / "a.jsonl.ledger")
    assert (shown.code, "not read to its end" in shown.out) == (0, False)


def test_a_pipe_is_read_once_and_has_no_ledger(box: Sandbox, tmp_path: Path) -> None:
    pipe = tmp_path / "a.jsonl"
    os.mkfifo(pipe)
    text = line(0) + "no JSON\n" + line(1)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(pipe.write_text, text)
        done = gameball("send", pipe, "--skip-invalid", url=box.url)
    assert (done.code, sum(box.events.values())) == (3, 2)
    assert list(tmp_path.iterdir()) == [pipe]
    refused = gameball("send", pipe, "--rejects", tmp_path / "r.jsonl", url=box.url)
    assert (refused.code, "only once" in refused.err) == (2, True)


def test_one_file_under_two_names_is_not_sent_twice(box: Sandbox, tmp_path: Path) -> None:
    source = write_events(tmp_path / "a.jsonl", 2)
    os.link(source, tmp_path / "b.jsonl")
    done = gameball("send", source, tmp_path / "b.jsonl", url=box.url)
    assert (done.code, "given twice" in done.err) == (2, True)
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "c.jsonl")
    linked = gameball("send", source, "--rejects", tmp_path / "link.jsonl", url=box.url)
    assert (linked.code, "not a regular file" in linked.err) == (2, True)
    assert not box.received


def test_a_value_of_a_table_that_json_has_no_form_for_is_not_sent_uncorrected(
    box: Sandbox, tmp_path: Path
) -> None:
    table = tmp_path / "a.csv"
    table.write_text("customer_id,name,amount\na,x,1.5\nb,x,nan\n")
    words = ("--types", "amount=float", "--skip-invalid", "--rejects", tmp_path / "r.jsonl")
    assert gameball("send", table, *words, url=box.url).code == 3
    again = gameball("send", tmp_path / "r.jsonl", url=box.url)
    assert (again.code, sum(box.events.values())) == (3, 1)
