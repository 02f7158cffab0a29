"""What is seen on a terminal: drawn as text, and looked at on a real pseudo-terminal."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
import time
from pathlib import Path

import pyte
import pytest
from command import GAMEBALL, begin, environment, write_events
from hypothesis import given
from hypothesis import strategies as st

from gameball import Outcome
from gameball.cli.send.display import SendProgress, draw
from gameball.sandbox import Fault, Sandbox

PROGRESS = SendProgress(
    name="events.jsonl",
    share=0.62,
    seconds=12.0,
    events_per_second=231_000.0,
    requests_per_second=28.4,
    quota=0.71,
    events={
        Outcome.ACCEPTED: 612_000,
        Outcome.REJECTED: 0,
        Outcome.UNKNOWN: 1_000,
        Outcome.UNSENT: 0,
    },
    invalid=3,
)


def test_a_display_shows_share_rates_quota_outcomes_and_the_time_left() -> None:
    assert draw(PROGRESS, 100) == [
        f"events.jsonl {'━' * 25}{'─' * 15} 62%",
        "613,000 events · 231,000 events/s · 28 requests/s · quota 71% used · elapsed 0:00:12 · 0:00:01 left",
        "612,000 accepted · 1,000 unknown · 3 invalid",
    ]


def test_a_narrow_display_has_more_lines_and_no_bar() -> None:
    lines = draw(PROGRESS, 20)
    assert lines[0] == "events.jsonl 62%"
    assert "231,000 events/s" in lines
    assert "1,000 unknown" in "\n".join(lines)


@given(width=st.integers(1, 200), share=st.none() | st.floats(0, 1), name=st.text(min_size=1, max_size=60))
def test_no_line_is_wider_than_the_display(width: int, share: float | None, name: str) -> None:
    progress = SendProgress(
        name=name,
        share=share,
        seconds=1e6,
        events_per_second=1e9,
        requests_per_second=0.0,
        quota=1.0,
        events=dict.fromkeys(Outcome, 10**12),
        invalid=1,
        note="Interrupted: what is under way gets up to 5 seconds to end.",
    )
    assert all(len(line) <= width for line in draw(progress, width))


def look(
    words: list[str | Path], url: str, columns: int, terminal: str = "xterm-256color"
) -> tuple[int, list[list[str]], bytes]:
    """Run a command on a terminal.

    Returns:
        Its exit code, what the screen showed each time it changed, and all bytes that it wrote.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    variables = environment(url, TERM=terminal)
    del variables["COLUMNS"]
    process = subprocess.Popen(
        [GAMEBALL, *map(str, words)], stdin=follower, stdout=follower, stderr=follower, env=variables
    )
    os.close(follower)
    screen = pyte.Screen(columns, 40)
    stream = pyte.ByteStream(screen)
    screens: list[list[str]] = []
    written = bytearray()
    while True:
        try:
            data = os.read(leader, 65536)
        except OSError:  # the way a pseudo-terminal says that its other end is closed
            break
        if not data:
            break
        stream.feed(data)
        written += data
        screens.append([text.rstrip() for text in screen.display if text.strip()])
    os.close(leader)
    return process.wait(30), screens, bytes(written)


@pytest.mark.parametrize("columns", [30, 45, 100])
def test_a_terminal_shows_a_live_display_that_fits_and_leaves_only_the_result(
    columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = write_events(tmp_path / "events.jsonl", 3000)
    with Sandbox(latency=0.1) as box:
        box.fail_next(Fault(status=400))
        code, screens, _ = look(["send", source.name, "--max-objects", "100"], box.url, columns)
    assert code == 3
    seen = ["\n".join(screen) for screen in screens]
    assert any(re.search(r"events\.jsonl.* [1-9][0-9]?%", text) for text in seen)
    for word in ("events/s", "requests/s", "used", "elapsed", "left", "100 rejected"):
        assert any(word in text for text in seen), word
    # What was drawn is gone; what is left is the result, with nothing of the display among it.
    last = "".join(screens[-1])
    assert "2,900 accepted" in last
    assert "events/s" not in last
    assert "left" not in last
    live = [screen for screen in screens if any("events/s" in text for text in screen)]
    # Without overlap or scrolling, the display is on its own, from the top of the screen on.
    assert all(screen[0].startswith("events.jsonl") for screen in live)


def test_a_terminal_that_knows_no_escape_sequences_gets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = write_events(tmp_path / "events.jsonl", 300)
    with Sandbox(latency=0.1) as box:
        code, _, written = look(["send", source.name, "--max-objects", "10"], box.url, 80, "dumb")
    assert code == 0
    assert b"300 accepted" in written
    assert b"\x1b" not in written


def test_without_a_terminal_progress_is_a_line_every_few_seconds(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 40)
    with Sandbox(latency=0.25) as box:
        words = ("send", "events.jsonl", "--max-objects", "1", "--json")
        process = begin(*words, url=box.url, cwd=tmp_path)
        begun = time.monotonic()
        out, err = (text.decode() for text in process.communicate(timeout=30))
    assert process.returncode == 0
    assert time.monotonic() - begun > 2
    assert json.loads(out)["sources"][0]["events"]["accepted"] == 40
    assert re.fullmatch(r"(events\.jsonl: \d+% done, [0-9]+ accepted, [0-9]+ events/s\n)+", err)
