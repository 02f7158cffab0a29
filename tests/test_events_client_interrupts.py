"""An interrupt within ``stream``, or while a send begins, carries the report and leaves nothing locked."""

import asyncio
import gc
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from alarms import NOT_STRUCK, AlarmInterrupt, alarms, arm, disarm
from either_client import KEYS
from repetitions import repetitions
from sending import events, our_threads
from waiting import LONGEST, wait_until

from gameball import AsyncGameball, DeliveryReport, Event, Gameball, Ledger, Receipt
from gameball.sandbox import Sandbox

pytestmark = pytest.mark.repeated
INTERRUPTS = repetitions(10)
COUNT = 6


@pytest.fixture
def strike_within() -> Iterator[Callable[[str], None]]:
    """Return a function that sets in which function an alarm raises; in others it does nothing."""
    within = [""]

    def strike(_: int, frame: FrameType | None) -> None:
        names, ours = set(), set()
        if frame is not None:
            code = frame.f_code
            if code.co_qualname == within[0] and frame.f_lineno == code.co_firstlineno:
                return  # at the entry, which is as if it had come in the user's code before the call
        while frame is not None:
            names.add(frame.f_code.co_name)
            if "gameball" in Path(frame.f_code.co_filename).parts[-3:-1]:
                ours.add(frame.f_code.co_qualname)
            frame = frame.f_back
        if within[0] in ours and not NOT_STRUCK & names:
            raise AlarmInterrupt

    with alarms(strike, 4 * LONGEST + INTERRUPTS):
        yield lambda name: within.__setitem__(0, name)


def positions(receipts: list[Receipt]) -> list[int]:
    return [p for receipt in receipts for p in range(receipt.first, receipt.last + 1)]


def check(error: BaseException, given: list[Receipt], read: int, problems: list[str]) -> None:
    """Check that each event that was read is either in the user's hands or in the report, and only once."""
    report = getattr(error, "report", None)
    if not isinstance(report, DeliveryReport):
        problems.append("no report")
    elif (found := sorted(positions([*given, *report.receipts]))) != list(range(read)):
        problems.append(f"of {read} events: {found}")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("with_ledger", [False, True])
def test_an_interrupt_of_a_stream_carries_the_receipts_that_were_not_yielded(
    box: Sandbox, tmp_path: Path, strike_within: Callable[[str], None], with_ledger: bool
) -> None:
    strike_within("ReceiptStream.__next__")
    chance = random.Random(7)
    problems: list[str] = []
    struck = number = 0
    seconds = 0.02
    with Gameball(*KEYS, base_url=box.url, timeout=LONGEST, rate_limits=None) as client:
        while struck < INTERRUPTS:
            number += 1
            assert number < 60 * INTERRUPTS, f"only {struck} of {number} interrupts struck"
            path = tmp_path / f"{number}.ledger" if with_ledger else None
            given: list[Receipt] = []
            read = 0

            def source() -> Iterator[Event]:
                nonlocal read
                for event in events(COUNT):
                    read += 1
                    yield event

            stream = client.events.stream(source(), max_objects=1, ledger=path)
            begun = time.perf_counter()
            arm(chance.random() * seconds)
            try:
                for receipt in stream:
                    given.append(receipt)  # noqa: PERF402 - an interrupt would lose the list
                seconds = 0.9 * seconds + 0.1 * 1.2 * (time.perf_counter() - begun)
            except AlarmInterrupt as error:
                struck += 1
                # What the source was asked for last may not have become a chunk.
                total = len(positions([*given, *getattr(error, "report", DeliveryReport(())).receipts]))
                check(error, given, total if total in {read, read - 1} else read, problems)
                if path is not None:
                    with Ledger(path):  # it is not locked by what was interrupted
                        pass
            finally:
                disarm()
            box.forget()
    gc.collect()
    wait_until(lambda: not our_threads())
    assert not problems, f"{len(problems)} of {struck}: {sorted(set(problems))[:5]}"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("use", ["send", "stream"])
def test_an_interrupt_before_the_first_chunk_reports_every_event_and_frees_the_ledger(
    box: Sandbox, tmp_path: Path, strike_within: Callable[[str], None], use: str
) -> None:
    strike_within("Events._begin")
    chance = random.Random(7)
    problems: list[str] = []
    struck = number = 0
    with Gameball(*KEYS, base_url=box.url, timeout=LONGEST, rate_limits=None) as client:
        while struck < INTERRUPTS:
            number += 1
            assert number < 200 * INTERRUPTS, f"only {struck} of {number} interrupts struck"
            path = tmp_path / f"{number}.ledger"
            arm(chance.random() * 0.006)
            try:
                if use == "send":
                    client.events.send(events(1), ledger=path)
                else:
                    list(client.events.stream(events(1), ledger=path))
            except AlarmInterrupt as error:
                struck += 1
                check(error, [], 1, problems)
                with Ledger(path):
                    pass
            finally:
                disarm()
            box.forget()
    assert not problems, f"{len(problems)} of {struck}: {sorted(set(problems))[:5]}"


async def iterate(client: AsyncGameball, path: Path | None, given: list[Receipt]) -> None:
    async for receipt in client.events.stream(events(COUNT), max_objects=1, ledger=path):
        given.append(receipt)  # noqa: PERF401 - a cancellation would lose the list


@pytest.mark.parametrize("with_ledger", [False, True])
def test_a_cancellation_of_an_asynchronous_stream_carries_the_receipts_that_were_not_yielded(
    box: Sandbox, tmp_path: Path, with_ledger: bool
) -> None:
    chance = random.Random(7)
    problems: list[str] = []

    async def run() -> int:
        struck = number = 0
        most = 100
        async with AsyncGameball(*KEYS, base_url=box.url, timeout=LONGEST, rate_limits=None) as client:
            while struck < INTERRUPTS:
                number += 1
                assert number < 60 * INTERRUPTS
                path = tmp_path / f"{number}.ledger" if with_ledger else None
                given: list[Receipt] = []

                task = asyncio.create_task(iterate(client, path, given))
                steps = chance.randrange(1, most)
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                try:
                    await task
                    most = max(20, most - 1)
                except asyncio.CancelledError as error:
                    if steps == 1 and not hasattr(error, "report"):
                        continue  # the task had not begun
                    struck += 1
                    read = len(positions([*given, *getattr(error, "report", DeliveryReport(())).receipts]))
                    check(error, given, read, problems)
                    if path is not None:
                        with Ledger(path):
                            pass
                    if read and sum(box.events.values()) > read:
                        problems.append("an event was sent that is not reported")
                box.forget()
        return struck

    struck = asyncio.run(run())
    assert not problems, f"{len(problems)} of {struck}: {sorted(set(problems))[:5]}"
