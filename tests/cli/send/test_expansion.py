"""Folders and patterns of files, sent by a process against the sandbox."""

import bz2
import lzma
import random
import time
from pathlib import Path

import pytest
from command import begin, gameball, line, rejects, write_events
from repetitions import repetitions
from waiting import LONGEST

from gameball.cli.send.expansion import expand
from gameball.sandbox import Fault, Sandbox


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with 6 events in files of three formats, and with files that are no sources."""
    path = tmp_path / "events"
    (path / "b").mkdir(parents=True)
    (path / ".hidden").mkdir()
    write_events(path / "c.jsonl", 2)
    (path / "a.json.xz").write_bytes(lzma.compress(f"[{line(10)},{line(11)}]".encode()))
    (path / "b" / "part.csv.bz2").write_bytes(bz2.compress(b"customer_id,name\nx,liked\ny,liked\n"))
    for name in (".hidden/a.jsonl", "_SUCCESS", ".a.jsonl.swp"):
        (path / name).write_text(line(99))
    return path


def test_a_folder_stands_for_its_files_in_order_and_a_second_run_sends_nothing(
    box: Sandbox, folder: Path
) -> None:
    names = [str(folder / name) for name in ("a.json.xz", "b/part.csv.bz2", "c.jsonl")]
    done = gameball("send", folder, "--json", url=box.url)
    assert [source["source"] for source in done.report["sources"]] == names
    total = done.report["total"]
    assert (done.code, total["sources"], total["events"]["accepted"], total["requests"]) == (0, 3, 6, 3)
    # The ledgers that are in the folder now are no sources, and a new file is sent.
    write_events(folder / "bb.jsonl", 1, start=50)
    again = gameball("send", folder, url=box.url)
    assert again.code == 0
    assert "Total of 4 sources: 7 events, 1 request\n  7 accepted (6 in earlier runs)\n" in again.out
    assert len(box.events) == 7
    assert set(box.events.values()) == {1}


def test_a_pattern_stands_for_the_files_that_match(box: Sandbox, folder: Path) -> None:
    words = ("send", "events/**/*.csv*", "events/c.jsonl")
    dry = gameball(*words, "--dry-run", "--json", cwd=folder.parent)
    assert dry.report["total"] == {"sources": 2, "events": 4, "requests": 2, "invalid": 0}
    for _ in range(2):  # the ledgers match, too
        assert gameball(*words, url=box.url, cwd=folder.parent).code == 0
    assert len(box.events) == 4


def test_a_setting_may_be_a_folder_or_a_pattern(box: Sandbox, folder: Path) -> None:
    config = folder.parent / "feed.toml"
    config.write_text('source = "events/*.jsonl"\n')
    assert gameball("send", "--config", config, url=box.url).code == 0
    config.write_text('source = "events"\n')
    assert gameball("send", "--config", config, url=box.url).code == 0
    assert len(box.events) == 6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["events/*.xml"], "no file matches the pattern events/*.xml"),
        (["empty"], "there is no file to send in the folder empty"),
        (["events", "events/c.jsonl"], "is given twice"),
        (["events", "--rejects", "events/r.jsonl"], "would be one of the sources of the next run"),
        (["events/*.jsonl", "--rejects", "events/r.jsonl"], "would be one of the sources of the next run"),
        (["events", "--ledger", "events/all"], "let its name end in .ledger"),
        (["events/*.jsonl", "-", "--ledger", "l"], "standard input can be read only once"),
        (["other"], "the name of other/notes.txt does not show its format"),
        (["linked"], "is given twice"),
    ],
)
def test_what_is_no_clear_order_is_refused_before_anything_is_sent(
    box: Sandbox, folder: Path, words: list[str], said: str
) -> None:
    for name in ("empty", "other", "linked"):
        (folder.parent / name).mkdir()
    (folder.parent / "other" / "notes.txt").touch()
    write_events(folder.parent / "other" / "a.jsonl", 1)
    write_events(folder.parent / "linked" / "a.jsonl", 1)
    (folder.parent / "linked" / "b.jsonl").symlink_to("a.jsonl")
    done = gameball("send", *words, url=box.url, cwd=folder.parent)
    assert done.code == 2
    assert said in done.err
    assert not box.batches


def test_a_linked_file_is_read_and_a_linked_folder_is_not(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir()
    write_events(target / "x.jsonl", 1)
    links = tmp_path / "links"
    links.mkdir()
    (links / "file.jsonl").symlink_to(target / "x.jsonl")
    (links / "folder").symlink_to(target)
    (links / "loop").symlink_to(links)
    assert expand([str(links)]) == [str(links / "file.jsonl")]
    assert expand([str(tmp_path / "links/*.jsonl"), "-"]) == [str(links / "file.jsonl"), "-"]


def test_stars_for_any_depth_end_where_links_lead_back_up(tmp_path: Path) -> None:
    deep = tmp_path / "a[1]" / "b"
    deep.mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "linked").symlink_to(deep)
    for name in ("up", "up2"):  # following two of them would take 2 ** 40 steps
        (deep / name).symlink_to(tmp_path)
    files = [tmp_path / "a[1]" / "x.jsonl", deep / "y.jsonl", tmp_path / "z.jsonl"]
    for file in (*files, tmp_path / ".hidden" / "x.jsonl"):
        write_events(file, 1)
    assert expand([str(tmp_path / "**" / "*.jsonl")]) == sorted(map(str, files))
    assert expand([str(tmp_path / "**" / "b" / "**" / "*.jsonl")]) == [str(deep / "y.jsonl")]
    assert expand([str(tmp_path / "**")]) == sorted(map(str, files))
    # A link that is named, or that a single star matches, is followed.
    assert expand([str(tmp_path / "linked" / "**" / "*.jsonl")]) == [str(tmp_path / "linked" / "y.jsonl")]
    assert str(tmp_path / "linked" / "y.jsonl") in expand([str(tmp_path / "*" / "*.jsonl")])


def test_a_file_whose_name_is_a_pattern_is_that_file(tmp_path: Path) -> None:
    file = write_events(tmp_path / "a[1].jsonl", 1)
    write_events(tmp_path / "a1.jsonl", 1)
    assert expand([str(file)]) == [str(file)]


def test_the_exit_code_is_the_worst_and_rejects_name_file_and_line(
    box: Sandbox, folder: Path, tmp_path: Path
) -> None:
    (folder / "c.jsonl").write_text(line(0) + "no event\n")
    box.fail_next(Fault(status=400))
    found = tmp_path / "rejects.jsonl"
    done = gameball("send", folder, "--skip-invalid", "--rejects", found, "--json", url=box.url)
    assert (done.code, [source["exit_code"] for source in done.report["sources"]]) == (3, [3, 0, 3])
    assert done.report["total"]["events"] == {"accepted": 3, "rejected": 2, "unknown": 0, "unsent": 0}
    assert (done.report["total"]["invalid"], done.report["total"]["rejected_lines"]) == (1, 3)
    assert [(reject["source"], reject["line"]) for reject in rejects(found)] == [
        (str(folder / "a.json.xz"), 1),
        (str(folder / "a.json.xz"), 2),
        (str(folder / "c.jsonl"), 2),
    ]


@pytest.mark.repeated
@pytest.mark.parametrize("seed", range(repetitions(2)))
def test_after_a_kill_the_same_folder_loses_nothing_and_sends_nothing_twice(
    seed: int, slow_box: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "events"
    folder.mkdir()
    for number in range(30):
        write_events(folder / f"{number:02}.jsonl", 40, start=40 * number)
    words = ("send", "events", "--max-objects", "10", "--rate-limit", "none")
    process = begin(*words, url=slow_box.url, cwd=tmp_path)
    count = random.Random(seed).randrange(1, 100)
    slow_box.wait_for(lambda: len(slow_box.batches) >= count, LONGEST)
    time.sleep(seed / 200)
    process.kill()
    process.communicate()
    done = gameball(*words, "--json", url=slow_box.url, cwd=tmp_path)
    total = done.report["total"]["events"]
    assert (total["rejected"], total["unsent"]) == (0, 0)
    assert total["accepted"] + total["unknown"] == 1200
    assert total["unknown"] <= 40
    assert set(slow_box.events.values()) == {1}
    assert len(slow_box.events) >= total["accepted"]
