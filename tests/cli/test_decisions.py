"""What the command decides without asking anybody: exit codes, times, and which lines failed in a job."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameball import (
    AuthenticationError,
    ConnectionFailedError,
    GameballError,
    InvalidEventError,
    LedgerError,
    LedgerLockedError,
    LedgerMismatchError,
    MissingCredentialsError,
    Outcome,
    RateLimit,
    ResponseLostError,
    ServerError,
    SourceError,
)
from gameball.cli.dry_run import least_seconds
from gameball.cli.exit_codes import ExitCode, code_of_beginning, code_of_error, code_of_outcome, worst
from gameball.cli.interrupts import Terminated
from gameball.cli.rejects import FailedJob, encode_reject, find_rejects
from gameball.cli.tally import Failure
from gameball.rate_limit import DOCUMENTED_LIMITS, Windows
from gameball.sources import Row


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
        (MissingCredentialsError("no keys"), 5),
        (AuthenticationError("wrong", status=401), 5),
        (SourceError(source="a", line=3, reason="is not JSON"), 3),
        (SourceError(source="a", line=None, reason="cannot be read"), 2),
        (InvalidEventError(index=0, customer_id=None, field="name", reason="must not be blank"), 3),
        (LedgerMismatchError("another file"), 2),
        (LedgerLockedError("in use"), 4),
        (LedgerError("no room"), 4),
        (ConnectionFailedError("no route"), 4),
        (ResponseLostError("reset"), 4),
        (ServerError("oops", status=500), 4),
        (ValueError("an option"), 2),
        (FileNotFoundError("a file"), 2),
        (AssertionError("a bug"), 1),
    ],
)
def test_every_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert code_of_error(error) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [(LedgerError("no ledger"), 2), (LedgerLockedError("in use"), 4), (ValueError("no"), 2)],
)
def test_a_ledger_that_cannot_be_opened_is_wrong_use(error: Exception, code: int) -> None:
    assert code_of_beginning(error) == code


@pytest.mark.parametrize(
    ("outcome", "error", "code"),
    [
        (Outcome.ACCEPTED, None, 0),
        (Outcome.REJECTED, GameballError("no"), 3),
        (Outcome.REJECTED, AuthenticationError("wrong", status=401), 5),
        (Outcome.UNSENT, AuthenticationError("wrong", status=401), 5),
        (Outcome.UNKNOWN, ResponseLostError("reset"), 4),
        (Outcome.UNSENT, None, 4),
    ],
)
def test_every_outcome_has_its_exit_code(outcome: Outcome, error: GameballError | None, code: int) -> None:
    assert code_of_outcome(outcome, error) == code


def test_what_says_the_most_counts() -> None:
    assert worst() is ExitCode.OK
    assert worst(ExitCode.OK, ExitCode.REJECTED, ExitCode.UNKNOWN) is ExitCode.UNKNOWN
    assert worst(ExitCode.UNKNOWN, ExitCode.CREDENTIALS) is ExitCode.CREDENTIALS
    assert worst(ExitCode.CREDENTIALS, ExitCode.INTERRUPTED) is ExitCode.INTERRUPTED


def test_a_million_objects_take_sixty_nine_seconds_under_the_documented_limits() -> None:
    assert least_seconds(1000, DOCUMENTED_LIMITS) == 69.0


@given(
    requests=st.integers(0, 200),
    limits=st.lists(st.builds(RateLimit, st.integers(1, 40), st.integers(1, 30).map(float)), max_size=3),
)
def test_the_least_time_is_what_the_limiter_needs_for_instant_answers(
    requests: int, limits: list[RateLimit]
) -> None:
    windows, now = Windows(limits), 0.0
    for _ in range(requests):
        now += windows.delay(now)
        windows.take()
        windows.give_back(now, sent=True)
    assert least_seconds(requests, limits) == pytest.approx(now)


class _Rows:
    """A source with an event on each line, of the customers given; None is a line that cannot be sent."""

    name = "events.jsonl"

    def __init__(self, *customers: str | None, breaks_off: bool = False) -> None:
        self._customers = customers
        self._breaks_off = breaks_off

    def rows(self, *, max_bytes: int) -> Iterator[Row]:
        assert max_bytes == 2_000_000
        position = 0
        for line, customer in enumerate(self._customers, 1):
            if customer is None:
                yield Row(line, None, None, "no JSON", "is not JSON")
                continue
            yield Row(line, position, {"customer_id": customer, "name": "x"}, None, None)
            position += 1
        if self._breaks_off:
            raise SourceError(source=self.name, line=99, reason="breaks off")


def found(
    source: _Rows, failures: list[Failure], jobs: list[FailedJob], end: int
) -> list[tuple[int, str, str]]:
    rejects = find_rejects(source, failures, jobs, end, 2_000_000)
    return [(reject.row.line, reject.outcome, reject.reason) for reject in rejects]


def test_lines_that_were_not_read_are_no_rejects() -> None:
    source = _Rows("a", None, "b", "c", None)
    assert found(source, [Failure(1, 1, Outcome.REJECTED, "no", 1)], [], 2) == [
        (2, "invalid", "is not JSON"),
        (3, "rejected", "no"),
    ]


def test_a_source_that_breaks_off_again_still_gives_its_rejects() -> None:
    job = FailedJob(7, range(2), {"a": ["closed"]})
    assert found(_Rows("a", "b", breaks_off=True), [], [job], 2) == [(1, "failed", "in job 7: closed")]


def test_a_customer_with_several_events_in_a_job_is_no_certain_failure_of_each() -> None:
    job = FailedJob(7, range(3), {"a": ["closed"]})
    rejects = found(_Rows("a", "b", "a", "a"), [], [job], 4)
    assert [(line, outcome) for line, outcome, _ in rejects] == [(1, "unknown"), (3, "unknown")]
    assert all("who has several events in it" in reason for _, _, reason in rejects)


def test_a_mark_that_a_row_was_refused_for_is_kept() -> None:
    mark = {"source": "events.jsonl", "line": 7, "outcome": "unknown", "reason": "a reset"}
    row = Row(1, None, {"customer_id": "a", "name": "x", "_rejected": mark}, None, "may have been accepted")
    (reject,) = find_rejects(_OneRow(row), [], [], 1, 2_000_000)
    assert b'"outcome":"unknown"' in encode_reject(reject, "rejects.jsonl")


class _OneRow:
    name = "rejects.jsonl"

    def __init__(self, row: Row) -> None:
        self._row = row

    def rows(self, *, max_bytes: int) -> list[Row]:
        assert max_bytes
        return [self._row]
