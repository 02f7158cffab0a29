"""What a delivery does with each kind of response: the table of the docs."""

import threading

import pytest
from either_client import hurry
from outbox_processes import add
from statuses import REJECTED, SENT_AGAIN, UNKNOWN, WRONG_KEYS, name_of

from gameball import AuthenticationError, Event, Gameball, PermissionDeniedError
from gameball.outbox import Outbox, OutboxReport
from gameball.outbox.deliverer import Deliverer
from gameball.sandbox import Fault, Sandbox


def deliver(outbox: Outbox, client: Gameball) -> OutboxReport:
    hurry(client)
    stop = threading.Event()
    return Deliverer(outbox._database, client.events, stop, until_empty=True, first_pause=0.01).run()


@pytest.fixture
def filled(outbox: Outbox) -> Outbox:
    add(outbox, Event("cust-1", "song_liked"))
    return outbox


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", REJECTED, ids=name_of)
def test_any_other_4xx_and_3xx_rejects_the_events(
    fault: Fault, filled: Outbox, client: Gameball, box: Sandbox
) -> None:
    box.fail_next(fault)
    assert deliver(filled, client) == OutboxReport(0, 1, 0)
    assert (filled.status().rejected, filled.status().waiting, len(box.received)) == (1, 0, 1)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", UNKNOWN, ids=name_of)
def test_any_other_5xx_and_a_response_without_a_job_id_leaves_the_events_unknown(
    fault: Fault, filled: Outbox, client: Gameball, box: Sandbox
) -> None:
    box.fail_next(fault)
    assert deliver(filled, client) == OutboxReport(0, 0, 1)
    assert (filled.status().unknown, filled.status().waiting, len(box.received)) == (1, 0, 1)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", SENT_AGAIN, ids=name_of)
def test_what_was_certainly_not_accepted_is_sent_again(
    fault: Fault, filled: Outbox, client: Gameball, box: Sandbox
) -> None:
    box.fail_next(fault)
    assert deliver(filled, client) == OutboxReport(1, 0, 0)
    assert (filled.status().accepted, len(box.received)) == (1, 2)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("fault", WRONG_KEYS, ids=name_of)
def test_wrong_keys_end_the_delivery_and_the_events_stay_in_line(
    fault: Fault, filled: Outbox, client: Gameball, box: Sandbox
) -> None:
    box.fail_next(fault)
    with pytest.raises((AuthenticationError, PermissionDeniedError)):
        deliver(filled, client)
    assert (filled.status().waiting, len(box.received)) == (1, 1)
