"""``gameball send``, run as a process against the sandbox."""

import os
from pathlib import Path

from command import gameball, write_events

from gameball.sandbox import Fault, Sandbox


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


def test_earlier_results_are_reported_when_a_later_source_cannot_start(box: Sandbox, tmp_path: Path) -> None:
    first, second, third = (
        write_events(tmp_path / f"{name}.jsonl", 3, start=3 * number)
        for number, name in enumerate(("first", "second", "third"))
    )
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


# Such a word was read as a list in JSON.
def test_a_pattern_may_begin_with_a_bracket(box: Sandbox, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_events(tmp_path / f"{name}.jsonl", 1, start=ord(name))
    done = gameball("send", "[ab].jsonl", url=box.url, cwd=tmp_path)
    assert (done.code, done.problems) == (0, "")
    assert sum(box.events.values()) == 2


def test_sources_after_an_unfinished_one_are_not_started(box: Sandbox, tmp_path: Path) -> None:
    first = write_events(tmp_path / "first.jsonl", 3)
    second = write_events(tmp_path / "second.jsonl", 3, start=3)
    box.fail_next(Fault(status=500))
    in_words = gameball("send", first, second, url=box.url)
    assert in_words.code == 4
    assert f"{second}: not started" in in_words.out
    assert f"run the same command again: gameball send {first} {second}" in in_words.out


def test_the_ledger_cannot_be_the_rejects_file(box: Sandbox, source: Path) -> None:
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


def test_one_file_under_two_names_is_not_sent_twice(box: Sandbox, tmp_path: Path) -> None:
    source = write_events(tmp_path / "a.jsonl", 2)
    os.link(source, tmp_path / "b.jsonl")
    done = gameball("send", source, tmp_path / "b.jsonl", url=box.url)
    assert (done.code, "given twice" in done.err) == (2, True)
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "c.jsonl")
    linked = gameball("send", source, "--rejects", tmp_path / "link.jsonl", url=box.url)
    assert (linked.code, "not a regular file" in linked.err) == (2, True)
    assert not box.received


def test_a_csv_file_in_another_dialect_is_sent_and_read_again_by_its_ledger(
    box: Sandbox, tmp_path: Path
) -> None:
    source = tmp_path / "events.csv"
    source.write_text("customer_id;name;n\nc;liked;'1;5'\nd;liked;NA\n", encoding="utf-16")
    box.fail_next(Fault(status=500))
    words = ("--delimiter", ";", "--quote", "'", "--null", "NA")
    assert gameball("send", source, *words, url=box.url).code == 4
    shown = gameball("ledger", "show", f"{source}.ledger", "--unknown")
    assert '"n":"1;5"' in shown.out
    assert '"n":null' in shown.out


def test_a_csv_file_without_a_header_is_sent(box: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "events.tsv"
    source.write_text("c\tliked\t517.0\t0.10\n")
    words = ("--no-header", "--map", "customer_id=1,name=2", "--types", "3=int,4=decimal")
    done = gameball("send", source, *words, url=box.url)
    assert done.code == 0, done.err
    assert list(box.events) == [("c", "liked", '{"3":517,"4":0.1}')]


def test_a_table_with_integer_ids_and_a_set_name_is_read_again_by_its_ledger(
    box: Sandbox, tmp_path: Path
) -> None:
    source = tmp_path / "events.jsonl"
    source.write_text('{"customer_id": 7, "n": 1}\n')
    box.fail_next(Fault(status=500))
    assert gameball("send", source, "--set", "name=purchase", url=box.url).code == 4
    shown = gameball("ledger", "show", f"{source}.ledger", "--unknown")
    assert '"name":"purchase"' in shown.out, shown.err
    words = ("--on-unknown", "resend")
    other = gameball("send", source, "--set", "name=refund", *words, url=box.url)
    assert (other.code, list(box.events)) == (2, []), other.err
    assert gameball("send", source, "--set", "name=purchase", *words, url=box.url).code == 0
    assert list(box.events) == [("7", "purchase", '{"n":1}')]
