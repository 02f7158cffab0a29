"""The values of options that are written as text."""

import pytest

from gameball.cli.option_values import parse_duration, parse_pairs, parse_rate_limits


def test_rate_limits_and_pairs_are_parsed() -> None:
    limits = parse_rate_limits(("100/1,5/0.5", "7/30"))
    assert limits is not None
    assert [(limit.requests, limit.seconds) for limit in limits] == [(100, 1.0), (5, 0.5), (7, 30.0)]
    assert parse_rate_limits(("none",)) is None
    assert parse_pairs(("a=b, c = d",), "--map") == {"a": "b", "c": "d"}


def test_durations_are_parsed() -> None:
    texts = ["0", "90", "30s", "1.5m", "2h"]
    assert [parse_duration(text, "--retry-for") for text in texts] == [0.0, 90.0, 30.0, 90.0, 7200.0]
    for text in ("", "soon", "-1", "1d", "1e3"):
        with pytest.raises(ValueError, match="--retry-for"):
            parse_duration(text, "--retry-for")
