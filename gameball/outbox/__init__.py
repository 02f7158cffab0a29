"""Events that are written in the user's own database transaction, and delivered afterwards (extra: outbox).

It may import everything but ``cli`` and ``demo``.
"""

from gameball.outbox.failed_rows import FailedRow
from gameball.outbox.outbox import Outbox
from gameball.outbox.outbox_report import OutboxReport
from gameball.outbox.status import OutboxStatus

__all__ = ["FailedRow", "Outbox", "OutboxReport", "OutboxStatus"]
