"""The ledger: an interrupted send is resumed where it stopped."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from either_client import EitherClient

from gameball import (
    Event,
    Gameball,
    Ledger,
    LedgerError,
    LedgerLockedError,
    LedgerMismatchError,
    Outcome,
    ResponseLostError,
)
from gameball.sandbox import Ending, Fault, Received, Sandbox


def events(count: int) -> list[Event]:
    return [Event(f"cust-{number}", "song_liked", {"n": number}) for number in range(count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.ledger"


def test_accepted_chunks_are_skipped_and_reported_again(
    either: EitherClient, box: Sandbox, path: Path
) -> None:
    first = either.send(events(10), max_objects=3, ledger=path)
    second = either.send(events(10), max_objects=3, ledger=path)
    assert len(box.batches) == 4
    assert second.accepted == 10
    assert second.job_ids == first.job_ids
    assert set(box.events.values()) == {1}


def test_chunks_that_were_not_accepted_are_sent_again(either: EitherClient, box: Sandbox, path: Path) -> None:
    box.fail_next(Fault(status=503), Fault(status=400))
    options: dict[str, Any] = {"max_objects": 3, "ledger": path, "stop_on_error": False, "concurrency": 1}
    first = either.send(events(10), check=False, **options)
    assert (first.accepted, first.rejected, first.unsent) == (4, 3, 3)
    assert either.send(events(10), **options).accepted == 10
    assert set(box.events.values()) == {1}


def test_an_unknown_chunk_stays_unknown_until_it_is_resent(
    either: EitherClient, box: Sandbox, path: Path
) -> None:
    box.fail_next(Fault(ending=Ending.RESET, accepts=True))
    options: dict[str, Any] = {"max_objects": 3, "ledger": path, "check": False, "concurrency": 1}
    first = either.send(events(10), **options)
    assert (first.unknown, first.accepted) == (3, 0)
    # The rest is sent: chunks that an earlier run left ambiguous do not stop this one.
    second = either.send(events(10), **options)
    assert (second.unknown, second.accepted) == (3, 7)
    assert isinstance(second.receipts[0].error, ResponseLostError)
    with Ledger(path) as ledger:
        assert ledger.ranges(Outcome.UNKNOWN) == [range(3)]
    assert either.send(events(10), on_unknown="resend", **options).accepted == 10
    assert {n for (c, _, _), n in box.events.items() if c in {"cust-0", "cust-1", "cust-2"}} == {2}


def test_a_resend_that_certainly_failed_leaves_the_chunk_unknown(
    either: EitherClient, box: Sandbox, path: Path
) -> None:
    options: dict[str, Any] = {"ledger": path, "check": False}
    box.fail_next(Fault(status=500, accepts=True), Fault(status=400))
    assert either.send(events(2), **options).unknown == 2
    assert either.send(events(2), on_unknown="resend", **options).unknown == 2


def test_it_can_be_opened_outside_of_a_send_to_inspect_the_outcomes(
    either: EitherClient, box: Sandbox, path: Path
) -> None:
    box.fail_next(Fault(), Fault(status=500), Fault(status=503), Fault(status=404))
    options: dict[str, Any] = {"check": False, "stop_on_error": False, "concurrency": 1}
    report = either.send(events(10), max_objects=2, ledger=path, **options)
    with Ledger(path) as ledger:
        chunks = ledger.chunks()
        assert [(c.number, c.first, c.last, c.outcome, c.job_id, c.attempts) for c in chunks] == [
            (r.index, r.first, r.last, r.outcome, r.job_id, r.attempts) for r in report.receipts
        ]
        assert all(len(chunk.digest) == 32 and chunk.run == 1 and not chunk.in_flight for chunk in chunks)
        assert ledger.ranges(Outcome.UNKNOWN) == [range(2, 4)]
        assert ledger.ranges(Outcome.UNSENT) == [range(4, 6)]
        assert ledger.chunks(Outcome.REJECTED)[0].error == "NotFoundError: HTTP 404, request sandbox"
        (run,) = ledger.runs()
        assert run.number == 1
        assert run.ended_at is not None
        assert run.ended_at >= run.started_at


def test_it_holds_no_payload_and_no_key(either: EitherClient, path: Path) -> None:
    with Sandbox(api_key="key-canary-1234", secret_key="secret-canary-1234") as box:
        client = EitherClient(either.kind, box.url)
        client.send(
            [Event("customer-canary", "name_canary", {"a": "payload-canary"})], ledger=path, check=False
        )
    files = list(path.parent.iterdir())
    assert path in files
    assert b"canary" not in b"".join(file.read_bytes() for file in files)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ([*events(5), Event("another", "song_liked"), *events(10)[6:]], "source items 3 to 5 differ from"),
        (events(10)[1:], "source items 0 to 2 differ from"),
        (events(7), "source items 6 to 8 differ from"),
        (events(6), "the source ends after 6 items, but the ledger has records of 10"),
    ],
)
def test_a_changed_source_is_refused_and_nothing_is_sent_twice(
    either: EitherClient, box: Sandbox, path: Path, source: list[Event], reason: str
) -> None:
    either.send(events(10), max_objects=3, ledger=path)
    with pytest.raises(LedgerMismatchError, match=reason) as caught:
        either.send(source, max_objects=3, ledger=path)
    assert len(box.batches) == 4
    assert caught.value.report is not None
    assert caught.value.report.accepted <= 10


@pytest.mark.parametrize("changed", [{"max_objects": 4}, {"max_bytes": 1000}, {"coalesce": False}])
def test_a_changed_division_is_refused(
    either: EitherClient, box: Sandbox, path: Path, changed: dict[str, Any]
) -> None:
    options: dict[str, Any] = {"max_objects": 3, "max_bytes": 5000, "coalesce": True}
    either.send(events(10), ledger=path, **options)
    with pytest.raises(LedgerMismatchError, match="started with"):
        either.send(events(10), ledger=path, **{**options, **changed})
    assert len(box.batches) == 4


def test_a_source_that_has_grown_is_continued_at_its_old_end(
    either: EitherClient, box: Sandbox, path: Path
) -> None:
    either.send(events(10), max_objects=3, ledger=path)
    report = either.send(events(20), max_objects=3, ledger=path)
    assert report.accepted == 20
    assert set(box.events.values()) == {1}
    assert len(box.events) == 20


def test_the_send_continues_at_an_invalid_event_that_was_corrected(
    either: EitherClient, box: Sandbox, path: Path
) -> None:
    broken = [*events(4), Event("", "song_liked"), *events(10)[5:]]
    with pytest.raises(ValueError, match="event 4"):
        either.send(broken, max_objects=3, ledger=path)
    assert either.send(events(10), max_objects=3, ledger=path).accepted == 10
    assert set(box.events.values()) == {1}
    assert len(box.events) == 10


def test_a_chunk_that_was_split_is_recorded_as_its_parts(either: EitherClient, path: Path) -> None:
    too_large = 700

    def plan(received: Received) -> Fault | None:
        if len(received.content) > too_large:
            return Fault(status=413)
        return Fault(status=500) if b"cust-7" in received.content else None

    # Repeated names, so that a part is divided into objects differently from the whole.
    source = [Event(f"cust-{number % 5}", f"name_{number % 3}") for number in range(40)]
    source += [Event("cust-7", "last")]
    with Sandbox(plan=plan) as box:
        client = EitherClient(either.kind, box.url)
        first = client.send(source, ledger=path, check=False, stop_on_error=False)
        assert first.unknown > 0
        assert first.accepted + first.unknown == 41
        sent = len(box.batches)
        second = client.send(source, ledger=path, check=False, stop_on_error=False)
        assert len(box.batches) == sent
        assert (second.accepted, second.unknown) == (first.accepted, first.unknown)


HOLD = """
import sys
from gameball import Ledger
ledger = Ledger(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def test_only_one_process_can_use_it_and_a_kill_releases_it(either: EitherClient, path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(LedgerLockedError, match="in use by another process"):
            either.send(events(1), ledger=path)
        with pytest.raises(LedgerLockedError):
            Ledger(path)
        holder.kill()
    assert either.send(events(1), ledger=path).accepted == 1


def test_one_ledger_serves_one_send_at_a_time(either: EitherClient, path: Path) -> None:
    with Ledger(path) as ledger:

        def source() -> Iterator[Event]:
            yield Event("a", "b")
            with pytest.raises(LedgerLockedError, match="another send"):
                EitherClient("sync", either.base_url).send(events(1), ledger=ledger)

        assert either.send(source(), ledger=ledger).accepted == 1
        assert len(ledger.runs()) == 1
        assert either.send([Event("a", "b")], ledger=ledger).accepted == 1
        assert len(ledger.runs()) == 2


@pytest.mark.parametrize("content", [b"customer,event\n" * 1000, b"\x00" * 5000])
def test_a_file_that_is_not_a_ledger_is_refused_and_not_changed(
    either: EitherClient, box: Sandbox, path: Path, content: bytes
) -> None:
    path.write_bytes(content)
    with pytest.raises(LedgerError):
        either.send(events(1), ledger=path)
    assert path.read_bytes() == content
    assert box.received == []


def test_another_databases_file_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE mine (x)")
    database.close()
    with pytest.raises(LedgerError, match="not a ledger of this version"):
        Ledger(path)


def test_a_missing_folder_is_a_typed_error(either: EitherClient, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be opened"):
        either.send(events(1), ledger=tmp_path / "nowhere" / "events.ledger")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 2 MiB, which is full as soon as the test fills it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if mount is None or unmount is None:
        pytest.skip("this machine has no mount command")
    command = [mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system takes more rights than this machine gives")
    yield disk
    subprocess.run([unmount, str(disk)], check=True)


def fill(disk: Path, leave: int = 0) -> None:
    with (disk / "filler").open("wb") as filler:
        try:
            while os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize > leave:
                filler.write(bytes(4096))
                filler.flush()
        except OSError:
            pass


def test_a_full_disk_is_an_error_before_anything_is_sent(
    either: EitherClient, box: Sandbox, small_disk: Path
) -> None:
    fill(small_disk)
    with pytest.raises(LedgerError):
        either.send(events(10), ledger=small_disk / "events.ledger")
    assert box.received == []


def test_a_disk_that_fills_up_keeps_the_outcome_of_what_was_sent(
    either: EitherClient, small_disk: Path
) -> None:
    path = small_disk / "events.ledger"

    def fill_at_the_third(received: Received) -> Fault | None:
        if received.number == 2:
            fill(small_disk)
        return None

    with Sandbox(plan=fill_at_the_third) as box:
        client = EitherClient(either.kind, box.url)
        with pytest.raises(LedgerError) as caught:
            client.send(events(200), max_objects=2, ledger=path, concurrency=1)
        accepted = sum(request.accepted for request in box.batches)
        assert caught.value.report is not None
        assert caught.value.report.accepted == accepted * 2
        assert caught.value.report is not None
        assert caught.value.report.unknown == 0
        (small_disk / "filler").unlink()
        with Ledger(path) as ledger:
            assert len(ledger.chunks(Outcome.ACCEPTED)) == accepted
            assert ledger.ranges(Outcome.UNKNOWN) == []
        assert client.send(events(200), max_objects=2, ledger=path).accepted == 200
        assert set(box.events.values()) == {1}
        assert len(box.events) == 200


def test_a_ledger_belongs_to_one_base_url_because_a_sandbox_is_not_gameball(tmp_path: Path) -> None:
    path = tmp_path / "a.ledger"
    with Sandbox() as one, Sandbox() as other:
        EitherClient("sync", one.url).send([Event("c", "x")], ledger=path)
        with pytest.raises(LedgerMismatchError, match="base_url") as caught:
            EitherClient("sync", other.url).send([Event("c", "x")], ledger=path)
        assert str(path) in str(caught.value)
        assert not other.batches


def test_a_slash_at_the_end_makes_no_other_base_url(box: Sandbox, path: Path) -> None:
    EitherClient("sync", f"{box.url}/").send(events(1), ledger=path)
    EitherClient("sync", box.url).send(events(2), ledger=path)
    assert len(box.batches) == 2


def test_the_path_of_a_ledger_may_have_a_name_that_is_not_utf_8(box: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.ledger"
    for count in (1, 2):
        EitherClient("sync", box.url).send(events(count), ledger=path)
    assert len(box.batches) == 2
    assert path.exists()


def test_a_ledger_belongs_to_one_account_because_test_and_live_share_a_base_url(
    box: Sandbox, path: Path
) -> None:
    with Gameball("key", "secret", base_url=box.url) as test:
        assert test.events.send(events(3), ledger=path).accepted == 3
    for again in ("another-live-key", "key"):
        with Gameball(again, "secret", base_url=box.url) as client:
            if again == "key":
                assert client.events.send(events(3), ledger=path).accepted == 3
                continue
            with pytest.raises(LedgerMismatchError, match="started with another API key"):
                client.events.send(events(3), ledger=path)
    assert len(box.batches) == 1
    assert b"another-live-key" not in path.read_bytes()
