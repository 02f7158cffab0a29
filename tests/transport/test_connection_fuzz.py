"""Random faults at the level of bytes: report, ledger and the server's own record agree on each of them."""

import random
import ssl
from pathlib import Path

import pytest
from byte_faults import BATCH, RESET_BEFORE_HANDSHAKE, SEEDS, TIMEOUT, try_seeds
from either_client import EitherClient
from event_server import EVENTS, LARGE, EventServer

from gameball import DeliveryReport, Event, Ledger, Outcome


def send(seed: int, tls: ssl.SSLContext, ledger: Path) -> None:
    """Send some events to a server with faults, and compare all records of what happened."""
    chance = random.Random(seed)
    kind = chance.choice(["sync", "async"])
    server = EventServer(random.Random(seed))
    path = ledger / f"{seed}.ledger" if chance.random() < 0.5 else None
    metadata = {"text": LARGE if chance.random() < 0.1 else "x"}
    with server.serve(tls if chance.random() < 0.3 else None) as raw:
        report = EitherClient(kind, raw.url).send(
            [Event(f"cust-{n}", "song_liked", metadata) for n in range(EVENTS)],
            max_objects=chance.randint(1, 2),
            concurrency=chance.randint(1, 4),
            ordered=chance.random() < 0.3,
            deadline=chance.choice([None, None, None, 0.2]),
            ledger=path,
            check=False,
            stop_on_error=False,
            options={"max_attempts": 3, "timeout": TIMEOUT, "close_timeout": 0.2},
        )
    check_report(report, server)
    if path is not None:
        with Ledger(path) as kept:
            for outcome in (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.UNKNOWN):
                assert positions(kept.ranges(outcome)) == positions(report.ranges(outcome)), outcome


def positions(ranges: list[range]) -> list[int]:
    return sorted(position for found in ranges for position in found)


def check_report(report: DeliveryReport, server: EventServer) -> None:
    covered = [n for receipt in report.receipts for n in range(receipt.first, receipt.last + 1)]
    assert sorted(covered) == list(range(EVENTS)), "an event is reported twice or not at all"
    for receipt in report.receipts:
        for number in range(receipt.first, receipt.last + 1):
            times = server.taken[f"cust-{number}"]
            match receipt.outcome:
                case Outcome.ACCEPTED:
                    assert times == 1, (receipt, server.faults)
                    assert server.promised[f"cust-{number}"] == receipt.job_id, (receipt, server.faults)
                case Outcome.UNSENT | Outcome.REJECTED:
                    assert times == 0, (receipt, server.faults)
                case Outcome.UNKNOWN:
                    assert times <= 1, (receipt, server.faults)


@pytest.mark.filterwarnings(RESET_BEFORE_HANDSHAKE)
@pytest.mark.repeated
@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_report_ledger_and_server_agree_whatever_the_server_does(
    first: int, tls: ssl.SSLContext, tmp_path: Path
) -> None:
    assert try_seeds(first, lambda seed: send(seed, tls, tmp_path)) == []
