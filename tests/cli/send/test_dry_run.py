"""``gameball send --dry-run``."""

from pathlib import Path

import pytest
from command import gameball, line, write_events
from hypothesis import given
from hypothesis import strategies as st

from gameball import (
    RateLimit,
)
from gameball.cli.send.dry_run import least_seconds
from gameball.rate_limit import DOCUMENTED_LIMITS, RequestEnd, Windows


def test_a_million_objects_take_sixty_nine_seconds_under_the_documented_limits() -> None:
    assert least_seconds(1000, DOCUMENTED_LIMITS) == 69.0


@given(
    requests=st.integers(0, 200),
    limits=st.lists(st.builds(RateLimit, st.integers(1, 40), st.integers(1, 30).map(float)), max_size=3),
)
def test_the_minimum_duration_is_what_the_limiter_needs_for_instant_responses(
    requests: int, limits: list[RateLimit]
) -> None:
    windows, now = Windows(limits), 0.0
    for _ in range(requests):
        now += windows.delay(now)
        windows.take()
        windows.give_back(now, RequestEnd.ENDED_BY_SERVER)
    assert least_seconds(requests, limits) == pytest.approx(now)


def test_a_dry_run_checks_everything_and_sends_nothing(tmp_path: Path) -> None:
    source = write_events(tmp_path / "events.jsonl", 2500)
    with source.open("a") as file:
        file.write("no JSON\n" + line(1))
    done = gameball("send", source, "--dry-run")
    assert done.code == 3
    assert "2,501 events in 2,501 objects, 3 requests" in done.out
    assert "line 2501: is not JSON" in done.out
    assert "Nothing was sent" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]
    slow = gameball("send", source, "--dry-run", "--json", "--max-objects", "2")
    # 1,251 requests: 360 in each 30 seconds, and the last 171 of them 30 per second.
    assert slow.report["seconds_at_least"] == 95
    assert slow.source["requests"] == 1251


def test_a_dry_run_shows_the_first_three_events_as_they_would_be_sent(tmp_path: Path) -> None:
    source = tmp_path / "events.csv"
    source.write_text("customer_id,amount\n" + "".join(f"{n},0.{n}0\n" for n in range(1, 6)))
    words = ("--set", "name=purchase", "--types", "amount=decimal", "--dry-run")
    done = gameball("send", source, *words)
    shown = [text for text in done.out.splitlines() if "purchase" in text]
    assert len(shown) == 3, done.err
    assert '"purchase":{"amount":0.1' in shown[0]


def test_a_dry_run_names_the_items_of_a_json_array_as_a_send_does(tmp_path: Path) -> None:
    source = tmp_path / "events.json"
    source.write_text('[{"customer_id": "c", "name": "liked"},\n {"customer_id": " ", "name": "liked"}]')
    done = gameball("send", source, "--dry-run")
    assert done.code == 3
    assert "events.json, item 2: customer_id must not be blank" in done.out
