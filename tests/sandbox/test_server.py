"""Starting, stopping and asking the sandbox."""

import time
from typing import Any

import httpx
import pytest

from gameball.sandbox import Fault, Sandbox

HEADERS = {"apikey": "key", "secretkey": "secret"}


PATH = "/api/v4.0/integrations/batch/events"


BATCH = {"body": [{"customerId": "a", "events": {"liked": {}}}]}


def test_stopping_does_not_wait_for_what_is_stalled() -> None:
    begun = time.monotonic()
    with Sandbox() as box:
        box.fail_next(Fault(delay=60.0))
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(box.url + PATH, json=BATCH, headers=HEADERS, timeout=0.2)
    assert time.monotonic() - begun < 5


def post(box: Sandbox, body: Any = BATCH, headers: dict[str, str] = HEADERS) -> httpx.Response:
    return httpx.post(box.url + PATH, json=body, headers=headers)


def test_what_was_received_can_be_forgotten(box: Sandbox) -> None:
    post(box)
    box.fail_next(Fault(status=500))
    box.forget()
    assert (box.received, box.events) == ([], {})
    assert post(box).status_code == 200


def test_a_taken_port_and_a_sandbox_that_does_not_run_say_so(box: Sandbox) -> None:
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=int(box.url.rpartition(":")[2])).start()
    with pytest.raises(RuntimeError, match="not running"):
        _ = Sandbox().url
    with pytest.raises(ValueError, match="job_form"):
        Sandbox(job_form="other")
    Sandbox().stop()
