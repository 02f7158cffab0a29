"""Contains all the data models used in inputs/outputs"""

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
