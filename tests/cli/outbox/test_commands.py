import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import environment
from waiting import wait_until

from gameball import Event, Outcome
from gameball.cli import app
from gameball.cli.outbox.app import OUTBOX_EXAMPLES
from gameball.outbox import Outbox
from gameball.sandbox import Fault, Sandbox

COMMAND = [sys.executable, "-m", "gameball.cli"]


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(f"sqlite:///{tmp_path / 'shop.db'}") as outbox:
        outbox.create()
        yield outbox


def add(outbox: Outbox, count: int) -> None:
    with outbox.engine.begin() as connection:
        for number in range(count):
            outbox.add(connection, Event(f"cust-{number}", "x", {"n": number}))


def run(
    *words: str, cwd: Path, url: str | None = None, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command as a process of its own."""
    return subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env=environment(url, **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process. Not ``outbox run``, which sets up the logging of its process."""

    def run(
        *words: str, cwd: Path, url: str | None = None, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.chdir(cwd)
            patch.setattr(os, "environ", environment(url, **variables))
            code = app.run(words)
        shown = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, shown.out, shown.err)

    return run


def test_events_are_delivered_shown_and_resolved(
    outbox: Outbox, box: Sandbox, tmp_path: Path, run_here: Run
) -> None:
    database = {"GAMEBALL_OUTBOX_DATABASE": "sqlite:///shop.db"}
    add(outbox, 1)
    box.fail_next(Fault(status=500))
    done = run("outbox", "run", "--until-empty", "--json", cwd=tmp_path, url=box.url, **database)
    assert (done.returncode, done.stderr.count("HTTP 500")) == (4, 1)
    assert json.loads(done.stdout) == {"accepted": 0, "rejected": 0, "unknown": 1, "exit_code": 4}
    shown = json.loads(run_here("outbox", "show", "--unknown", cwd=tmp_path, **database).stdout)
    assert (shown["customer_id"], shown["events"], shown["outcome"]) == ("cust-0", {"x": {"n": 0}}, "unknown")
    refused = run_here("outbox", "resolve", "77", "--as", "accepted", cwd=tmp_path, **database)
    assert (refused.returncode, "0 of 1 ids are unknown" in refused.stderr) == (2, True)
    resolved = run_here("outbox", "resolve", str(shown["id"]), "--as", "unsent", cwd=tmp_path, **database)
    assert resolved.stdout == "1 unknown event is waiting again, and will be sent.\n"
    assert outbox.status().waiting == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_delivery_gracefully(
    outbox: Outbox, box: Sandbox, tmp_path: Path, number: signal.Signals
) -> None:
    with subprocess.Popen(
        [*COMMAND, "outbox", "run", "--database", "sqlite:///shop.db"],
        cwd=tmp_path,
        env=environment(box.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        add(outbox, 20)
        wait_until(lambda: outbox.status().accepted == 20)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out.splitlines()[-1]) == (0, "20 accepted, 0 rejected, 0 unknown")
    assert err == "Stopping: waiting up to 5 seconds for requests in flight.\n"
    assert outbox.status().holder is None


@pytest.mark.parametrize("command", sorted(OUTBOX_EXAMPLES))
def test_the_examples_of_the_help_work(
    command: str, outbox: Outbox, box: Sandbox, tmp_path: Path, run_here: Run
) -> None:
    add(outbox, 2)
    shown = run_here(*command.split(), "--help", cwd=tmp_path, COLUMNS="200").stdout
    for example in OUTBOX_EXAMPLES[command]:
        assert f"  {example}" in shown
        begin = run if command == "outbox run" else run_here
        done = begin(*example.split()[1:], cwd=tmp_path, url=box.url)
        assert (done.returncode, done.stderr) == (0, ""), example
    assert not list(outbox.failed(Outcome.UNKNOWN))


def test_a_password_is_not_printed(tmp_path: Path, box: Sandbox, run_here: Run) -> None:
    url = "postgresql+psycopg://me:hunter2@/shop?host=/nowhere"
    done = run_here("outbox", "status", "--database", url, cwd=tmp_path)
    assert done.returncode == 2
    assert "hunter2" not in done.stdout + done.stderr
    missing = run_here("outbox", "status", cwd=tmp_path, url=box.url)
    assert (missing.returncode, "GAMEBALL_OUTBOX_DATABASE" in missing.stderr) == (2, True)


def test_ids_beside_all_are_refused(outbox: Outbox, tmp_path: Path, run_here: Run) -> None:
    add(outbox, 2)
    with outbox.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE gameball_outbox SET outcome = 'unknown'")
    words = ("outbox", "resolve", "1", "--all", "--as", "accepted", "--database", "sqlite:///shop.db")
    done = run_here(*words, cwd=tmp_path)
    assert (done.returncode, "either ids or --all" in done.stderr) == (2, True)
    assert outbox.status().unknown == 2


def test_a_row_that_is_not_json_is_shown_as_text(outbox: Outbox, tmp_path: Path, run_here: Run) -> None:
    add(outbox, 1)
    with outbox.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE gameball_outbox SET outcome = 'rejected', events = CAST(X'22FF' AS TEXT)"
        )
    words = ("outbox", "show", "--rejected", "--database", "sqlite:///shop.db")
    done = run_here(*words, cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["events"]) == (0, '"\\xff')


def test_nohup_keeps_the_delivery_running(outbox: Outbox, box: Sandbox, tmp_path: Path) -> None:
    with subprocess.Popen(
        ["nohup", *COMMAND, "outbox", "run", "--database", "sqlite:///shop.db"],
        cwd=tmp_path,
        env=environment(box.url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        add(outbox, 1)
        wait_until(lambda: outbox.status().accepted == 1)
        process.send_signal(signal.SIGHUP)
        add(outbox, 1)
        wait_until(lambda: outbox.status().accepted == 2)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err.count("Stopping")) == (0, 1)
