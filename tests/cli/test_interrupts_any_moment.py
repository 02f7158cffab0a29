"""Signals at moments when Python, a library or the command itself could lose them."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from command import GAMEBALL, begin, environment, wait_for_requests, write_events
from long_send import COUNT, WORDS
from waiting import LONGEST, wait_until

from gameball.cli.exit_codes import ExitCode
from gameball.cli.interrupts import Interrupts
from gameball.cli.options import SendCommandOptions
from gameball.cli.send import command
from gameball.cli.send.one_source import SourceSend
from gameball.sandbox import Sandbox

#: Begins as the command does.
INSTALL = """
import os, signal, sys, time
from gameball.cli.interrupts import Interrupts
interrupts = Interrupts()
interrupts.install()
"""


def run_code(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=LONGEST,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_python_destroys_its_modules_changes_no_exit_code(number: signal.Signals) -> None:
    done = run_code(f"""
import os, sys
class Last:
    def __del__(self, kill=os.kill, process=os.getpid()):
        kill(process, {int(number)})
last = Last()
from gameball.cli import main
main(["--version"])
""")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interrupt_that_python_ignores_is_raised_again() -> None:
    done = run_code(f"""{INSTALL}
class Deaf:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(100): pass
try:
    Deaf()
    time.sleep({LONGEST})
except KeyboardInterrupt:
    print(interrupts.code)
""")
    assert (done.stdout, done.stderr) == ("143\n", "")


def test_an_error_of_a_destructor_is_still_shown() -> None:
    done = run_code(f"{INSTALL}\nclass Bad:\n    def __del__(self): raise ValueError('seen')\nBad()")
    assert "ValueError: seen" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_further_signals_end_a_process_whose_main_thread_is_in_c_code(
    number: signal.Signals, code: int
) -> None:
    busy = (
        f"{INSTALL}import hashlib\ninterrupts.hold()\nprint('busy', flush=True)\n"
        "hashlib.pbkdf2_hmac('md5', b'', b'', 2**31 - 1)"
    )
    with subprocess.Popen([sys.executable, "-c", busy], stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"busy\n"
        while process.poll() is None:
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        assert process.returncode == code


def test_a_signal_that_a_parent_sends_twice_is_one(slow_box: Sandbox, tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", COUNT)
    process = begin("send", *WORDS, url=slow_box.url, cwd=tmp_path)
    wait_for_requests(slow_box, 5, lambda: process.poll() is not None)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=LONGEST)
    assert process.returncode == 143
    assert b"run the same command again" in out


def test_a_send_without_standard_error_ends_politely_too(slow_box: Sandbox, tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", COUNT)
    process = subprocess.Popen(
        ["sh", "-c", f"exec {GAMEBALL} send {' '.join(WORDS)} 2>&-"],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(slow_box.url),
    )
    wait_for_requests(slow_box, 5, lambda: process.poll() is not None)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=LONGEST)
    assert process.returncode == 143
    assert b"run the same command again" in out


def test_a_signal_that_the_parent_ignores_stays_ignored(slow_box: Sandbox, tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 60)
    process = subprocess.Popen(
        ["sh", "-c", f"trap '' INT; exec {GAMEBALL} send events.jsonl --max-objects 2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment(slow_box.url),
    )
    wait_for_requests(slow_box, 1, lambda: process.poll() is not None)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=LONGEST)
    assert process.returncode == 0
    assert b"60 accepted" in out


def test_a_signal_between_two_sources_keeps_the_results_of_the_first(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(box.url).items():
        monkeypatch.setenv(name, value)
    write_events(tmp_path / "a.jsonl", 3)
    write_events(tmp_path / "b.jsonl", 3, start=3)
    interrupts = Interrupts()
    ends_everything: property = vars(SourceSend)["ends_everything"]

    def ask_after_a_signal(sending: SourceSend) -> bool:
        interrupts._handle(signal.SIGTERM, None)
        return bool(ends_everything.__get__(sending))

    monkeypatch.setattr(SourceSend, "ends_everything", property(ask_after_a_signal))
    code = command.send_all(["a.jsonl", "b.jsonl"], SendCommandOptions(), interrupts)
    assert code is ExitCode.TERMINATED
    shown = capsys.readouterr().out
    assert "a.jsonl: 3 events, 1 request" in shown
    assert "3 accepted" in shown
    assert "b.jsonl was not read to its end" in shown
    assert len(box.events) == 3


def test_a_signal_while_lines_are_looked_for_keeps_the_results(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(box.url).items():
        monkeypatch.setenv(name, value)
    write_events(tmp_path / "a.jsonl", 3)
    interrupts = Interrupts()
    monkeypatch.setattr(SourceSend, "_find_lines", lambda _: interrupts._handle(signal.SIGINT, None))
    code = command.send_all(["a.jsonl"], SendCommandOptions(), interrupts)
    assert code is ExitCode.INTERRUPTED
    assert "3 accepted" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_query_that_would_take_hours(
    number: signal.Signals, code: int, box: Sandbox, tmp_path: Path
) -> None:
    query = (
        "SELECT i::VARCHAR AS customer_id, 'x' AS name FROM range(1000000000000) t(i) "
        "WHERE hash(i) % 7 = 3 ORDER BY hash(i) LIMIT 3"
    )
    process = begin("send", "--sql", query, "--ledger", "x.ledger", url=box.url, cwd=tmp_path)
    wait_until((tmp_path / "x.ledger").exists)
    while process.poll() is None:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
    out, err = process.communicate()
    assert process.returncode == code
    assert b"Traceback" not in out + err
    assert b"RuntimeError" not in out + err
