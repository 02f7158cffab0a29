"""The sandbox responses as Gameball documents, and as a test asks it to."""

import time
from typing import Any

import httpx
import pytest
from batch_requests import HEADERS, PATH, post

from gameball import RateLimit
from gameball.sandbox import Ending, Fault, Sandbox
from gameball.sandbox.app import BANNER


def test_the_sandbox_says_that_it_is_not_gameball(box: Sandbox) -> None:
    assert httpx.get(box.url).json() == {"message": BANNER}
    assert "is not Gameball" in BANNER
    assert "not Gameball" in post(box).headers["server"]


@pytest.mark.parametrize(
    ("headers", "code"), [({}, 1000), ({"apikey": "key"}, 1001), ({**HEADERS, "apikey": "x"}, 1000)]
)
def test_both_keys_are_checked(box: Sandbox, headers: dict[str, str], code: int) -> None:
    response = post(box, headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, code)


def test_an_unknown_path_is_404_and_an_unknown_method_405(box: Sandbox) -> None:
    assert httpx.get(f"{box.url}/nowhere").status_code == 404
    assert httpx.get(box.url + PATH, headers=HEADERS).status_code == 405


def test_a_request_over_the_rate_limit_gets_429() -> None:
    with Sandbox(rate_limits=[RateLimit(2, 60.0)]) as box:
        assert [post(box).status_code for _ in range(3)] == [200, 200, 429]
        assert sum(box.events.values()) == 2


def test_a_reset_is_a_reset_and_a_truncated_response_is_truncated(box: Sandbox) -> None:
    box.fail_next(Fault(ending=Ending.RESET), Fault(ending=Ending.RESET, accepts=True))
    for _ in range(2):
        with pytest.raises(httpx.ReadError, match="reset by peer"):
            post(box)
    assert [request.accepted for request in box.batches] == [False, True]
    box.fail_next(Fault(ending=Ending.TRUNCATED, accepts=True))
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        post(box)
    assert sum(box.events.values()) == 2


def test_a_plan_sets_the_fault_by_the_request() -> None:
    def every_second(received: Any) -> Fault | None:
        return Fault(status=503) if received.number % 2 else None

    with Sandbox(plan=every_second) as box:
        assert [post(box).status_code for _ in range(4)] == [200, 503, 200, 503]


def test_responses_come_after_the_requested_latency() -> None:
    with Sandbox(latency=0.2) as box:
        begun = time.monotonic()
        post(box)
        assert time.monotonic() - begun >= 0.2
