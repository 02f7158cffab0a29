"""Batch jobs, and parsing them from both documented formats. No I/O."""

import math
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self

from attrs import field, frozen


class JobStatus(StrEnum):
    """The status of a job. A status that Gameball has not documented is kept unchanged."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        # The API document has other names for the first two, and the guides vary in capitalisation.
        name = {"pending": "queued", "processing": "running"}.get(value.lower(), value.lower())
        if name in cls._value2member_map_:
            return cls(name)
        unknown = str.__new__(cls, value)
        unknown._name_ = value
        unknown._value_ = value
        return unknown

    @property
    def is_final(self) -> bool:
        """Whether the job has ended. An undocumented status does not count as final."""
        return self in _FINAL


_FINAL: Final = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED})


@frozen
class JobItem:
    """The result of one object of a batch.

    Attributes:
        customer_id: The customer of the object, or None if the response does not contain it.
        message: Gameball's message about the object.
    """

    customer_id: str | None
    message: str


@frozen
class BatchJob:
    """A job that processes a batch, as it was when it was read.

    Texts, numbers and times that the response does not contain are None.

    Attributes:
        id: The id of the job.
        status: The status of the job.
        operation: Gameball's name for what the job does.
        total: The number of objects in the batch.
        finished: The number of processed objects.
        errors: The number of failed objects.
        created_at: When the job was created. A time without a time zone is read as UTC.
        started_at: When the job was started, or None before that.
        successful: The objects that were processed successfully.
        failed: The objects that failed, and why.
        raw: The unchanged content of the response.
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
        """Whether the job failed or was stopped, or any of its objects failed.

        ``failed`` may be empty even then: a response may count failures, or report the job as failed, without
        listing the objects.
        """
        return self.status in {JobStatus.FAILED, JobStatus.STOPPED} or bool(self.errors or self.failed)


def read_batch_job(job_id: int, raw: dict[str, Any]) -> BatchJob:
    """Parse the response format of Gameball's guides."""
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
    """Parse the response format of the API document."""
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
    # Imported here because importing it takes an eighth of the time of httpx, and only jobs have times.
    from dateutil import parser  # noqa: PLC0415

    if not isinstance(value, str):
        return None
    try:
        time = parser.isoparse(value)
    except (ValueError, OverflowError):  # OverflowError for midnight at the end of the year 9999
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _items(value: object) -> tuple[JobItem, ...]:
    return tuple(_item(item) for item in value) if isinstance(value, list) else ()


def _item(value: object) -> JobItem:
    if not isinstance(value, dict):
        return JobItem(customer_id=None, message=str(value))
    customer_id = value.get("customerId")
    # Gameball's samples have the reason of a failure in either of these fields.
    message = _text(value.get("message")) or _text(value.get("error")) or ""
    return JobItem(customer_id=None if customer_id is None else str(customer_id), message=message)
