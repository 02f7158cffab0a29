"""Random faults over many seeds: all events are accounted for, and the server's record agrees."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Final

import httpx
import pytest
from attrs import define
from either_client import EitherClient
from repetitions import repetitions
from waiting import LONGEST

from gameball import DeliveryReport, Event, Outcome
from gameball.sandbox import Ending, Fault, Received, Sandbox

SEEDS: Final = range(repetitions(40))
EVENTS: Final = 120
FAULTS: Final = [
    Fault(status=429),
    Fault(status=500),
    Fault(status=500, accepts=True),
    Fault(status=503),
    Fault(status=520, body=b"<html>", content_type="text/html"),
    Fault(status=422, code=2001),
    Fault(status=400),
    Fault(ending=Ending.RESET),
    Fault(ending=Ending.RESET, accepts=True),
    Fault(ending=Ending.TRUNCATED, accepts=True),
    Fault(delay=60.0, accepts=True, status=200, body=b'{"jobId": 1}'),
]
#: How long the client waits for a stalled answer, in seconds: longer than any other answer takes, however
#: loaded the machine is, or the two clients would not meet the same faults.
STALL: Final = 3.0
# Long, so stalls are drawn less often than other faults.
WEIGHTS: Final = [*[12] * (len(FAULTS) - 1), 1]


class Plan:
    """Hits a tenth of the requests, chosen by content and repetition, so independently of their order."""

    def __init__(self) -> None:
        self.begin(0)

    def begin(self, seed: int) -> None:
        self.seed = seed
        self.seen: Counter[bytes] = Counter()

    def __call__(self, received: Received) -> Fault | None:
        self.seen[received.content] += 1
        chance = random.Random(f"{self.seed} {self.seen[received.content]} {received.content!r}")
        return chance.choices(FAULTS, WEIGHTS)[0] if chance.random() < 0.1 else None


def source() -> list[Event]:
    return [Event(f"cust-{number}", "song_liked", {"n": number}) for number in range(EVENTS)]


@define
class Faulty:
    """A sandbox whose plan can be replaced, because starting a sandbox takes longer than a send."""

    plan: Plan
    box: Sandbox

    def deliver(self, kind: str, seed: int, **arguments: object) -> tuple[DeliveryReport, Counter[str]]:
        """Send under the faults of a seed, and count how often each customer's event was accepted."""
        self.box.forget()
        self.plan.begin(seed)
        report = EitherClient(kind, self.box.url).send(
            source(),
            max_objects=4,
            concurrency=4,
            check=False,
            stop_on_error=False,
            options={"timeout": httpx.Timeout(LONGEST, read=STALL), "max_attempts": 6},
            **arguments,
        )
        return report, Counter(customer for customer, _, _ in self.box.events.elements())


@pytest.fixture(scope="module")
def faulty() -> Iterator[Faulty]:
    plan = Plan()
    with Sandbox(plan=plan) as box:
        yield Faulty(plan, box)


def expected_counts(outcome: Outcome) -> set[int]:
    return {
        Outcome.ACCEPTED: {1},
        Outcome.REJECTED: {0},
        Outcome.UNSENT: {0},
        Outcome.UNKNOWN: {0, 1},
    }[outcome]


def facts(report: DeliveryReport) -> list[tuple[object, ...]]:
    """The contents of a receipt except the job id and the elapsed time, which the seed does not determine."""
    return [
        (r.index, r.first, r.last, r.objects, r.events, r.outcome, type(r.error), r.attempts)
        for r in report.receipts
    ]


@pytest.mark.repeated
@pytest.mark.parametrize("seed", SEEDS)
def test_under_random_faults_the_report_adds_up_and_the_server_agrees(faulty: Faulty, seed: int) -> None:
    reports = []
    for kind in ("sync", "async"):
        report, counts = faulty.deliver(kind, seed)
        assert report.accepted + report.rejected + report.unknown + report.unsent == EVENTS
        for receipt in report.receipts:
            for number in range(receipt.first, receipt.last + 1):
                assert counts[f"cust-{number}"] in expected_counts(receipt.outcome)
        reports.append(report)
    assert facts(reports[0]) == facts(reports[1])


def test_the_seeds_make_accepted_rejected_and_unknown_chunks(faulty: Faulty) -> None:
    outcomes: set[Outcome] = set()
    for seed in SEEDS:
        if len(outcomes) < 3:
            outcomes |= {receipt.outcome for receipt in faulty.deliver("sync", seed)[0].receipts}
    assert {Outcome.ACCEPTED, Outcome.REJECTED, Outcome.UNKNOWN} <= outcomes


@pytest.mark.repeated
@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("seed", range(repetitions(5)))
def test_with_resend_nothing_is_lost(faulty: Faulty, kind: str, seed: int) -> None:
    report, counts = faulty.deliver(kind, seed, on_unknown="resend")
    for receipt in report.receipts:
        if receipt.outcome is Outcome.UNKNOWN:
            # An attempt that may have been accepted, and was sent again, which was rejected.
            customer = f'"cust-{receipt.first}"'.encode()
            assert [batch.status for batch in faulty.box.batches if customer in batch.content][-1] == 400
        elif receipt.outcome is not Outcome.REJECTED:
            assert receipt.outcome is Outcome.ACCEPTED
            assert all(counts[f"cust-{n}"] >= 1 for n in range(receipt.first, receipt.last + 1))
