"""Each way a request can end, made to happen, and what its events become."""

import asyncio
import itertools
import math
import pickle
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from either_client import EitherClient

from gameball import (
    APIError,
    AuthenticationError,
    ConnectionFailedError,
    CustomerEvents,
    DeliveryError,
    DeliveryReport,
    Event,
    Gameball,
    GameballError,
    InvalidEventError,
    InvalidRequestError,
    NotFoundError,
    Outcome,
    PermissionDeniedError,
    RateLimitError,
    Receipt,
    ResponseLostError,
    ServerError,
)
from gameball.sandbox import Ending, Fault, Sandbox

EVENT = Event("cust-1", "song_liked", {"song_id": "231402"})
HTML = {"body": b"<html>busy</html>", "content_type": "text/html"}


def events(count: int) -> list[Event]:
    return [Event(f"cust-{number}", "song_liked") for number in range(count)]


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
    (Fault(delay=30.0), Outcome.UNKNOWN, None, ResponseLostError),
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
def test_every_answer_gives_its_documented_outcome_and_a_typed_error(
    either: EitherClient,
    box: Sandbox,
    fault: Fault,
    outcome: Outcome,
    job_id: int | None,
    error: type[GameballError] | None,
) -> None:
    box.fail_next(fault)
    report = either.send([EVENT], check=False, options={"timeout": 0.5})
    (receipt,) = report.receipts
    assert (receipt.outcome, receipt.job_id) == (outcome, job_id)
    assert type(receipt.error) is (error or type(None))
    assert (receipt.events, receipt.objects, receipt.first, receipt.last) == (1, 1, 0, 0)
    assert len(box.batches) == 1


def test_a_closed_port_leaves_events_unsent(either: EitherClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    report = either.send([EVENT], check=False, options={"base_url": f"http://127.0.0.1:{port}"})
    assert report.receipts[0].outcome is Outcome.UNSENT
    assert type(report.receipts[0].error) is ConnectionFailedError


def test_a_host_that_does_not_exist_leaves_events_unsent(either: EitherClient) -> None:
    report = either.send([EVENT], check=False, options={"base_url": "https://gameball.invalid"})
    assert report.receipts[0].outcome is Outcome.UNSENT
    assert type(report.receipts[0].error) is ConnectionFailedError


def test_a_server_that_speaks_no_tls_leaves_events_unsent(either: EitherClient, box: Sandbox) -> None:
    report = either.send([EVENT], check=False, options={"base_url": box.url.replace("http", "https")})
    assert report.receipts[0].outcome is Outcome.UNSENT
    assert type(report.receipts[0].error) is ConnectionFailedError


def test_an_error_tells_what_gameball_said(client: Gameball, box: Sandbox) -> None:
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
    box.fail_next(Fault(status=429, headers=(("retry-after", value),)))
    error = client.events.send([EVENT], check=False).receipts[0].error
    assert isinstance(error, RateLimitError)
    assert error.retry_after == seconds


@pytest.mark.parametrize(("objects", "requests"), [(1, 1), (999, 1), (1000, 1), (1001, 2), (2500, 3)])
def test_objects_are_sent_in_as_few_requests_as_allowed(
    either: EitherClient, box: Sandbox, objects: int, requests: int
) -> None:
    report = either.send(events(objects))
    assert len(box.batches) == requests
    assert report.accepted == objects
    assert sum(box.events.values()) == objects
    sent = sorted(len(request.objects) for request in box.batches)
    assert sent == sorted(receipt.objects for receipt in report.receipts)


def test_a_report_adds_up_whatever_happens(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(), Fault(status=400), Fault(status=520), Fault(status=503), Fault())
    report = either.send(events(25), max_objects=5, check=False, stop_on_error=False)
    assert (report.accepted, report.rejected, report.unknown, report.unsent) == (10, 5, 5, 5)
    assert [(receipt.index, receipt.first, receipt.last) for receipt in report.receipts] == [
        (index, index * 5, index * 5 + 4) for index in range(5)
    ]
    assert len(report.job_ids) == 2
    assert str(report) == "10 accepted, 5 rejected, 5 unknown, 5 unsent"


def test_what_was_not_accepted_raises_by_default_from_the_first_cause(
    either: EitherClient, box: Sandbox
) -> None:
    box.fail_next(Fault(), Fault(status=404), Fault(status=500))
    with pytest.raises(DeliveryError, match=r"10 accepted.*source items 5 to 9 rejected") as caught:
        either.send(events(20), max_objects=5, stop_on_error=False, concurrency=1)
    assert isinstance(caught.value.__cause__, NotFoundError)
    assert (caught.value.report.accepted, caught.value.report.rejected) == (10, 5)


def test_the_first_failure_stops_and_what_was_not_read_is_unsent(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(), Fault(status=500))
    handed_over = [*events(20), CustomerEvents("several", {"one": {}, "two": {}})]
    report = either.send(handed_over, max_objects=5, check=False, concurrency=1)
    assert len(box.batches) == 2
    assert (report.accepted, report.unknown, report.unsent) == (5, 5, 12)
    # One chunk had been read ahead; of the others there are no objects.
    assert [(r.first, r.last, r.objects, r.attempts) for r in report.receipts[2:]] == [
        (10, 14, 5, 0),
        (15, 20, 0, 0),
    ]
    assert all(isinstance(receipt.error, ServerError) for receipt in report.receipts[1:])


def test_a_generator_is_not_read_on_after_the_first_failure(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(status=500))
    source = (Event(f"cust-{n}", "x") for n in itertools.count())
    report = either.send(source, max_objects=5, check=False, concurrency=1)
    assert report.unknown == 5
    assert next(source).customer_id == "cust-11"  # one chunk was read ahead, and the event that ended it
    assert report.unsent == 6


def test_wrong_keys_stop_everything_even_when_told_to_go_on(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(status=401))
    report = either.send(events(20), max_objects=5, check=False, stop_on_error=False, concurrency=1)
    assert len(box.batches) == 1
    assert (report.rejected, report.unsent) == (5, 15)


def test_an_invalid_event_is_raised_after_all_before_it_were_sent(either: EitherClient, box: Sandbox) -> None:
    handed_over = [*events(7), Event("", "song_liked"), *events(2)]
    with pytest.raises(InvalidEventError, match="event 7") as caught:
        either.send(handed_over, max_objects=5)
    report = caught.value.report
    assert report is not None
    assert (report.accepted, report.unsent) == (7, 3)
    assert sum(box.events.values()) == 7
    assert "7 accepted" in "".join(caught.value.__notes__)


def test_events_that_cannot_be_sent_are_left_out_and_told_of_where_that_is_asked_for(
    either: EitherClient, box: Sandbox
) -> None:
    told: list[InvalidEventError] = []
    handed_over = [Event("", "a"), *events(6), Event("c", ""), Event("c", "b", {"n": math.nan}), *events(2)]
    report = either.send(handed_over, max_objects=5, on_invalid=told.append, coalesce=False)
    assert (report.accepted, sum(box.events.values())) == (8, 8)
    assert [(error.index, error.field) for error in told] == [
        (0, "customer_id"),
        (7, "name"),
        (8, "metadata.n"),
    ]


def test_what_was_left_out_does_not_count_as_unsent(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(status=500))
    several = CustomerEvents("several", {"one": {}, "two": {}})
    handed_over = [Event("", "a"), *events(4), Event("", "b"), several, *events(20), several]
    report = either.send(
        handed_over, max_objects=3, on_invalid=lambda _: None, check=False, concurrency=1, coalesce=False
    )
    assert (report.unknown, report.unsent) == (3, 25)
    assert report.receipts[-1].last == 25


@pytest.mark.parametrize("unreadable", [CustomerEvents("c", None), CustomerEvents("c", 3)])  # type: ignore[arg-type]
def test_what_was_not_read_is_counted_whatever_it_is(
    unreadable: CustomerEvents, either: EitherClient, box: Sandbox
) -> None:
    # It was asked for its number of events, and its TypeError hid what had happened.
    box.fail_next(Fault(status=401))
    report = either.send([*events(30), unreadable], max_objects=1, concurrency=1, check=False)
    assert (report.rejected, report.unsent) == (1, 30)


def test_an_error_while_told_of_an_invalid_event_ends_the_send(either: EitherClient) -> None:
    def refuse(error: InvalidEventError) -> None:
        raise RuntimeError(f"too many like {error.index}")

    with pytest.raises(RuntimeError, match="too many like 2") as caught:
        either.send([*events(2), Event("", "x"), *events(2)], on_invalid=refuse)
    report: DeliveryReport = caught.value.report  # type: ignore[attr-defined]
    assert (report.accepted, report.unsent) == (2, 3)


def test_a_send_stops_at_the_outcomes_that_it_is_told_to_stop_at(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(status=400), Fault(status=500))
    stop = {Outcome.UNKNOWN, Outcome.UNSENT}
    report = either.send(events(20), max_objects=5, check=False, stop_on_error=stop, concurrency=1)
    assert (report.rejected, report.unknown, report.unsent) == (5, 5, 10)


def test_accepted_is_no_outcome_to_stop_at(either: EitherClient) -> None:
    with pytest.raises(ValueError, match="stop_on_error holds accepted"):
        either.send(events(1), stop_on_error={Outcome.ACCEPTED})


def test_an_error_of_the_source_is_what_the_caller_sees_with_the_report(
    either: EitherClient, box: Sandbox
) -> None:
    def failing() -> Iterator[Event]:
        yield from events(7)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone") as caught:
        either.send(failing(), max_objects=5)
    report: DeliveryReport = caught.value.report  # type: ignore[attr-defined]
    assert report.accepted == 7
    assert sum(box.events.values()) == 7


def test_each_receipt_is_given_as_it_comes(either: EitherClient) -> None:
    seen: list[Receipt] = []
    report = either.send(events(12), max_objects=5, on_receipt=seen.append)
    assert sorted(seen, key=lambda receipt: receipt.index) == list(report.receipts)


def test_a_stream_gives_receipts_and_raises_nothing(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(), Fault(status=500))
    options: dict[str, Any] = {"max_objects": 5, "stop_on_error": False, "concurrency": 1}
    receipts = list(either.call(lambda gb: gb.events.stream(events(15), **options)))
    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.ACCEPTED]


def test_an_asynchronous_source_is_sent_as_any_other(box: Sandbox) -> None:
    async def source() -> AsyncIterator[Event]:
        for event in events(12):
            await asyncio.sleep(0)
            yield event

    report = EitherClient("async", box.url).send(source(), max_objects=5)
    assert (report.accepted, len(report.receipts)) == (12, 3)


def test_an_asynchronous_source_that_fails_or_holds_an_invalid_event_is_settled_too(box: Sandbox) -> None:
    async def failing() -> AsyncIterator[Event]:
        for event in events(7):
            yield event
        raise OSError("the disk is gone")

    async def invalid() -> AsyncIterator[Event]:
        for event in events(3):
            yield event
        yield Event("", "x")
        yield Event("last", "x")

    asynchronous = EitherClient("async", box.url)
    with pytest.raises(OSError, match="the disk is gone") as caught:
        asynchronous.send(failing(), max_objects=5)
    assert caught.value.report.accepted == 7  # type: ignore[attr-defined]
    with pytest.raises(InvalidEventError, match="event 3") as refused:
        asynchronous.send(invalid())
    assert refused.value.report is not None
    assert refused.value.report.accepted == 3
    told: list[InvalidEventError] = []
    assert asynchronous.send(invalid(), on_invalid=told.append).accepted == 4
    assert [error.index for error in told] == [3]


def test_nothing_handed_over_is_an_empty_report(either: EitherClient, box: Sandbox) -> None:
    assert either.send([]) == DeliveryReport(())
    assert str(DeliveryReport(())) == "no events"
    assert box.received == []


def test_a_report_and_its_error_can_be_pickled(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(status=404))
    with pytest.raises(DeliveryError) as caught:
        either.send([EVENT])
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert copy.report.rejected == 1
    assert isinstance(copy.report.receipts[0].error, NotFoundError)


def test_limits_out_of_their_range_are_refused_before_anything_is_sent(either: EitherClient) -> None:
    with pytest.raises(ValueError, match="max_objects is 1001"):
        either.send([EVENT], max_objects=1001)
    with pytest.raises(ValueError, match="max_objects is 0"):
        either.call(lambda gb: gb.events.stream([EVENT], max_objects=0))
