"""Reading responses."""

import pickle

import pytest

from gameball import (
    ClientClosedError,
    ConnectionFailedError,
    Event,
    EventLoopError,
    Gameball,
    GameballError,
    InvalidRequestError,
    RateLimitError,
    ResponseLostError,
    ServerError,
)
from gameball.rate_limit import RequestEnd
from gameball.sandbox import Fault, Sandbox
from gameball.transport.responses import request_end

EVENT = Event("cust-1", "song_liked", {"song_id": "231402"})


def test_an_error_has_the_fields_of_the_response(client: Gameball, box: Sandbox) -> None:
    body = (
        b'{"code": 3003, "type": "invalid", "message": "events is wrong", '
        b'"documentationUrl": "https://docs", "requestId": "r-1"}'
    )
    box.fail_next(Fault(status=422, body=body))
    error = client.events.send([EVENT], check=False).receipts[0].error
    assert isinstance(error, InvalidRequestError)
    assert (error.status, error.code, error.type, error.message) == (422, 3003, "invalid", "events is wrong")
    assert (error.request_id, error.documentation_url) == ("r-1", "https://docs")
    assert str(error) == "events is wrong (HTTP 422, code 3003, request r-1)"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("Wed, 21 Oct 2015 07:28:00 +99999999999999", None),
    ],
)
def test_retry_after_is_read_as_a_number_or_a_date(
    client: Gameball, box: Sandbox, value: str, seconds: float | None
) -> None:
    box.fail_next(Fault(status=503, headers=(("retry-after", value),)))
    error = client.events.send([EVENT], check=False).receipts[0].error
    assert isinstance(error, ServerError)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (ConnectionFailedError("refused"), RequestEnd.NOT_SENT),
        (ClientClosedError(), RequestEnd.NOT_SENT),
        (EventLoopError("another loop"), RequestEnd.NOT_SENT),
        (ResponseLostError("reset by the server"), RequestEnd.ENDED_BY_SERVER),
        (RateLimitError("slow down", status=429), RequestEnd.REFUSED),
        (ServerError("bug", status=500), RequestEnd.ENDED_BY_SERVER),
    ],
)
def test_only_a_request_that_the_client_gave_up_may_arrive_later(
    error: GameballError, end: RequestEnd
) -> None:
    assert request_end(error) is end
    lost = ResponseLostError("timeout")
    lost.given_up = True
    assert request_end(pickle.loads(pickle.dumps(lost))) is RequestEnd.GIVEN_UP
