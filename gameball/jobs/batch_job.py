"""Jobs: what they are, and how both documented forms of them are read. Pure."""

import math
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self

from attrs import field, frozen


class JobStatus(StrEnum):
    """Where a job stands. A state that Gameball has not documented is kept as it came."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        # The published document calls the first two states otherwise, and the guides vary the capitals.
        name = {"pending": "queued", "processing": "running"}.get(value.lower(), value.lower())
        if name in cls._value2member_map_:
            return cls(name)
        unknown = str.__new__(cls, value)
        unknown._name_ = value
        unknown._value_ = value
        return unknown

    @property
    def is_final(self) -> bool:
        """Whether the job has ended. An unknown state is neither an end nor an error."""
        return self in _FINAL


_FINAL: Final = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED})


@frozen
class JobItem:
    """What became of one object of a batch.

    Attributes:
        customer_id: The customer it is of, where the answer tells.
        message: Gameball's words about it.
    """

    customer_id: str | None
    message: str


@frozen
class BatchJob:
    """A job that processes a batch, as it stood when it was read.

    Attributes:
        id: Its id.
        status: Where it stands.
        operation: What it does, in Gameball's words, where the answer tells.
        total: How many objects it has, where the answer tells.
        finished: How many it has processed, where the answer tells.
        errors: How many of them failed, where the answer tells.
        created_at: When it was created. A time without a zone is taken as UTC.
        started_at: When it was started; None before that.
        successful: The objects it has processed.
        failed: The objects it could not process, and why.
        raw: The answer as it came.
    """

    id: int
    status: JobStatus
    operation: str | None
    total: int | None
    finished: int | None
    errors: int | None
    created_at: datetime | None
    started_at: datetime | None
    successful: tuple[JobItem, ...] = field(repr=False)
    failed: tuple[JobItem, ...] = field(repr=False)
    raw: dict[str, Any] = field(repr=False, hash=False)

    @property
    def has_failures(self) -> bool:
        """Whether it failed or was stopped as a whole, or any object of it failed.

        An answer may count failures, or call the job failed, without telling which objects: ``failed`` is
        empty then.
        """
        return self.status in {JobStatus.FAILED, JobStatus.STOPPED} or bool(self.errors or self.failed)


def read_batch_job(job_id: int, raw: dict[str, Any]) -> BatchJob:
    """Read the form of Gameball's guides."""
    response = raw.get("response")
    items = response if isinstance(response, dict) else {}
    return BatchJob(
        id=job_id,
        status=JobStatus(_text(raw.get("status")) or "unknown"),
        operation=_text(raw.get("operation")),
        total=_count(raw.get("totalCount")),
        finished=_count(raw.get("finishedCount")),
        errors=_count(raw.get("errorCount")),
        created_at=_time(raw.get("createdAt")),
        started_at=_time(raw.get("startedAt")),
        successful=_items(items.get("successful")),
        failed=_items(items.get("failed")),
        raw=raw,
    )


def read_batch_status(job_id: int, raw: dict[str, Any]) -> BatchJob:
    """Read the form of the published document."""
    return BatchJob(
        id=job_id,
        status=JobStatus(_text(raw.get("status")) or "unknown"),
        operation=None,
        total=_count(raw.get("totalItems")),
        finished=_count(raw.get("processedItems")),
        errors=_count(raw.get("failedItems")),
        created_at=None,
        started_at=None,
        successful=_items(raw.get("results")),
        failed=_items(raw.get("errors")),
        raw=raw,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return int(value)
    return None


def _time(value: object) -> datetime | None:
    # Imported here because it takes as long as an eighth of httpx, and only a job has times.
    from dateutil import parser  # noqa: PLC0415

    if not isinstance(value, str):
        return None
    try:
        time = parser.isoparse(value)
    except (ValueError, OverflowError):  # the latter for midnight at the end of the year 9999
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _items(value: object) -> tuple[JobItem, ...]:
    return tuple(_item(item) for item in value) if isinstance(value, list) else ()


def _item(value: object) -> JobItem:
    if not isinstance(value, dict):
        return JobItem(customer_id=None, message=str(value))
    customer_id = value.get("customerId")
    # Some samples give the reason of a failure in one field, others in the other.
    message = _text(value.get("message")) or _text(value.get("error")) or ""
    return JobItem(customer_id=None if customer_id is None else str(customer_id), message=message)
