"""The jobs of the sandbox."""

import time
from typing import Any

import httpx

from gameball.sandbox import Sandbox

HEADERS = {"apikey": "key", "secretkey": "secret"}


PATH = "/api/v4.0/integrations/batch/events"


BATCH = {"body": [{"customerId": "a", "events": {"liked": {}}}]}


def post(box: Sandbox, body: Any = BATCH, headers: dict[str, str] = HEADERS) -> httpx.Response:
    return httpx.post(box.url + PATH, json=body, headers=headers)


def test_a_job_moves_through_its_states() -> None:
    with Sandbox(job_seconds=0.6, first_job_id=0) as box:
        assert post(box).json() == {"jobId": 0}
        states: list[str] = []
        deadline = time.monotonic() + 10
        while "completed" not in states[::2] and time.monotonic() < deadline:
            first = httpx.get(f"{box.url}/api/v4.0/integrations/batch/0", headers=HEADERS).json()
            second = httpx.get(f"{box.url}/api/v4.0/integrations/batches/0/status", headers=HEADERS).json()
            states += [first["status"], second["status"]]
            assert (first["startedAt"] is None) == (first["status"] == "queued")
    assert list(dict.fromkeys(states[::2])) == ["queued", "running", "completed"]
    assert list(dict.fromkeys(states[1::2])) == ["pending", "processing", "completed"]
