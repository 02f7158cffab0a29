"""The progress of a send: a live display on a terminal, and periodic lines elsewhere."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from attrs import frozen
from rich.console import Console
from rich.live import Live
from rich.text import Text

from gameball.cli.output import escape, write_error
from gameball.cli.send.tally import counted
from gameball.receipts import Outcome

_REFRESHES_PER_SECOND: Final = 5
#: Without a terminal: the delay of the first line and between the following lines, in seconds.
_FIRST_LINE: Final = 2.0
_NEXT_LINE: Final = 10.0
_LONGEST_TIME: Final = 999 * 3600.0
_SHORTEST_BAR: Final = 8
_LONGEST_BAR: Final = 40
_STYLES: Final = {
    "accepted": "green",
    "rejected": "red",
    "invalid": "red",
    "unknown": "yellow",
    "unsent": "magenta",
}


@frozen
class SendProgress:
    """The progress of a send.

    Attributes:
        name: The name of the source.
        share: The part of it that is done, from 0 to 1, or None if unknown.
        seconds: The elapsed time.
        events_per_second: The recent rate.
        requests_per_second: The recent rate.
        quota: The part of the rate limits in use, from 0 to 1.
        events: The number of events with each outcome.
        invalid: The number of lines that cannot be sent.
        note: A further message, such as that of an interrupt.
    """

    name: str
    share: float | None
    seconds: float
    events_per_second: float
    requests_per_second: float
    quota: float
    events: dict[Outcome, int]
    invalid: int
    note: str = ""

    @property
    def seconds_left(self) -> float | None:
        """The estimated remaining time at the recent rate, or None if unknown."""
        if not self.share or not self.events_per_second:
            return None
        left = sum(self.events.values()) * (1 - self.share) / self.share
        return min(left / self.events_per_second, _LONGEST_TIME)


def draw(progress: SendProgress, width: int) -> list[str]:
    """Draw the progress of a send.

    Args:
        progress: The progress.
        width: The number of columns.

    Returns:
        Lines of at most that width.
    """
    share = "" if progress.share is None else f"{progress.share:.0%}"
    left = progress.seconds_left
    rates = [
        counted(sum(progress.events.values()), "event"),
        f"{progress.events_per_second:,.0f} events/s",
        f"{progress.requests_per_second:,.0f} requests/s",
        f"quota {progress.quota:.0%} used",
        f"elapsed {_clock(progress.seconds)}",
        *([] if left is None else [f"{_clock(left)} left"]),
    ]
    lines = [*_head(escape(progress.name), progress.share, share, width), *_fill(rates, width)]
    lines += _fill(outcomes(progress.events, progress.invalid), width)
    if progress.note:
        lines += _fill(progress.note.split(" "), width, between=" ")
    return [_at_boundary(line, width) for line in lines]


def outcomes(events: dict[Outcome, int], invalid: int) -> list[str]:
    """Return each count that is not zero with its outcome; ACCEPTED is always included."""
    counts = {outcome.value: count for outcome, count in events.items()} | {"invalid": invalid}
    return [f"{count:,} {name}" for name, count in counts.items() if count or name == Outcome.ACCEPTED]


def _head(name: str, share: float | None, percent: str, width: int) -> list[str]:
    if share is None:
        return [name]
    room = width - len(name) - len(percent) - 2
    bar = min(room, _LONGEST_BAR)
    if bar >= _SHORTEST_BAR:
        return [f"{name} {_bar(share, bar)} {percent}"]
    return [_at_boundary(name, width - len(percent) - 1) + f" {percent}"]


def _bar(share: float, width: int) -> str:
    done = round(share * width)
    return "━" * done + "─" * (width - done)


def _fill(parts: list[str], width: int, between: str = " · ") -> list[str]:
    """Join parts into as few lines as possible."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(between) + len(part) <= width:
            lines[-1] += between + part
        else:
            lines.append(part)
    return lines


def _at_boundary(line: str, width: int) -> str:
    return line if len(line) <= width else line[: max(width - 1, 0)] + "…"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


class _Drawing:
    """The renderable that ``Live`` draws."""

    def __init__(self, progress: Callable[[], SendProgress]) -> None:
        self._progress = progress

    def __rich_console__(self, console: Console, _: object) -> Iterator[Text]:
        # The last column stays free, because some terminals wrap a line that fills it.
        text = Text("\n".join(draw(self._progress(), max(console.width - 1, 1))), no_wrap=True)
        for word, style in _STYLES.items():
            text.highlight_regex(rf"[\d,]+ {word}", style)
        text.highlight_regex("━+", "green")
        yield text


@contextmanager
def showing(progress: Callable[[], SendProgress], console: Console) -> Iterator[None]:
    """Show the progress of a send while the context is open.

    Args:
        progress: Returns the current progress. It is called from another thread.
        console: Where to show it: on standard error, because standard output is for results.
    """
    if console.is_terminal and not console.is_dumb_terminal:
        drawing = _Drawing(progress)
        with Live(
            get_renderable=lambda: drawing,
            console=console,
            refresh_per_second=_REFRESHES_PER_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
            transient=True,
        ):
            yield
        return
    ended = threading.Event()
    ticker = threading.Thread(target=_tell, args=(progress, ended), name="gameball-progress", daemon=True)
    ticker.start()
    try:
        yield
    finally:
        ended.set()
        ticker.join()


def _tell(progress: Callable[[], SendProgress], ended: threading.Event) -> None:
    pause = _FIRST_LINE
    while not ended.wait(pause):
        now = progress()
        share = [] if now.share is None else [f"{now.share:.0%} done"]
        parts = [*share, *outcomes(now.events, now.invalid), f"{now.events_per_second:,.0f} events/s"]
        write_error(f"{now.name}: {', '.join(parts)}")
        pause = _NEXT_LINE
