"""Which chunks wait for which, and the order in which events arrive at the server."""

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from either_client import EitherClient
from hypothesis import given
from hypothesis import strategies as st
from raw_server import RawServer, answer
from waiting import LONGEST, wait_until_async

from gameball import DeliveryReport, Event
from gameball.delivery.customer_order import CustomerOrder
from gameball.delivery.send_state import READ_AHEAD
from gameball.sandbox import Fault, Sandbox


def test_a_chunk_waits_for_the_earlier_ones_that_share_a_customer_and_for_no_other() -> None:
    order = CustomerOrder()
    assert order.add(0, "ab")
    assert order.add(1, "c")
    assert not order.add(2, "bc")
    assert not order.add(3, "ab")
    assert order.add(4, "d")
    assert order.end(1) == []
    assert order.end(0) == [2]
    assert order.end(0) == []
    assert order.end(2) == [3]
    assert order.add(5, "b") is False
    assert order.release() == [5]
    assert order.release() == []
    assert order.end(3) == []


@given(
    chunks=st.lists(st.frozensets(st.integers(0, 5), min_size=1, max_size=4), max_size=25),
    choose=st.randoms(use_true_random=False),
    room=st.integers(1, 8),
)
def test_for_any_chunks_every_one_is_sent_once_after_all_earlier_ones_of_its_customers(
    chunks: list[frozenset[int]], choose: Any, room: int
) -> None:
    order = CustomerOrder()
    sent: list[int] = []
    in_flight: list[int] = []
    ended: set[int] = set()
    opened = 0

    def begin(index: int) -> None:
        earlier = {one for one in range(index) if chunks[one] & chunks[index]}
        assert earlier <= ended
        sent.append(index)
        in_flight.append(index)

    while len(ended) < len(chunks):
        while opened < len(chunks) and opened - len(ended) < room:
            index, opened = opened, opened + 1
            # Sent at once exactly if nothing earlier with one of its customers is left.
            free = not any(chunks[one] & chunks[index] for one in range(index) if one not in ended)
            assert order.add(index, chunks[index]) is free
            if free:
                begin(index)
        # It never comes to a stop with chunks left.
        assert in_flight
        done = in_flight.pop(choose.randrange(len(in_flight)))
        ended.add(done)
        for ready in order.end(done):
            begin(ready)
    assert sorted(sent) == list(range(len(chunks)))
    # Nothing is kept of chunks that have ended, so a long send takes no more memory than a short one.
    assert not any((order._latest, order._customers, order._blockers, order._waiting_for))


def of_customers(customers: int, count: int) -> list[Event]:
    return [Event(f"cust-{n % customers}", "liked", {"n": n}) for n in range(count)]


def accepted_numbers(box: Sandbox) -> dict[str, list[int]]:
    """Return the numbers of each customer's accepted events, in the order of the requests' arrival."""
    seen: dict[str, list[int]] = {}
    for batch in box.batches:
        for item in batch.objects if batch.accepted else ():
            numbers = seen.setdefault(item["customerId"], [])
            numbers += [metadata["n"] for metadata in item["events"].values()]
    return seen


OPTIONS: dict[str, Any] = {"max_objects": 3, "concurrency": 8, "ordered": True}


@pytest.mark.parametrize("customers", [1, 4, 7])
@pytest.mark.parametrize("coalesce", [True, False])
def test_each_customers_events_arrive_in_their_order(
    customers: int, coalesce: bool, either: EitherClient, box: Sandbox
) -> None:
    # Requests that must be sent again would be overtaken by later ones.
    box.fail_next(*(Fault(status=503) if n % 3 else Fault() for n in range(20)))
    options = {"max_attempts": 50}
    report = either.send(of_customers(customers, 60), coalesce=coalesce, options=options, **OPTIONS)
    assert report.accepted == 60
    arrived = accepted_numbers(box)
    assert sum(map(len, arrived.values())) == 60
    assert all(numbers == sorted(numbers) for numbers in arrived.values())


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_requests_of_different_customers_are_in_flight_at_the_same_time(kind: str) -> None:
    together = threading.Barrier(8)

    def handle(connection: socket.socket, number: int) -> None:
        together.wait(LONGEST)
        connection.sendall(answer(number))

    with RawServer(handle) as server:
        report = EitherClient(kind, server.url).send(of_customers(1_000, 24), **OPTIONS)
    assert report.accepted == 24


def test_a_retry_keeps_later_requests_of_the_customer_waiting(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(status=503), Fault(status=503), Fault(status=413))
    report = either.send(of_customers(1, 12), options={"max_attempts": 5}, **OPTIONS)
    assert report.accepted == 12
    assert accepted_numbers(box) == {"cust-0": list(range(12))}


def test_by_default_nothing_of_a_customer_is_sent_after_what_was_not_accepted(
    either: EitherClient, box: Sandbox
) -> None:
    box.fail_next(Fault(), Fault(status=503))
    report = either.send(of_customers(1, 30), check=False, **OPTIONS)
    assert (report.accepted, report.unsent) == (3, 27)
    assert len(box.batches) == 2
    assert [receipt.first for receipt in report.receipts] == sorted(r.first for r in report.receipts)


def test_without_stopping_later_events_are_sent_all_the_same(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(), Fault(status=503), Fault(status=500))
    report = either.send(of_customers(1, 30), check=False, stop_on_error=False, **OPTIONS)
    assert (report.accepted, report.unsent, report.unknown) == (24, 3, 3)


def test_the_source_is_read_no_further_ahead(either: EitherClient, box: Sandbox) -> None:
    read: list[int] = []

    def source() -> Iterator[Event]:
        for event in of_customers(1, 300):
            read.append(1)
            yield event

    most: list[int] = []
    box.fail_next(*(Fault(accepts=True, delay=0.01) for _ in range(10)))
    done: list[int] = []

    def note(receipt: Any) -> None:
        done.append(receipt.events)
        most.append(len(read) - sum(done))

    either.send(source(), on_receipt=note, **{**OPTIONS, "concurrency": 2})
    # One more chunk is being built, and one more item was read to see that the chunk is full.
    assert max(most) <= (READ_AHEAD * 2 + 2) * 3 + 1


def test_a_source_that_waits_does_not_keep_chunks_waiting(either: EitherClient, box: Sandbox) -> None:
    def source() -> Iterator[Event]:
        yield from of_customers(1, 10)
        box.wait_for(lambda: len(box.batches) == 3)

    async def async_source() -> AsyncIterator[Event]:
        for event in of_customers(1, 10):
            yield event
        await wait_until_async(lambda: len(box.batches) == 3)

    report = either.send(source() if either.kind == "sync" else async_source(), **OPTIONS)
    assert report.accepted == 10


def test_what_waits_at_an_interrupt_is_unsent_and_what_is_in_flight_is_waited_for(
    either: EitherClient, box: Sandbox
) -> None:
    box.fail_next(Fault(), Fault(accepts=True, delay=0.2))

    def source() -> Iterator[Event]:
        yield from of_customers(1, 12)
        box.wait_for(lambda: len(box.batches) == 2)
        raise KeyboardInterrupt

    async def async_source() -> AsyncIterator[Event]:
        for event in of_customers(1, 12):
            yield event
        await wait_until_async(lambda: len(box.batches) == 2)
        raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as caught:
        either.send(
            source() if either.kind == "sync" else async_source(),
            options={"close_timeout": LONGEST},
            **OPTIONS,
        )
    # The grace period is for requests in flight, not for those that wait for them.
    assert time.monotonic() - begun < LONGEST
    report: DeliveryReport = caught.value.report  # type: ignore[attr-defined]
    assert (report.accepted, report.unsent) == (6, 6)
    assert len(box.batches) == 2


def test_what_waits_at_the_deadline_is_unsent(either: EitherClient, box: Sandbox) -> None:
    box.fail_next(Fault(), Fault(accepts=True, delay=LONGEST))
    report = either.send(of_customers(1, 12), deadline=3.0, check=False, **OPTIONS)
    assert (report.accepted, report.unknown, report.unsent) == (3, 3, 6)


@pytest.mark.parametrize("ordered", [1, "yes", None])
def test_ordered_must_be_true_or_false(ordered: Any, either: EitherClient) -> None:
    with pytest.raises(ValueError, match="ordered must be True or False"):
        either.send([], ordered=ordered)
