"""What a deliverer did. No I/O."""

from attrs import frozen


@frozen
class OutboxReport:
    """What a deliverer did: numbers of events, by their outcome, as in a ``DeliveryReport``.

    Attributes:
        accepted: Events that Gameball accepted.
        rejected: Events that Gameball rejected, and rows that cannot be sent. They are kept, with the reason.
        unknown: Events that may or may not have been accepted. They are kept, with the reason.
    """

    accepted: int
    rejected: int
    unknown: int
