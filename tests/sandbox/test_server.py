"""Starting, stopping and asking the sandbox."""

import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from batch_requests import BATCH, HEADERS, PATH, post
from either_client import EitherClient
from waiting import LONGEST

from gameball import Event, RateLimit
from gameball.sandbox import Fault, Sandbox


def test_stopping_does_not_wait_for_delayed_responses() -> None:
    begun = time.monotonic()
    with Sandbox() as box:
        box.fail_next(Fault(delay=60.0))
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(box.url + PATH, json=BATCH, headers=HEADERS, timeout=httpx.Timeout(LONGEST, read=0.2))
        box.wait_for(lambda: box.batches)
    assert time.monotonic() - begun < LONGEST


def test_the_record_can_be_cleared(box: Sandbox) -> None:
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


# The second packet of each response waited 40 ms, until the client had acknowledged the first: asyncio turns
# that off only for sockets that were made with the number of the protocol.
def test_a_response_is_not_delayed_for_an_acknowledgement(box: Sandbox) -> None:
    with httpx.Client(base_url=box.url) as client:
        client.get("/")
        (transport,) = box.app.transports.values()
        assert transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@pytest.fixture
def open_box() -> Iterator[Sandbox]:
    box = Sandbox(host="0.0.0.0")  # noqa: S104 - the warning about it is what is tested
    with pytest.warns(UserWarning, match=r"listens on 0\.0\.0\.0, and has no access control"):
        box.start()
    yield box
    box.stop()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_sandbox_at_every_address_warns_and_plain_http_to_it_must_be_allowed(
    open_box: Sandbox, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_box.url.startswith("http://127.0.0.1:")
    # Connects to this machine, but is not a loopback address.
    url = open_box.url.replace("127.0.0.1", "0.0.0.0")  # noqa: S104
    either = EitherClient(kind, url)
    none: dict[str, bool] = {}
    for options in (none, {"allow_http": False}):
        with pytest.raises(ValueError, match=r"pass allow_http=True or set GAMEBALL_ALLOW_HTTP=1"):
            either.send([Event("a", "b")], options=options)
    assert either.send([Event("a", "b")], options={"allow_http": True}).accepted == 1
    monkeypatch.setenv("GAMEBALL_ALLOW_HTTP", "1")
    assert either.send([Event("a", "b")]).accepted == 1
    with pytest.raises(ValueError, match="allow_http=True"):
        either.send([Event("a", "b")], options={"allow_http": False})
    assert len(open_box.batches) == 2


def test_the_sandbox_takes_the_rate_limits_of_the_client() -> None:
    with Sandbox(rate_limits=[RateLimit(2, 60.0)]) as box:
        url = box.url + "/api/v4.0/integrations/batch/1"
        statuses = [httpx.get(url, headers=HEADERS, trust_env=False).status_code for _ in range(3)]
    assert statuses == [404, 404, 429]
    with pytest.raises(ValueError, match="must hold RateLimit"):
        Sandbox(rate_limits=[(30, 1.0)])  # type: ignore[list-item]
