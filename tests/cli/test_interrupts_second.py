"""Ctrl-C in a terminal: the first ends ``gameball send`` politely, the second at once, at whatever moment."""

import json
import os
import pty
import random
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from command import GAMEBALL, environment, gameball, wait_for_requests, write_events
from repetitions import repetitions
from waiting import LONGEST, wait_until

from gameball.sandbox import Sandbox

TRIALS = repetitions(2)
COUNT = 400
WORDS = ("events.jsonl", "--max-objects", "10", "--rate-limit", "none")


class Terminal:
    """The command in a terminal of its own, in which keys can be pressed."""

    def __init__(self, *words: str, url: str, cwd: Path) -> None:
        self._keys, terminal = pty.openpty()
        self.process = subprocess.Popen(
            # A new session, so that the terminal controls it and Ctrl-C reaches it.
            ["setsid", "--ctty", "--wait", GAMEBALL, *words],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=cwd,
            env=environment(url, TERM="xterm"),
        )
        os.close(terminal)
        self._shown = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                block = os.read(self._keys, 65_536)
            except OSError:  # the terminal is closed
                return
            self._shown += block

    def interrupt(self) -> None:
        with suppress(OSError):  # the command has ended
            os.write(self._keys, b"\x03")

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def shows(self, text: bytes) -> bool:
        return text in self._shown

    def end(self, seconds: float) -> str:
        """Wait for the end of the command, and return what it showed."""
        try:
            self.process.wait(seconds)
        finally:
            self.process.kill()
        self._reader.join(LONGEST)
        os.close(self._keys)
        return self._shown.decode(errors="replace")


def check_ledger(box: Sandbox, folder: Path) -> None:
    """Check that the ledger can be opened, and says of no event what is not true."""
    if not (folder / "events.jsonl.ledger").exists():
        assert not box.events
        return
    shown = gameball("ledger", "show", "events.jsonl.ledger", "--json", cwd=folder)
    chunks = json.loads(shown.out)["chunks"]
    accepted = sum(chunk["events"] for chunk in chunks if chunk["outcome"] == "accepted")
    recorded = sum(chunk["events"] for chunk in chunks)
    assert accepted <= sum(box.events.values()) <= recorded


@pytest.mark.repeated
@pytest.mark.parametrize("trial", range(TRIALS))
def test_the_first_ctrl_c_ends_with_the_summary_and_the_ledger_closed(trial: int, tmp_path: Path) -> None:
    chance = random.Random(trial)
    write_events(tmp_path / "events.jsonl", COUNT)
    with Sandbox(latency=0.05) as box:
        terminal = Terminal("send", *WORDS, url=box.url, cwd=tmp_path)
        wait_for_requests(box, 1, lambda: terminal.has_ended)
        time.sleep(0.3 * chance.random())  # any moment of the send
        terminal.interrupt()
        shown = terminal.end(LONGEST)
        assert terminal.process.returncode == 130, shown
        assert "Traceback" not in shown
        assert "run the same command again" in shown
        check_ledger(box, tmp_path)
        again = gameball("send", *WORDS, url=box.url, cwd=tmp_path)
        assert again.code == 0
        assert set(box.events.values()) == {1}
        assert len(box.events) == COUNT


@pytest.mark.repeated
@pytest.mark.parametrize("trial", range(TRIALS))
def test_a_second_ctrl_c_ends_at_once_at_any_moment(trial: int, tmp_path: Path) -> None:
    chance = random.Random(trial)
    write_events(tmp_path / "events.jsonl", COUNT)
    # Nothing is answered, so that only the second Ctrl-C can end it before its 5 seconds have passed.
    with Sandbox(latency=LONGEST) as box:
        terminal = Terminal("send", *WORDS, url=box.url, cwd=tmp_path)
        wait_for_requests(box, 4, lambda: terminal.has_ended)
        time.sleep(0.1 * chance.random())
        terminal.interrupt()
        begun = time.monotonic()
        if chance.random() < 0.5:
            # Within the handling of the first; if it comes too soon to count as a second, it needs another.
            time.sleep(0.3 * chance.random())
            terminal.interrupt()
        wait_until(lambda: terminal.has_ended or terminal.shows(b"Interrupted"))
        # Also when it has ended its report, and Python ends.
        while not terminal.has_ended and time.monotonic() - begun < LONGEST:
            time.sleep(0.3 * chance.random())
            terminal.interrupt()
        shown = terminal.end(LONGEST)
        assert terminal.process.returncode == 130, shown
        assert time.monotonic() - begun < 4, shown
        assert "Traceback" not in shown
        check_ledger(box, tmp_path)
