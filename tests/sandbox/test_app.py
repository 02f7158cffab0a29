"""The sandbox behaves as Gameball documents, and as a test asks it to."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from overlaid_document import document

from gameball.sandbox import Ending, Fault, Sandbox
from gameball.sandbox.app import BANNER
from gameball.sandbox.limits import SlidingWindows

HEADERS = {"apikey": "key", "secretkey": "secret"}
PATH = "/api/v4.0/integrations/batch/events"
BATCH = {"body": [{"customerId": "a", "events": {"liked": {}}}]}


def post(box: Sandbox, body: Any = BATCH, headers: dict[str, str] = HEADERS) -> httpx.Response:
    return httpx.post(box.url + PATH, json=body, headers=headers)


def test_it_says_that_it_is_not_gameball(box: Sandbox) -> None:
    assert httpx.get(box.url).json() == {"message": BANNER}
    assert "is not Gameball" in BANNER
    assert "not Gameball" in post(box).headers["server"]


@pytest.mark.parametrize(
    ("headers", "code"), [({}, 1000), ({"apikey": "key"}, 1001), ({**HEADERS, "apikey": "x"}, 1000)]
)
def test_both_keys_are_checked(box: Sandbox, headers: dict[str, str], code: int) -> None:
    answer = post(box, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, code)


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
    answer = post(box, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not box.batches[0].accepted
    assert box.events == {}


def test_1000_objects_are_taken(box: Sandbox) -> None:
    assert post(box, {"body": [{"customerId": "a", "events": {"liked": {}}}] * 1000}).status_code == 200


def test_text_that_is_no_json_is_refused(box: Sandbox) -> None:
    assert httpx.post(box.url + PATH, content=b"{", headers=HEADERS).json()["code"] == 3016


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


def test_what_it_does_not_know_is_404_or_405(box: Sandbox) -> None:
    assert httpx.get(f"{box.url}/nowhere").status_code == 404
    assert httpx.get(box.url + PATH, headers=HEADERS).status_code == 405


def test_rate_limits_are_exact_sliding_windows() -> None:
    windows = SlidingWindows([(3, 1.0), (5, 10.0)])
    arrivals = [0.0, 0.5, 0.9, 0.99, 1.0, 1.49, 1.5, 1.9, 2.0, 10.0, 10.4, 10.5]
    assert [windows.admit(at) for at in arrivals] == [
        True, True, True, False, True, False, True, False, False, True, False, True,
    ]  # fmt: skip


def test_past_the_rate_limit_the_answer_is_429() -> None:
    with Sandbox(rate_limits=[(2, 60.0)]) as box:
        assert [post(box).status_code for _ in range(3)] == [200, 200, 429]
        assert sum(box.events.values()) == 2


def test_a_reset_is_a_reset_and_a_truncated_answer_is_truncated(box: Sandbox) -> None:
    box.fail_next(Fault(ending=Ending.RESET), Fault(ending=Ending.RESET, accepts=True))
    for _ in range(2):
        with pytest.raises(httpx.ReadError, match="reset by peer"):
            post(box)
    assert [request.accepted for request in box.batches] == [False, True]
    box.fail_next(Fault(ending=Ending.TRUNCATED, accepts=True))
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        post(box)
    assert sum(box.events.values()) == 2


def test_a_plan_decides_by_what_arrived() -> None:
    def every_second(received: Any) -> Fault | None:
        return Fault(status=503) if received.number % 2 else None

    with Sandbox(plan=every_second) as box:
        assert [post(box).status_code for _ in range(4)] == [200, 503, 200, 503]


def test_latency_is_kept() -> None:
    with Sandbox(latency=0.2) as box:
        begun = time.monotonic()
        post(box)
        assert time.monotonic() - begun >= 0.2


def test_stopping_does_not_wait_for_what_is_stalled() -> None:
    begun = time.monotonic()
    with Sandbox() as box:
        box.fail_next(Fault(delay=60.0))
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(box.url + PATH, json=BATCH, headers=HEADERS, timeout=0.2)
    assert time.monotonic() - begun < 5


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


def test_it_runs_from_a_shell_until_ctrl_c() -> None:
    command = [sys.executable, "-m", "gameball.sandbox", "--port", "0", "--enforce-limits"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == BANNER + "\n"
        match = re.search(r"http://[0-9.:]+", process.stdout.readline())
        assert match
        assert httpx.post(match[0] + PATH, json=BATCH, headers=HEADERS).status_code == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_from_a_shell_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "gameball.sandbox", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 2
    assert done.stderr == f"port {port} cannot be used: Address already in use; try --port 0\n"


schema = schemathesis.openapi.from_dict(document())


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_its_answers_conform_to_the_document(case: schemathesis.Case[Any], running_sandbox: Sandbox) -> None:
    case.call_and_validate(
        base_url=running_sandbox.url,
        headers=HEADERS,
    )


def test_the_sandbox_sends_each_answer_at_once(box: Sandbox) -> None:
    # Without TCP_NODELAY each answer but the first waited some 40 ms for the client's acknowledgement.
    with httpx.Client(base_url=box.url) as client:
        client.get("/")
        (transport, *_) = box._app.transports.values()
        accepted = transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
