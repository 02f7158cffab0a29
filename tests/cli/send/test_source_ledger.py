"""Files that were copied, linked or renamed: their events are not sent again by mistake."""

import shutil
from pathlib import Path

from command import gameball, line, write_events

from gameball.sandbox import Sandbox


def test_a_link_to_a_file_has_the_ledger_of_the_file(box: Sandbox, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "links"
    folder.mkdir()
    link = folder / "link.jsonl"
    link.symlink_to(source)
    assert gameball("send", source, url=box.url).code == 0
    again = gameball("send", link, "--json", url=box.url)
    assert again.source["accepted_in_earlier_runs"] == 2500
    assert len(box.batches) == 3
    assert list(folder.iterdir()) == [link]


def test_a_copy_of_a_file_that_was_sent_needs_a_decision(box: Sandbox, source: Path) -> None:
    assert gameball("send", source, url=box.url).code == 0
    copy = source.with_name("copy.jsonl")
    shutil.copyfile(source, copy)
    refused = gameball("send", copy, url=box.url)
    assert refused.code == 2
    said = f"{copy} has the same content as {source}, which was sent with the ledger {source}.ledger: if it"
    assert said in refused.err
    assert len(box.batches) == 3
    continued = gameball("send", copy, "--ledger", f"{source}.ledger", "--json", url=box.url)
    assert continued.source["accepted_in_earlier_runs"] == 2500
    assert len(box.batches) == 3
    assert gameball("send", copy, "--ledger", f"{copy}.ledger", url=box.url).code == 0
    assert len(box.batches) == 6
    # The decision is remembered by the ledger.
    assert gameball("send", copy, url=box.url).code == 0
    assert len(box.batches) == 6


def test_identical_files_in_a_folder_are_both_named_before_anything_is_sent(
    box: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "events"
    folder.mkdir()
    for number, name in enumerate("abc"):
        write_events(folder / f"{name}.jsonl", 3, start=3 * (number % 2))
    assert gameball("send", "events", "--dry-run", url=box.url, cwd=tmp_path).code == 2
    refused = gameball("send", "events", url=box.url, cwd=tmp_path)
    said = (
        "events/c.jsonl has the same content as events/a.jsonl: if it is a copy, leave it out; to send both"
    )
    assert (refused.code, said in refused.err) == (2, True)
    assert not box.batches
    # Both cures work.
    cures = [f"gameball send events/{name}.jsonl --ledger {folder}/{name}.jsonl.ledger" for name in "ac"]
    assert refused.err.strip().endswith(" && ".join(cures))
    for cure in cures:
        assert gameball(*cure.split()[1:], url=box.url, cwd=tmp_path).code == 0
    assert gameball("send", "events", url=box.url, cwd=tmp_path).code == 0
    assert sum(box.events.values()) == 9
    for ledger in folder.glob("*.ledger"):
        ledger.unlink()
    assert gameball("send", "events", "--ledger", "all.ledger", url=box.url, cwd=tmp_path).code == 0
    assert sum(box.events.values()) == 18


def test_files_with_other_content_are_sent_without_a_question(box: Sandbox, tmp_path: Path) -> None:
    one = write_events(tmp_path / "one.jsonl", 5)
    other = write_events(tmp_path / "other.jsonl", 5, start=3)
    empty, also_empty = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    empty.touch()
    also_empty.touch()
    for path in (one, other, empty, also_empty):
        assert gameball("send", path, url=box.url).code == 0
    # A file that has grown continues with its own ledger.
    one.write_text(one.read_text() + line(77))
    assert gameball("send", one, url=box.url).code == 0
    assert sum(box.events.values()) == 11


def test_a_file_that_is_no_ledger_does_not_matter(box: Sandbox, source: Path) -> None:
    source.with_name("notes.ledger").write_text("bread, milk")
    source.with_name("empty.ledger").touch()
    assert gameball("send", source, url=box.url).code == 0
