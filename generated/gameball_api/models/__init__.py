"""Contains all the data models used in inputs/outputs; each is imported when it is first asked for"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batch_job import BatchJob
    from .batch_job_item import BatchJobItem
    from .batch_job_response import BatchJobResponse
    from .batch_started import BatchStarted
    from .batch_status import BatchStatus
    from .customer_events import CustomerEvents
    from .error_details import ErrorDetails
    from .event_metadata import EventMetadata
    from .events_batch import EventsBatch
    from .named_events import NamedEvents

__all__ = (
    "BatchJob",
    "BatchJobItem",
    "BatchJobResponse",
    "BatchStarted",
    "BatchStatus",
    "CustomerEvents",
    "ErrorDetails",
    "EventMetadata",
    "EventsBatch",
    "NamedEvents",
)

_MODULES = {
    "BatchJob": ".batch_job",
    "BatchJobItem": ".batch_job_item",
    "BatchJobResponse": ".batch_job_response",
    "BatchStarted": ".batch_started",
    "BatchStatus": ".batch_status",
    "CustomerEvents": ".customer_events",
    "ErrorDetails": ".error_details",
    "EventMetadata": ".event_metadata",
    "EventsBatch": ".events_batch",
    "NamedEvents": ".named_events",
}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    model = getattr(import_module(module, __name__), name)
    globals()[name] = model
    return model


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
