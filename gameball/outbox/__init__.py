"""Events that are written in the user's own database transaction, and delivered afterwards (extra: outbox).

It may import everything but ``cli`` and ``demo``.
"""

from gameball.outbox.delivery import OutboxReport
from gameball.outbox.outbox import Outbox
from gameball.outbox.rows import FailedRow, OutboxStatus

__all__ = ["FailedRow", "Outbox", "OutboxReport", "OutboxStatus"]
