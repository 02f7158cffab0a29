"""Starting, stopping and asking the sandbox."""

import socket
import threading
import time

import httpx
import pytest
from batch_requests import BATCH, HEADERS, PATH, post
from waiting import LONGEST

from gameball.sandbox import Fault, Sandbox


def test_stopping_does_not_wait_for_stalled_requests() -> None:
    begun = time.monotonic()
    with Sandbox() as box:
        box.fail_next(Fault(delay=60.0))
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(box.url + PATH, json=BATCH, headers=HEADERS, timeout=httpx.Timeout(LONGEST, read=0.2))
        box.wait_for(lambda: box.batches)
    assert time.monotonic() - begun < LONGEST


def test_what_was_received_can_be_forgotten(box: Sandbox) -> None:
    post(box)
    box.fail_next(Fault(status=500))
    box.forget()
    assert (box.received, box.events) == ([], {})
    assert post(box).status_code == 200


def test_a_port_in_use_and_a_sandbox_that_is_not_running_are_errors(box: Sandbox) -> None:
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=int(box.url.rpartition(":")[2])).start()
    with pytest.raises(RuntimeError, match="not running"):
        _ = Sandbox().url
    with pytest.raises(ValueError, match="job_form"):
        Sandbox(job_form="other")
    Sandbox().stop()


def test_wait_for_returns_when_the_condition_holds_and_reports_what_arrived_when_it_does_not(
    box: Sandbox,
) -> None:
    thread = threading.Thread(target=post, args=(box,))
    thread.start()
    box.wait_for(lambda: box.events)
    thread.join()
    assert len(box.batches) == 1
    with pytest.raises(TimeoutError, match="within 0.01 s; requests received: 1, batches: 1"):
        box.wait_for(lambda: len(box.batches) == 2, timeout=0.01)


# The second packet of each answer waited 40 ms, until the client had acknowledged the first: asyncio turns
# that off only for sockets that were made with the number of the protocol.
def test_an_answer_is_not_held_back_for_an_acknowledgement(box: Sandbox) -> None:
    with httpx.Client(base_url=box.url) as client:
        client.get("/")
        (transport,) = box.app.transports.values()
        assert transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
