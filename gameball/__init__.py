"""A client of the Gameball loyalty API: every event delivered, and accounted for.

The public names are imported when they are first used, so that a program which only may send events does not
pay for it at its start.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gameball.async_client import AsyncGameball
    from gameball.chunking.chunk import Chunk
    from gameball.chunking.chunk_events import chunk_events
    from gameball.client import Gameball
    from gameball.credentials import Credentials
    from gameball.errors import (
        APIError,
        AuthenticationError,
        ConnectionFailedError,
        DeliveryError,
        GameballError,
        InvalidEventError,
        InvalidRequestError,
        JobTimeoutError,
        LedgerError,
        LedgerLockedError,
        LedgerMismatchError,
        MissingCredentialsError,
        NotFoundError,
        PermissionDeniedError,
        RateLimitError,
        ResponseLostError,
        ServerError,
        SourceError,
    )
    from gameball.events import CustomerEvents, Event
    from gameball.jobs.batch_job import BatchJob, JobItem, JobStatus
    from gameball.ledger.ledger import Ledger
    from gameball.ledger.records import LedgerChunk, LedgerRun
    from gameball.rate_limit import DOCUMENTED_LIMITS, RateLimit
    from gameball.receipts import DeliveryReport, Outcome, Receipt
    from gameball.version import __version__

_HOMES: Final = {
    "async_client": ("AsyncGameball",),
    "chunking.chunk": ("Chunk",),
    "chunking.chunk_events": ("chunk_events",),
    "client": ("Gameball",),
    "credentials": ("Credentials",),
    "receipts": ("DeliveryReport", "Outcome", "Receipt"),
    "errors": (
        "APIError",
        "AuthenticationError",
        "ConnectionFailedError",
        "DeliveryError",
        "GameballError",
        "InvalidEventError",
        "InvalidRequestError",
        "JobTimeoutError",
        "LedgerError",
        "LedgerLockedError",
        "LedgerMismatchError",
        "MissingCredentialsError",
        "NotFoundError",
        "PermissionDeniedError",
        "RateLimitError",
        "ResponseLostError",
        "ServerError",
        "SourceError",
    ),
    "events": ("CustomerEvents", "Event"),
    "jobs.batch_job": ("BatchJob", "JobItem", "JobStatus"),
    "ledger.ledger": ("Ledger",),
    "ledger.records": ("LedgerChunk", "LedgerRun"),
    "rate_limit": ("DOCUMENTED_LIMITS", "RateLimit"),
    "version": ("__version__",),
}
_HOME: Final = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "DOCUMENTED_LIMITS",
    "APIError",
    "AsyncGameball",
    "AuthenticationError",
    "BatchJob",
    "Chunk",
    "ConnectionFailedError",
    "Credentials",
    "CustomerEvents",
    "DeliveryError",
    "DeliveryReport",
    "Event",
    "Gameball",
    "GameballError",
    "InvalidEventError",
    "InvalidRequestError",
    "JobItem",
    "JobStatus",
    "JobTimeoutError",
    "Ledger",
    "LedgerChunk",
    "LedgerError",
    "LedgerLockedError",
    "LedgerMismatchError",
    "LedgerRun",
    "MissingCredentialsError",
    "NotFoundError",
    "Outcome",
    "PermissionDeniedError",
    "RateLimit",
    "RateLimitError",
    "Receipt",
    "ResponseLostError",
    "ServerError",
    "SourceError",
    "__version__",
    "chunk_events",
]


# A type checker must see the imports above, and not that any name may be asked for.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        try:
            home = _HOME[name]
        except KeyError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
        value = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
