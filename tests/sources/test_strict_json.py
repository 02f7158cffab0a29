"""Reading JSON exactly: with all digits, and no key twice."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gameball.json_values import OPTIONS, convert, encode
from gameball.sources.strict_json import UnparsableError, are_exact, parse_json

SPACE = st.sampled_from(["", "", "", " ", "\t", "\r"])
STRINGS = (
    st.sampled_from(["a", "b", "id", "", ":", "{", '":', '" :', "\\", "1e5", "3.14159265358979323846", "é"])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
).map(json.dumps)
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(json.dumps),
    st.from_regex(r"-?(0|[1-9][0-9]{0,24})\.[0-9]{1,25}", fullmatch=True),
    st.from_regex(r"-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?[eE][+-]?[0-9]{1,3}", fullmatch=True),
)
SCALARS = NUMBERS | STRINGS | st.sampled_from(["null", "true", "false"])


def spaced(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(SPACE, values, SPACE).map("".join)


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(spaced(STRINGS), spaced(values)).map(":".join)
    return st.lists(pairs, max_size=4).map(lambda found: "{" + ",".join(found) + "}")


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(spaced(values), max_size=3).map(lambda found: "[" + ",".join(found) + "]")


TEXTS = spaced(st.recursive(SCALARS, lambda inner: objects(inner) | lists(inner), max_leaves=8))


class RepeatedError(Exception):
    """A key is repeated."""


def reference(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise RepeatedError
        return dict(pairs)

    return json.loads(text, parse_float=Decimal, object_pairs_hook=unique)


def as_written(value: Any) -> Any:
    """Return a value with its floats as the decimals that are sent."""
    if isinstance(value, dict):
        return {key: as_written(part) for key, part in value.items()}
    if isinstance(value, list):
        return [as_written(part) for part in value]
    return Decimal(repr(value)) if isinstance(value, float) else value


def holds_number_out_of_range(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(holds_number_out_of_range, value.values() if isinstance(value, dict) else value))
    if isinstance(value, Decimal):
        return float(value) in {float("inf"), -float("inf")}
    return isinstance(value, int) and not -(2**63) <= value < 2**64


@settings(max_examples=200)
@given(text=TEXTS)
@example(text='{"a":1,"a" :2}')
@example(text='{"a":"\\":","a":2}')
@example(text="[0.1234567890123456789, 1e-400, 5E-324, 0.10, -0.0, 123456789012345.6]")
def test_any_json_is_read_as_python_reads_it_with_decimals_or_refused(text: str) -> None:
    try:
        expected = reference(text)
    except RepeatedError:
        with pytest.raises(UnparsableError):
            parse_json(text.encode())
        return
    if holds_number_out_of_range(expected):
        with pytest.raises(UnparsableError):
            parse_json(text.encode())
        return
    value = parse_json(text.encode())
    assert as_written(value) == expected
    # What is sent has the same digits.
    assert reference(encode(value, convert, OPTIONS).decode()) == expected


@settings(max_examples=100)
@given(metadata=st.lists(objects(SCALARS | objects(SCALARS)), min_size=1, max_size=3))
@example(metadata=['{"a":1,"a":2}', '{"a":"\\":"}'])
def test_a_group_is_called_exact_only_if_each_of_its_lines_is(metadata: list[str]) -> None:
    lines = [f'{{"customer_id":"c","name":"n","metadata":{text}}}'.encode() for text in metadata]
    try:
        fast = [json.loads(line) for line in lines]
        exact = are_exact(lines, [row["metadata"] for row in fast], keys=3)
    except UnparsableError:
        return
    if exact:
        for line, row in zip(lines, fast, strict=True):
            assert as_written(row) == reference(line.decode())


@pytest.mark.parametrize(
    "text", ["0.12345678901234567890", "100000000000000000.10", "-1.0000000000000000000000001"]
)
def test_a_number_that_a_float_cannot_hold_is_sent_with_the_digits_that_were_written(text: str) -> None:
    assert encode(parse_json(text.encode()), convert, OPTIONS).decode() == text


@pytest.mark.parametrize("text", [b"1" * 300, b"[" * 1000 + b"0.12345678901234567890" + b"]" * 1000])
def test_a_number_that_cannot_be_read_exactly_is_refused(text: bytes) -> None:
    with pytest.raises(UnparsableError, match="more than 64 bits|nested too deeply"):
        parse_json(text)


def test_a_small_exponent_beyond_all_decimals_is_refused() -> None:
    with pytest.raises(UnparsableError, match="has a number whose exponent is too large"):
        parse_json(b'{"n":1e-99999999999999999999}')
