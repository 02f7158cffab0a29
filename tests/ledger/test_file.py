"""The file of a ledger: an incomplete file is rejected, and only one process at a time can use it."""

import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from either_client import EitherClient
from repetitions import repetitions

from gameball import (
    Event,
    InvalidRequestError,
    LedgerError,
    LedgerLockedError,
    Outcome,
    ResponseLostError,
    chunk_events,
)
from gameball.ledger.moving import moved_ledger
from gameball.ledger.store import LedgerStore
from gameball.receipts import Receipt
from gameball.sandbox import Sandbox

CHUNKS = list(chunk_events((Event(f"c{n}", "x") for n in range(600)), max_objects=2))

#: How many events a process sends that is killed after 1 to 59 receipts, one for every two events.
KILLED = 160

SEND_UNTIL_KILLED = """
import sys
from gameball import Event, Gameball
events = [Event(f"c{n}", "x") for n in range(int(sys.argv[3]))]
with Gameball("key", "secret", base_url=sys.argv[1], rate_limits=None) as client:
    for receipt in client.events.stream(events, max_objects=2, ledger=sys.argv[2]):
        print(receipt.index, flush=True)
"""


def events() -> list[Event]:
    return [Event(f"c{n}", "x") for n in range(KILLED)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.ledger"


def send_until_killed(box: Sandbox, path: Path, receipts: int) -> None:
    command = [sys.executable, "-c", SEND_UNTIL_KILLED, box.url, str(path), str(KILLED)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(receipts):
            process.stdout.readline()
        process.kill()


def filled(path: Path, chunks: int) -> Path:
    """Write a ledger in which every chunk was accepted."""
    with LedgerStore(path) as ledger:
        ledger.begin_run({})
        for number, chunk in enumerate(CHUNKS[:chunks]):
            ledger.intend(number, chunk)
            ledger.conclude(Receipt.of(chunk, number, Outcome.ACCEPTED, job_id=number))
        ledger.end_run()
    return path


def move_with_all(path: Path, folder: Path) -> Path:
    for file in path.parent.glob(path.name + "*"):
        shutil.move(file, folder / file.name)
    return folder / path.name


def copy_main_only(path: Path, folder: Path) -> Path:
    return Path(shutil.copy(path, folder / path.name))


def rename_main_only(path: Path, folder: Path) -> Path:
    return path.rename(folder / "other.ledger")


# After a kill nearly all of the record was in a write-ahead log beside the file: 4 kB of 886. A copy of the
# main file alone was treated as an empty ledger, and everything was sent again.
@pytest.mark.repeated
@pytest.mark.parametrize("move", [move_with_all, copy_main_only, rename_main_only])
def test_a_ledger_that_was_moved_after_a_kill_sends_nothing_twice(
    move: Callable[[Path, Path], Path], box: Sandbox, path: Path, tmp_path: Path
) -> None:
    chance = random.Random(7)
    folder = tmp_path / "elsewhere"
    for _ in range(repetitions(4)):
        box.forget()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file in path.parent.glob(path.name + "*"):
            file.unlink()
        send_until_killed(box, path, chance.randrange(1, 60))
        moved = move(path, folder)
        try:
            report = EitherClient("sync", box.url).send(
                events(), max_objects=2, ledger=moved, check=False, stop_on_error=False
            )
        except LedgerError as error:
            assert "incomplete" in str(error)  # noqa: PT017 - either is right
        else:
            assert report.accepted + report.unknown == KILLED
        assert set(box.events.values()) == {1}


def test_a_journal_that_is_lost_in_the_middle_of_a_write_is_detected(path: Path, tmp_path: Path) -> None:
    # After a kill in the middle of a commit, some pages of the file are new, and some are old.
    filled(path, 40)
    old = path.read_bytes()
    with LedgerStore(path) as ledger:
        ledger.begin_run({})
        for number, chunk in enumerate(CHUNKS[40:80]):
            ledger.intend(40 + number, chunk)
    new = path.read_bytes()
    size = 4096
    pages = range(len(new) // size)
    changed = [page for page in pages if old[page * size :][:size] != new[page * size :][:size]]
    assert len(changed) > 2
    chance = random.Random(7)
    refused = 0
    for _ in range(40):
        kept = set(chance.sample(changed, chance.randrange(1, len(changed))))
        mixed = b"".join((old if page in kept else new)[page * size :][:size] for page in pages)
        torn = tmp_path / "torn.ledger"
        torn.write_bytes(mixed)
        try:
            with LedgerStore(torn) as ledger:
                firsts = {chunk.first for chunk in ledger.chunks()}
        except LedgerError:
            refused += 1
            assert torn.read_bytes() == mixed
        else:
            # Then no record that was complete before is missing.
            assert firsts >= {chunk.first for chunk in CHUNKS[:40]}
    assert refused > 20


@pytest.mark.parametrize("part", [0.0, 0.001, 0.3, 0.6, 0.95])
def test_a_truncated_file_is_refused(path: Path, part: float) -> None:
    content = filled(path, 60).read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(LedgerError):
        LedgerStore(path)


def test_a_flipped_byte_is_refused_or_changes_nothing_that_is_read(path: Path, tmp_path: Path) -> None:
    content = bytearray(filled(path, 60).read_bytes())
    with LedgerStore(path) as ledger:
        known = ledger.chunks()
    chance = random.Random(7)
    damaged = tmp_path / "damaged.ledger"
    refused = 0
    for _ in range(150):
        place = chance.randrange(len(content))
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        damaged.write_bytes(flipped)
        try:
            with LedgerStore(damaged) as ledger:
                assert ledger.chunks() == known, place
        except LedgerError:
            refused += 1
    assert refused > 10  # most of a page is free space


def test_a_file_of_an_earlier_format_or_another_application_is_refused_and_not_changed(path: Path) -> None:
    for application, version, mode in ((0, 1, "WAL"), (0, 0, "DELETE"), (77, 2, "DELETE")):
        path.unlink(missing_ok=True)
        database = sqlite3.connect(path)
        database.execute(f"PRAGMA journal_mode = {mode}")
        database.execute("CREATE TABLE chunks (first INTEGER)")
        database.execute(f"PRAGMA user_version = {version}")
        database.execute(f"PRAGMA application_id = {application}")
        database.commit()
        database.close()
        content = path.read_bytes()
        with pytest.raises(LedgerError, match="not a ledger of this version"):
            LedgerStore(path)
        assert path.read_bytes() == content
        assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_journal_whose_ledger_is_missing_is_not_used_for_a_new_one(path: Path) -> None:
    path.with_name("events.ledger-journal").write_bytes(bytes.fromhex("d9d505f920a163d7") + bytes(20))
    with pytest.raises(LedgerError, match="put the ledger back, or remove the journal"):
        LedgerStore(path)
    assert not path.exists()


def test_a_process_that_is_killed_while_it_creates_the_file_leaves_none(path: Path) -> None:
    code = (
        "import os, sys; from gameball.ledger import file; "
        "file.os.link = lambda *_: os.kill(os.getpid(), 9); file.LedgerFile(sys.argv[1])"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    assert not path.exists()
    with LedgerStore(path) as ledger:
        assert ledger.runs() == []


OPEN = "import sys; from gameball import Ledger; Ledger(sys.argv[1]).close(); print('opened')"


def open_elsewhere(path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(path)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or done.stderr.splitlines()[-1]


# SQLite's own locks are lost when anything in the process closes the file: then a second process sent 156 of
# 300 events again.
def test_reading_the_file_while_it_is_open_does_not_release_its_lock(path: Path) -> None:
    with LedgerStore(path):
        path.read_bytes()
        shutil.copy(path, path.with_name("copy"))
        assert "LedgerLockedError" in open_elsewhere(path)
        with pytest.raises(LedgerLockedError):
            LedgerStore(path)
        assert "LedgerLockedError" in open_elsewhere(path)
    assert open_elsewhere(path) == "opened"


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_link_to_the_file_has_the_same_lock(link: Callable[[Path, Path], None], path: Path) -> None:
    with LedgerStore(path):
        other = path.with_name("link.ledger")
        link(other, path)
        assert "LedgerLockedError" in open_elsewhere(other)


def test_a_child_cannot_use_the_ledger_of_its_parent_and_does_not_take_its_lock(path: Path) -> None:
    ledger = LedgerStore(path)
    ledger.begin_run({})
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = b"it was used"
        try:
            ledger.intend(0, CHUNKS[0])
        except LedgerError as error:
            said = str(error).encode()
        ledger.close()
        os.write(writing, said)
        os.read(reading, 0)
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    assert b"opened before a fork" in os.read(reading, 1000)
    os.close(reading)
    assert "LedgerLockedError" in open_elsewhere(path)
    ledger.intend(0, CHUNKS[0])
    ledger.end_run()
    ledger.close()
    assert open_elsewhere(path) == "opened"


def test_a_child_that_outlives_its_parent_does_not_keep_the_ledger_locked(path: Path) -> None:
    ledger = LedgerStore(path)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)  # until the parent closes its end
        os._exit(0)
    os.close(reading)
    ledger.close()
    assert open_elsewhere(path) == "opened"
    os.close(writing)
    os.waitpid(child, 0)


def test_files_are_created_for_their_owner_only(path: Path) -> None:
    with LedgerStore(path) as ledger:
        ledger.begin_run({})
        modes = [stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()]
        assert len(modes) > 1
        assert set(modes) == {0o600}


def test_a_link_in_place_of_the_reserve_is_not_followed(path: Path) -> None:
    precious = path.with_name("precious")
    precious.write_text("kept")
    path.with_name("events.ledger-reserve").symlink_to(precious)
    with LedgerStore(path) as ledger:
        ledger.begin_run({})
    assert precious.read_text() == "kept"


def test_a_ledger_is_moved_whole_or_not_at_all(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "moved.ledger"
    filled(path, 3)
    with LedgerStore(path), pytest.raises(LedgerLockedError), moved_ledger(path, target):
        pytest.fail("it was moved")
    with pytest.raises(ZeroDivisionError), moved_ledger(path, target):
        raise ZeroDivisionError
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    with moved_ledger(path, target):
        assert path.exists()
        assert target.exists()
    with LedgerStore(target) as ledger:
        assert len(ledger.chunks()) == 3
    assert [file.name for file in tmp_path.iterdir()] == [target.name]


def test_a_damaged_record_is_never_deleted(path: Path) -> None:
    with LedgerStore(path) as ledger:
        ledger.begin_run({})
        ledger.intend(0, CHUNKS[0])
        ledger.conclude(Receipt.of(CHUNKS[0], 0, Outcome.UNKNOWN, error=ResponseLostError("lost")))
    content = path.read_bytes()
    place = content.rindex(b"unknownlost")
    path.write_bytes(content[:place] + b"unsentx" + content[place + 7 :])
    with pytest.raises(LedgerError), LedgerStore(path) as ledger:
        ledger.begin_run({})


def test_threads_that_fork_while_others_write_do_not_hang(path: Path) -> None:
    with LedgerStore(path) as ledger:
        ledger.begin_run({})
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                ledger.note({"n": "x"})

        def fork() -> None:
            for _ in range(30):
                child = os.fork()
                if child == 0:
                    os._exit(0)
                os.waitpid(child, 0)

        threads = [threading.Thread(target=write) for _ in range(2)]
        forking = [threading.Thread(target=fork, daemon=True) for _ in range(2)]
        for thread in (*threads, *forking):
            thread.start()
        for thread in forking:
            thread.join(30)
        hanging = any(thread.is_alive() for thread in forking)
        stop.set()
        assert not hanging
        for thread in threads:
            thread.join()


def test_gameballs_error_messages_are_not_recorded(path: Path) -> None:
    with LedgerStore(path) as ledger:
        ledger.begin_run({})
        ledger.intend(0, CHUNKS[0])
        error = InvalidRequestError("bad value 'payload'", status=400, code=3000, request_id="r-1")
        ledger.conclude(Receipt.of(CHUNKS[0], 0, Outcome.REJECTED, error=error))
        assert ledger.chunks()[0].error == "InvalidRequestError: HTTP 400, code 3000, request r-1"
    assert b"payload" not in path.read_bytes()
