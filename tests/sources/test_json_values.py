"""JSON that is read without loss."""

import json
import sys
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gameball import Event, chunk_events
from gameball.sources.json_values import UnparsableError, is_exact, parse_json

DIGITS = st.text("0123456789", min_size=1, max_size=25)
NUMBERS = st.builds(
    lambda sign, whole, fraction, exponent: sign + whole + fraction + exponent,
    st.sampled_from(["", "-"]),
    DIGITS.map(lambda digits: digits.lstrip("0") or "0"),
    st.one_of(st.just(""), DIGITS.map(lambda digits: "." + digits)),
    st.one_of(st.just(""), st.integers(-400, 400).map(lambda power: f"e{power}"), st.just("E+05")),
)
TEXTS = st.one_of(NUMBERS, st.text(max_size=20)).map(json.dumps)
VALUES = st.recursive(
    st.one_of(NUMBERS, TEXTS, st.sampled_from(["null", "true"])),
    lambda values: st.one_of(
        st.lists(values, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.lists(st.tuples(st.sampled_from(['"a"', '"b"', '"\\u0061"']), values), max_size=3).map(
            lambda pairs: "{" + ",".join(f"{key} : {value}" for key, value in pairs) + "}"
        ),
    ),
    max_leaves=6,
)


def exact(text: str) -> Any:
    """Parse JSON with the standard library, with all digits; raise KeyError for a repeated key."""

    def pairs(given: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(given)) < len(given):
            raise KeyError
        return dict(given)

    return json.loads(text, object_pairs_hook=pairs, parse_float=Decimal)


def equal(value: Any, expected: Any) -> bool:
    """Compare values; a float equals the decimal number that it is written as."""
    if isinstance(expected, Decimal):
        return Decimal(repr(value) if isinstance(value, float) else value) == expected
    if isinstance(expected, list):
        return len(value) == len(expected) and all(map(equal, value, expected))
    if isinstance(expected, dict):
        return value.keys() == expected.keys() and all(equal(value[key], expected[key]) for key in expected)
    return type(value) is type(expected) and value == expected


@given(VALUES)
@example("1e-320")
@example("1.23456789e-320")
@example("0.30000000000000004")
@example("1234567890123456.5")
@example("9007199254740993.0")
@example("1e400")
@example('{"a":1,"a":2,"b":"\\u0022\\u0022"}')
@example("5e-324")
def test_for_any_json_its_value_is_exact_or_it_is_refused(text: str) -> None:
    try:
        value = parse_json(text.encode())
    except UnparsableError:
        # Refused: a repeated key, an integer of more than 64 bits, or a number too large for a float.
        try:
            expected = exact(text)
        except KeyError:
            return
        assert any(too_large(number) for number in numbers_in(expected))
        return
    assert equal(value, exact(text))


def numbers_in(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [number for item in value for number in numbers_in(item)]
    if isinstance(value, dict):
        return numbers_in(list(value.values()))
    return [value] if isinstance(value, int | Decimal) else []


def too_large(number: int | Decimal) -> bool:
    if isinstance(number, int):
        return not -(2**63) <= number < 2**64
    return abs(number) > Decimal(sys.float_info.max)


@given(VALUES)
def test_the_quick_check_never_misses_a_loss(text: str) -> None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return
    if is_exact(text.encode(), [value]):
        assert equal(value, exact(text))


@pytest.mark.parametrize("number", ["12345678901234567.89", "0.1234567890123456789", "3.14", "100.0"])
def test_a_number_is_sent_with_the_digits_that_it_was_written_with(number: str) -> None:
    metadata = parse_json(f'{{"n": {number}}}'.encode())
    (chunk,) = chunk_events([Event("c", "n", metadata)])
    assert f'"n":{number}'.encode() in chunk.content


def test_ordinary_lines_pass_the_quick_check() -> None:
    line = b'{"customer_id": "cust-1", "name": "like", "metadata": {"at": "2026-11-26T10:00:00Z", "n": 9.90}}'
    assert is_exact(line, [orjson.loads(line)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "is not JSON"),
        (b'{"a": "\xff"}', "is not UTF-8 (byte 8)"),
        (b'{"a": 1, "a": 1}', "has a twice in an object"),
        (b'{"a": [1e999]}', "is not JSON (number is infinity"),
        (b"123456789012345678901234567890", "is an integer of more than 64 bits"),
        (b"[" * 1020 + b"9" * 30 + b"]" * 1020, "is nested too deeply"),
    ],
)
def test_what_cannot_be_read_has_a_reason_that_quotes_nothing(text: bytes, said: str) -> None:
    with pytest.raises(UnparsableError) as caught:
        parse_json(text)
    assert said in caught.value.reason
    assert caught.value.__context__ is None
