"""The jobs of the sandbox, which move through their states as time goes by."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from attrs import define, field

# The share of a job's time that it waits in the queue.
_QUEUED_SHARE: Final = 0.25


@define
class SandboxJob:
    """A job that processes a batch.

    Attributes:
        id: Its id.
        customers: The customer of each object of the batch.
        failing: Why the objects of some customers fail, by customer.
        created: When it was created, by the sandbox's clock.
        seconds: How long it takes from then to its end.
        created_at: The same as a date.
        stopped_after: The seconds after which it was stopped, or None.
    """

    id: int
    customers: list[str] = field(repr=False)
    failing: Mapping[str, str] = field(repr=False)
    created: float
    seconds: float
    created_at: datetime = field(factory=lambda: datetime.now(UTC))
    stopped_after: float | None = None

    def stop(self, now: float) -> None:
        """Stop the job, unless it has ended."""
        if self.stopped_after is None and now - self.created < self.seconds:
            self.stopped_after = now - self.created

    def _progress(self, now: float) -> float:
        """Return the share of the job that is done: below 0 it is queued, from 1 on completed."""
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
            # The published form has no state of its own for a batch that was stopped.
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
    # Seven digits, as the server software that Gameball seems to run on writes them.
    return time.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
