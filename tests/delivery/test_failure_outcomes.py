"""Each way in which a request can end, and the outcome of its events."""

import socket
from typing import Any

import httpx
import pytest
from either_client import EitherClient
from failures import FAILURES
from waiting import LONGEST

from gameball import (
    APIError,
    AuthenticationError,
    ConnectionFailedError,
    Event,
    GameballError,
    InvalidRequestError,
    NotFoundError,
    Outcome,
    PermissionDeniedError,
    RateLimitError,
    ResponseLostError,
    ServerError,
)
from gameball.delivery.failure_outcomes import outcome_of, stops_everything
from gameball.sandbox import Ending, Fault, Sandbox

EVENT = Event("cust-1", "song_liked", {"song_id": "231402"})
HTML = {"body": b"<html>busy</html>", "content_type": "text/html"}


def job_body(text: bytes) -> dict[str, Any]:
    return {"body": text, "accepts": True}


# fault, outcome, job id, error
ANSWERS: list[tuple[Fault, Outcome, int | None, type[GameballError] | None]] = [
    (Fault(**job_body(b'{"jobId": 0}')), Outcome.ACCEPTED, 0, None),
    (Fault(**job_body(b'{"jobId": 123456.0}')), Outcome.ACCEPTED, 123456, None),
    (Fault(**job_body(b'{"jobId": "77"}')), Outcome.ACCEPTED, 77, None),
    (Fault(status=202, **job_body(b'{"jobId": 5, "new": []}')), Outcome.ACCEPTED, 5, None),
    (Fault(status=299, **job_body(b'{"jobId": 5}')), Outcome.ACCEPTED, 5, None),
    (Fault(**job_body(b"{}")), Outcome.UNKNOWN, None, ResponseLostError),
    (Fault(**job_body(b"")), Outcome.UNKNOWN, None, ResponseLostError),
    (Fault(**job_body(b"null")), Outcome.UNKNOWN, None, ResponseLostError),
    (Fault(**job_body(b"[1]")), Outcome.UNKNOWN, None, ResponseLostError),
    (Fault(**job_body(b'"text"')), Outcome.UNKNOWN, None, ResponseLostError),
    (Fault(**job_body(b'{"jobId": null}')), Outcome.UNKNOWN, None, ResponseLostError),
    (Fault(**job_body(b'{"jobId": -1}')), Outcome.UNKNOWN, None, ResponseLostError),
    (Fault(**job_body(b'{"jobId": true}')), Outcome.UNKNOWN, None, ResponseLostError),
    (Fault(**job_body(b'{"jobId": 1.5}')), Outcome.UNKNOWN, None, ResponseLostError),
    (Fault(status=204, **job_body(b"")), Outcome.UNKNOWN, None, ResponseLostError),
    (Fault(accepts=True, **HTML), Outcome.UNKNOWN, None, ResponseLostError),  # type: ignore[arg-type]
    (Fault(status=301, headers=(("location", "/elsewhere"),)), Outcome.REJECTED, None, APIError),
    (
        Fault(status=302, headers=(("location", "http://[broken"),), body=b""),
        Outcome.REJECTED,
        None,
        APIError,
    ),
    (Fault(status=400, code=3000), Outcome.REJECTED, None, InvalidRequestError),
    (Fault(status=401, code=1000), Outcome.REJECTED, None, AuthenticationError),
    (Fault(status=403, code=8000), Outcome.REJECTED, None, PermissionDeniedError),
    (Fault(status=404), Outcome.REJECTED, None, NotFoundError),
    (Fault(status=413, **HTML), Outcome.REJECTED, None, InvalidRequestError),  # type: ignore[arg-type]
    (Fault(status=422, code=3003), Outcome.REJECTED, None, InvalidRequestError),
    (Fault(status=422, code=2001), Outcome.UNSENT, None, InvalidRequestError),
    (Fault(status=429, body=b""), Outcome.UNSENT, None, RateLimitError),
    (Fault(status=503, **HTML), Outcome.UNSENT, None, ServerError),  # type: ignore[arg-type]
    (Fault(status=500, accepts=True), Outcome.UNKNOWN, None, ServerError),
    (Fault(status=500, body=b'{"code": "x", "message": 7}'), Outcome.UNKNOWN, None, ServerError),
    (Fault(status=520, body=b""), Outcome.UNKNOWN, None, ServerError),
    (Fault(status=561, body=b"?"), Outcome.UNKNOWN, None, ServerError),
    (Fault(ending=Ending.RESET), Outcome.UNKNOWN, None, ResponseLostError),
    (Fault(ending=Ending.RESET, accepts=True), Outcome.UNKNOWN, None, ResponseLostError),
    (Fault(ending=Ending.TRUNCATED, accepts=True), Outcome.UNKNOWN, None, ResponseLostError),
    (Fault(delay=60.0), Outcome.UNKNOWN, None, ResponseLostError),
]


def name_of(value: object) -> str | None:
    if isinstance(value, Fault):
        parts = [
            value.status,
            value.code,
            value.body and value.body.decode(),
            value.ending.value,
            value.delay,
        ]
        return "-".join(str(part) for part in parts if part)
    return None


@pytest.mark.parametrize(("fault", "outcome", "job_id", "error"), ANSWERS, ids=name_of)
def test_every_response_has_its_documented_outcome_and_a_typed_error(
    either: EitherClient,
    box: Sandbox,
    fault: Fault,
    outcome: Outcome,
    job_id: int | None,
    error: type[GameballError] | None,
) -> None:
    box.fail_next(fault)
    # Only the test without a response uses a short timeout.
    timeout = httpx.Timeout(LONGEST, read=0.5 if fault.delay else LONGEST)
    options = {"timeout": timeout, "rate_limit_timeout": 0.0}
    report = either.send([EVENT], check=False, options=options)
    (receipt,) = report.receipts
    assert (receipt.outcome, receipt.job_id) == (outcome, job_id)
    assert type(receipt.error) is (error or type(None))
    assert (receipt.events, receipt.objects, receipt.first, receipt.last) == (1, 1, 0, 0)
    assert len(box.batches) == 1


def test_a_closed_port_leaves_events_unsent(either: EitherClient) -> None:
    # Bound and not listening, so that no other process gets the port meanwhile.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        report = either.send([EVENT], check=False, options={"base_url": f"http://127.0.0.1:{port}"})
    assert report.receipts[0].outcome is Outcome.UNSENT
    assert type(report.receipts[0].error) is ConnectionFailedError


def test_a_host_that_does_not_exist_leaves_events_unsent(either: EitherClient) -> None:
    report = either.send([EVENT], check=False, options={"base_url": "https://gameball.invalid"})
    assert report.receipts[0].outcome is Outcome.UNSENT
    assert type(report.receipts[0].error) is ConnectionFailedError


def test_a_failed_tls_handshake_leaves_events_unsent(either: EitherClient, box: Sandbox) -> None:
    report = either.send([EVENT], check=False, options={"base_url": box.url.replace("http", "https")})
    assert report.receipts[0].outcome is Outcome.UNSENT
    assert type(report.receipts[0].error) is ConnectionFailedError


@pytest.mark.parametrize("location", ["http://xn--/", "/elsewhere", "x" * 70_000])
def test_a_redirect_is_never_followed_wherever_it_leads(
    location: str, either: EitherClient, box: Sandbox
) -> None:
    # httpx parses the location even if redirects are not followed, and failed for some locations.
    box.fail_next(Fault(status=302, headers=(("location", location),)))
    report = either.send([Event("a", "x")], check=False)
    assert (report.rejected, len(box.received)) == (1, 1)


@pytest.mark.parametrize(("error", "outcome"), [(error, outcome) for error, outcome, *_ in FAILURES])
def test_every_failure_has_its_documented_outcome(error: GameballError, outcome: Outcome) -> None:
    assert outcome_of(error) is outcome


def test_only_wrong_keys_stop_the_whole_send() -> None:
    stopping = [error for error, *_ in FAILURES if stops_everything(error)]
    assert [type(error) for error in stopping] == [AuthenticationError, PermissionDeniedError]
    assert not stops_everything(None)
