"""What is logged, and that nothing is configured."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from either_client import EitherClient, hurry
from sending import events
from waiting import LONGEST

from gameball import Event, Gameball, Receipt, TrackerStats
from gameball.log import LOGGER
from gameball.sandbox import Ending, Fault, Sandbox


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "gameball")
    return caplog


def records(log: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [r.getMessage() for r in log.records if r.name == "gameball" and r.levelno == level]


def test_what_was_not_accepted_is_logged_as_a_warning_once(
    either: EitherClient, box: Sandbox, log: pytest.LogCaptureFixture
) -> None:
    box.fail_next(Fault(), Fault(status=500), Fault(status=503), Fault(status=400))
    either.send(events(25), max_objects=5, concurrency=1, stop_on_error=False, check=False)
    assert records(log, logging.WARNING) == [
        "source items 5 to 9 (events: 5): UNKNOWN: ServerError: HTTP 500, request sandbox",
        "source items 10 to 14 (events: 5): UNSENT: ServerError: HTTP 503, request sandbox",
        "source items 15 to 19 (events: 5): REJECTED: InvalidRequestError: HTTP 400, request sandbox",
    ]
    (end,) = records(log, logging.INFO)
    assert end.startswith("send ended after ")
    assert end.endswith(": events: 10 accepted, 5 rejected, 5 unknown, 5 unsent; chunks: 5")


def test_events_that_were_not_read_are_logged_as_unsent(
    either: EitherClient, box: Sandbox, log: pytest.LogCaptureFixture
) -> None:
    box.fail_next(Fault(status=500))
    either.send(events(40), max_objects=5, concurrency=1, check=False)
    (end,) = records(log, logging.INFO)
    assert "5 unknown, 35 unsent" in end
    assert sum("UNSENT" in text for text in records(log, logging.WARNING)) >= 1


def test_an_exception_that_ends_a_send_is_logged_by_its_type(
    either: EitherClient, log: pytest.LogCaptureFixture
) -> None:
    def failing() -> Iterator[Event]:
        yield from events(7)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk"):
        either.send(failing(), max_objects=5)
    (end,) = records(log, logging.INFO)
    assert end.startswith("send ended with OSError after ")
    assert "7 accepted" in end


def test_a_receipt_that_an_interrupt_gives_again_is_logged_once(
    either: EitherClient, box: Sandbox, log: pytest.LogCaptureFixture
) -> None:
    def stop(_: Receipt) -> None:
        raise KeyboardInterrupt

    box.fail_next(Fault(status=400))
    with pytest.raises(KeyboardInterrupt):
        either.send(events(5), on_receipt=stop)
    assert len(records(log, logging.WARNING)) == 1
    assert "5 rejected; chunks: 1" in records(log, logging.INFO)[0]


def test_each_request_retry_split_and_pause_is_logged(
    either: EitherClient, box: Sandbox, log: pytest.LogCaptureFixture
) -> None:
    box.fail_next(Fault(status=503), Fault(status=429), Fault(status=413))
    either.send(events(4), options={"max_attempts": 5})
    debug = records(log, logging.DEBUG)
    assert sum(": request of " in text for text in debug) == 5
    assert sum("HTTP 503" in text for text in debug) == 1
    assert sum(": retry in 0.0" in text for text in debug) == 1
    assert "source items 0 to 3: too large, split at 2" in debug
    (pause,) = records(log, logging.WARNING)
    assert pause.startswith("429: the account's rate limit is reached; no request for ")
    # The pause is also a wait for the rate limits.
    assert any("for the rate limits" in text for text in debug)


def test_the_end_of_a_job_is_logged_with_its_counts(
    either: EitherClient, box: Sandbox, log: pytest.LogCaptureFixture
) -> None:
    (job_id,) = either.send(events(3)).job_ids
    log.clear()
    box.fail_next(Fault(status=429))
    either.wait_all([job_id], timeout=60)
    assert records(log, logging.INFO) == [
        f"job {job_id} ended: completed; items: 3, finished: 3, failed: 0",
    ]
    assert len(records(log, logging.WARNING)) == 1
    assert any(text.startswith(f"job {job_id}: waited ") for text in records(log, logging.DEBUG))


def exit_at_once(_: logging.LogRecord) -> bool:
    sys.exit("the log cannot be written")


def test_broken_logging_changes_no_outcome_of_a_send(
    either: EitherClient, box: Sandbox, broken_log: list[str]
) -> None:
    box.fail_next(
        Fault(status=503),
        Fault(status=429),
        Fault(status=413),
        *[Fault()] * 2,
        Fault(status=400),
        Fault(status=500),
    )
    options = {"max_objects": 2, "concurrency": 1, "stop_on_error": False, "check": False}
    report = either.send(events(8), options={"max_attempts": 5}, **options)
    assert (report.accepted, report.rejected, report.unknown, report.unsent) == (4, 2, 2, 0)
    assert sum(box.events.values()) == 4
    for part in ("request of", "retry in", "split at", "rate limit", "REJECTED", "UNKNOWN", "send ended"):
        assert any(part in message for message in broken_log), part


def test_broken_logging_changes_nothing_when_jobs_are_followed(
    either: EitherClient, box: Sandbox, broken_log: list[str]
) -> None:
    (job_id,) = either.send(events(3)).job_ids
    box.fail_next(Fault(status=429))
    (job,) = either.wait_all([job_id], timeout=60)
    assert job.finished == 3
    assert any("ended: completed" in message for message in broken_log)


def test_broken_logging_changes_no_outcome_of_a_tracker(
    client: Gameball, box: Sandbox, broken_log: list[str]
) -> None:
    hurry(client)
    box.fail_next(Fault(status=429), Fault(), Fault(status=400), Fault(status=500))
    tracker = client.events.tracker(linger=0.0)
    for number in range(3):
        assert tracker.track(f"cust-{number}", "song_liked")
        assert tracker.flush(LONGEST)
    tracker.close()
    assert not tracker.track("cust-4", "song_liked")
    assert tracker.stats == TrackerStats(tracked=4, accepted=1, rejected=1, unknown=1, dropped=1)
    assert sum(box.events.values()) == 1
    for part in ("request of", "REJECTED", "UNKNOWN", "tracker closed", "events dropped"):
        assert any(part in message for message in broken_log), part


@pytest.mark.parametrize("thread", ["main", "another"])
def test_an_exit_in_a_filter_ends_only_the_main_thread(thread: str) -> None:
    logger = logging.getLogger("gameball")
    logger.addFilter(exit_at_once)
    raised: list[BaseException] = []

    def warn() -> None:
        try:
            LOGGER.warning("a message")
        except BaseException as error:  # noqa: BLE001 - looked at below
            raised.append(error)

    try:
        if thread == "main":
            warn()
        else:
            other = threading.Thread(target=warn)
            other.start()
            other.join()
    finally:
        logger.removeFilter(exit_at_once)
    assert [type(error) for error in raised] == ([SystemExit] if thread == "main" else [])


def test_a_record_names_the_place_that_logged(
    either: EitherClient, box: Sandbox, log: pytest.LogCaptureFixture
) -> None:
    box.fail_next(Fault(status=400))
    either.send(events(3), check=False)
    assert {r.filename for r in log.records if r.name == "gameball"} == {"send_log.py"}


SCRIPT = """
import logging
from gameball import Event, Gameball
from gameball.sandbox import Fault, Sandbox
with Sandbox() as box, Gameball("key", "secret", base_url=box.url) as gb:
    box.fail_next(Fault(status=400))
    gb.events.send([Event("a", "b")], check=False)
logger = logging.getLogger("gameball")
assert (logger.level, logger.propagate, logging.getLogger().handlers) == (0, True, [])
"""


def test_a_program_that_configures_no_logging_sees_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("ending", [Ending.RESET, Ending.TRUNCATED])
def test_no_record_shows_an_event(
    ending: Ending, either: EitherClient, box: Sandbox, log: pytest.LogCaptureFixture
) -> None:
    body = b'{"message": "canary-value is not allowed"}'
    box.fail_next(Fault(status=503, body=body), Fault(status=400, body=body), Fault(ending=ending))
    handed_over = [Event(f"customer-{n}", "name", {"canary-field": "canary-value"}) for n in range(3)]
    options = {"max_objects": 1, "concurrency": 1, "stop_on_error": False, "check": False}
    either.send(handed_over, options={"max_attempts": 2}, **options)
    either.send([Event("customer", "name", {"canary-field": object()})], on_invalid=lambda _: None)
    with pytest.raises(ValueError, match="canary-field"):
        either.send([Event("customer", "name", {"canary-field": object()})])
    ours = "\n".join(r.getMessage() for r in log.records if r.name == "gameball")
    assert "REJECTED" in ours
    assert "canary" not in ours
