"""Rows that can be sent, and rows that cannot."""

import orjson
import pytest
from event_strategies import ITEMS
from hypothesis import given

from gameball import InvalidEventError
from gameball.events import EventLike
from gameball.outbox.adding import encode_row
from gameball.outbox.page import UnsendableRowError, decode_row, make_page
from gameball.outbox.waiting_rows import WaitingRow

UNSENDABLE: list[tuple[str | bytes, str | bytes, str]] = [
    ("cust-1", "not JSON", "not JSON"),
    ("cust-1", "", "not JSON"),
    ("cust-1", '{"x":{}', "not JSON"),
    ("cust-1", '{"x":{"n":NaN}}', "not JSON"),
    ("cust-1", "[]", "not a JSON object"),
    ("cust-1", "{}", "not a JSON object"),
    ("cust-1", '{"x":1}', "metadata is not an object"),
    ("cust-1", '{" ":{}}', "has no name"),
    ("cust-1", b"\xff", "not JSON"),
    ("cust-1", '{"x":{"t":"\udcff"}}', "not UTF-8"),
    ("cust\udcff", '{"x":{}}', "not UTF-8"),
    (b"\xff", '{"x":{}}', "not UTF-8"),
    (" ", '{"x":{}}', "customer id is empty"),
    ("cust-1", '{"x":{"t":"' + 2_000_000 * "a" + '"}}', "too large"),
    ("\1" * 1_000_000, '{"x":{}}', "too large"),
]


@pytest.mark.parametrize(("customer_id", "events", "reason"), UNSENDABLE)
def test_a_row_that_cannot_be_sent_is_found(
    customer_id: str | bytes, events: str | bytes, reason: str
) -> None:
    good = WaitingRow(1, "cust-1", '{"x":{}}')
    page = make_page([good, WaitingRow(2, customer_id, events), good])
    assert page.ids == [1, 1]
    assert list(page.unsendable) == [2]
    assert reason in page.unsendable[2]
    assert page.unsendable[2].startswith("certainly not accepted")


def test_space_around_the_json_does_not_matter() -> None:
    assert decode_row(WaitingRow(1, "cust-1", ' \n{ "x":{} } ')).events == b'"x":{}'


@given(ITEMS)
def test_whatever_can_be_added_can_be_sent(item: EventLike) -> None:
    try:
        row = encode_row(item)
    except InvalidEventError:
        return
    events = decode_row(WaitingRow(1, row.customer_id, row.events))
    assert b"{" + events.events + b"}" == row.events.encode()
    assert events.names == set(orjson.loads(row.events))
    assert len(events.names) == row.event_count


def test_the_reason_does_not_quote_the_row() -> None:
    with pytest.raises(UnsendableRowError) as raised:
        decode_row(WaitingRow(1, "cust-1", "the secret of cust-1"))
    assert "secret" not in str(raised.value)
    assert "secret" not in repr(WaitingRow(1, "cust-1", "the secret of cust-1"))
