"""An interrupt in the last moments of a send carries the whole report, wherever it strikes."""

import asyncio
import gc
import random
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from alarms import NOT_STRUCK, AlarmInterrupt, alarms, arm, disarm
from either_client import KEYS
from repetitions import repetitions
from sending import events, our_threads
from waiting import LONGEST, wait_until

from gameball import AsyncGameball, Gameball, Ledger, Receipt
from gameball.receipts import DeliveryReport
from gameball.sandbox import Sandbox

pytestmark = pytest.mark.repeated
INTERRUPTS = repetitions(10)
COUNT = 6
LAST = 0.005


class Alarm:
    """Raises AlarmInterrupt within a send: once, or a second time shortly after the first.

    Args:
        chance: Decides how shortly.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._again = False

    def arm(self, seconds: float, *, twice: bool) -> None:
        self._again = twice
        arm(seconds)

    def strike(self, _: int, frame: FrameType | None) -> None:
        names = []
        while frame is not None:
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        if "send" in names and not NOT_STRUCK & set(names):
            if self._again:
                # Most second interrupts come within the handling of the first.
                self.arm(0.002 * self._chance.random() ** 3, twice=False)
            raise AlarmInterrupt


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    alarm = Alarm(random.Random(7))
    with alarms(alarm.strike, 4 * LONGEST + INTERRUPTS):
        yield alarm


def struck_within_send(error: BaseException) -> bool:
    """Return whether an exception passed through the client, not only through the test."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_name == "send" and Path(code.co_filename).name.endswith("events_client.py"):
            return True
        trace = trace.tb_next
    return False


def check_complete(error: BaseException, problems: list[str]) -> None:
    report = getattr(error, "report", None)
    if not isinstance(report, DeliveryReport):
        problems.append("no report")
        return
    positions = [p for receipt in report.receipts for p in range(receipt.first, receipt.last + 1)]
    if positions != list(range(COUNT)):
        problems.append(f"positions {positions}: {report}")


# An interrupt just before a connection is given back leaves its idle socket to the garbage collector: to give
# it back again might share it between two sends.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("twice", [False, True], ids=["one", "two"])
@pytest.mark.parametrize("deadline", [None, LONGEST])
@pytest.mark.parametrize("with_ledger", [False, True])
def test_a_signal_at_the_end_of_a_send_carries_the_report(
    box: Sandbox, tmp_path: Path, alarm: Alarm, with_ledger: bool, deadline: float | None, twice: bool
) -> None:
    chance = random.Random(7)
    problems: list[str] = []
    struck = 0
    number = 0
    aim = [LAST]
    with Gameball(*KEYS, base_url=box.url, timeout=LONGEST, rate_limits=None) as client:
        while struck < INTERRUPTS:
            number += 1
            assert number < 60 * INTERRUPTS, f"only {struck} of {number} interrupts struck within the send"
            path = tmp_path / f"{number}.ledger" if with_ledger else None
            seen = 0
            armed = 0.0

            def arm(_: Receipt) -> None:
                nonlocal seen, armed
                seen += 1
                if seen == COUNT:
                    armed = time.perf_counter()
                    alarm.arm(chance.random() * aim[0], twice=twice)

            error: BaseException | None = None
            try:
                client.events.send(
                    events(COUNT), max_objects=1, ledger=path, on_receipt=arm, deadline=deadline
                )
                # Later interrupts are aimed at the time that is really left after the last receipt.
                aim[0] = min(LAST, 0.9 * aim[0] + 0.1 * 1.2 * (time.perf_counter() - armed))
            except AlarmInterrupt as caught:
                error = caught
            finally:
                disarm()
            if error is not None and struck_within_send(error):
                struck += 1
                check_complete(error, problems)
                error = None  # its traceback has frames that hold a connection
                if path is not None:
                    with Ledger(path):  # it is not locked by what was interrupted
                        pass
            box.forget()
    # An interrupt of the wait for a thread leaves it to end on its own.
    wait_until(lambda: not our_threads())
    gc.collect()
    assert not problems, f"{len(problems)} of {struck}: {sorted(set(problems))[:5]}"


@pytest.mark.parametrize("with_ledger", [False, True])
def test_a_cancellation_at_the_end_of_a_send_carries_the_report(
    box: Sandbox, tmp_path: Path, with_ledger: bool
) -> None:
    chance = random.Random(7)
    problems: list[str] = []

    async def run() -> int:
        struck = number = 0
        most = [40]
        async with AsyncGameball(*KEYS, base_url=box.url, timeout=LONGEST, rate_limits=None) as client:
            while struck < INTERRUPTS:
                number += 1
                assert number < 60 * INTERRUPTS
                path = tmp_path / f"{number}.ledger" if with_ledger else None
                seen = 0

                def cancel_after(left: int, sending: "asyncio.Task[DeliveryReport]") -> None:
                    if sending.done():
                        return
                    if left:
                        asyncio.get_running_loop().call_soon(cancel_after, left - 1, sending)
                    else:
                        sending.cancel()

                def arm(_: Receipt) -> None:
                    nonlocal seen
                    seen += 1
                    if seen == COUNT:
                        current = asyncio.current_task()
                        assert current is not None
                        cancel_after(chance.randrange(most[0]), current)

                task = asyncio.create_task(
                    client.events.send(events(COUNT), max_objects=1, ledger=path, on_receipt=arm)
                )
                try:
                    await task
                    most[0] = max(3, most[0] - 1)
                except asyncio.CancelledError as error:
                    struck += 1
                    check_complete(error, problems)
                    if path is not None:
                        with Ledger(path):
                            pass
                box.forget()
        return struck

    struck = asyncio.run(run())
    assert not problems, f"{len(problems)} of {struck}: {sorted(set(problems))[:5]}"
