"""What the sandbox finds wrong with a batch."""

import httpx
import pytest
from batch_requests import HEADERS, PATH, post

from gameball.sandbox import Sandbox


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, 3000),
        ({"body": None}, 422, 3003),
        ({"body": [7]}, 422, 3003),
        ({"body": [{"events": {}}]}, 400, 3000),
        ({"body": [{"customerId": None, "events": {}}]}, 422, 3001),
        ({"body": [{"customerId": "", "events": {}}]}, 422, 3003),
        ({"body": [{"customerId": "a", "events": []}]}, 422, 3003),
        ({"body": [{"customerId": "a", "events": {"liked": 1}}]}, 422, 3003),
        ({"body": [{"customerId": "a", "events": {}}] * 1001}, 422, 3011),
    ],
)
def test_the_payload_is_checked(box: Sandbox, body: object, status: int, code: int) -> None:
    response = post(box, body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not box.batches[0].accepted
    assert box.events == {}


def test_1000_objects_are_accepted(box: Sandbox) -> None:
    assert post(box, {"body": [{"customerId": "a", "events": {"liked": {}}}] * 1000}).status_code == 200


def test_a_body_that_is_not_json_is_refused(box: Sandbox) -> None:
    assert httpx.post(box.url + PATH, content=b"{", headers=HEADERS).json()["code"] == 3016
