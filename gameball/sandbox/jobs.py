"""The jobs of the sandbox, which move through their states over time."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from attrs import define, field

# The share of its time that a job is queued.
_QUEUED_SHARE: Final = 0.25


@define
class SandboxJob:
    """A job that processes a batch.

    Attributes:
        id: Its id.
        customers: The customer of each object of the batch.
        failing: The error messages of customers whose objects fail, by customer.
        created: When it was created, in seconds of the monotonic clock.
        seconds: How long it takes, in seconds.
        created_at: When it was created, as a date.
        stopped_after: The seconds from its creation to its stop, or None.
    """

    id: int
    customers: list[str] = field(repr=False)
    failing: Mapping[str, str] = field(repr=False)
    created: float
    seconds: float
    created_at: datetime = field(factory=lambda: datetime.now(UTC))
    stopped_after: float | None = None

    def stop(self, now: float) -> None:
        """Stop the job. A job that has ended stays as it is."""
        if self.stopped_after is None and now - self.created < self.seconds:
            self.stopped_after = now - self.created

    def _progress(self, now: float) -> float:
        """Return the share of the job that is done. Below 0 it is queued, and at 1 it is completed."""
        elapsed = now - self.created if self.stopped_after is None else self.stopped_after
        if elapsed >= self.seconds:
            return 1.0
        return (elapsed / self.seconds - _QUEUED_SHARE) / (1 - _QUEUED_SHARE)

    def _status(self, now: float, queued: str, running: str, completed: str, stopped: str) -> str:
        if self.stopped_after is not None:
            return stopped
        progress = self._progress(now)
        return queued if progress < 0 else running if progress < 1 else completed

    def _finished(self, now: float) -> list[str]:
        return self.customers[: int(max(0.0, self._progress(now)) * len(self.customers))]

    def as_job(self, now: float) -> dict[str, Any]:
        """Return the job in the form of Gameball's guides."""
        finished = self._finished(now)
        status = self._status(now, "queued", "running", "completed", "stopped")
        failed = [customer for customer in finished if customer in self.failing]
        ended = status in {"completed", "stopped"}
        return {
            "jobId": self.id,
            "operation": "Batch Events",
            "status": status,
            "totalCount": len(self.customers),
            "finishedCount": len(finished),
            "errorCount": len(failed),
            "createdAt": _as_text(self.created_at),
            "startedAt": None if status == "queued" else _as_text(self.created_at),
            "response": None
            if not ended
            else {
                "successful": [
                    {"customerId": customer, "message": "Event sent"}
                    for customer in finished
                    if customer not in self.failing
                ],
                "failed": [
                    {"customerId": customer, "message": self.failing[customer]} for customer in failed
                ],
            },
        }

    def as_batch(self, now: float) -> dict[str, Any]:
        """Return the job in the form of the published document."""
        finished = self._finished(now)
        failed = [customer for customer in finished if customer in self.failing]
        return {
            "batchId": self.id,
            # The published form has no state for a batch that was stopped.
            "status": self._status(now, "pending", "processing", "completed", "failed"),
            "progress": 100.0 * len(finished) / max(1, len(self.customers)),
            "totalItems": len(self.customers),
            "processedItems": len(finished),
            "failedItems": len(failed),
            "results": [
                {"customerId": customer, "message": "Event sent"}
                for customer in finished
                if customer not in self.failing
            ],
            "errors": [{"customerId": customer, "error": self.failing[customer]} for customer in failed],
        }


def _as_text(time: datetime) -> str:
    # Seven digits, as .NET writes them.
    return time.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
