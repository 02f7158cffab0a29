"""The counters of a tracker."""

from attrs import frozen


@frozen
class TrackerStats:
    """The counts of a tracker's events by outcome, at one moment.

    ``tracked`` is always exactly the sum of the others.

    Attributes:
        tracked: The events that were passed to ``track`` and could be encoded.
        queued: The events that wait in the queue.
        in_flight: The events of requests that are being sent, or that wait for a retry. Events that are kept
            because the keys are wrong are queued.
        accepted: The events that the server accepted.
        rejected: The events that the server rejected.
        unknown: The events that were sent without a usable response: they may have been accepted.
        dropped: The events that were certainly not accepted and will not be sent: the queue was full, they
            were older than ``max_age``, or the tracker was closed before they could be sent.
    """

    tracked: int = 0
    queued: int = 0
    in_flight: int = 0
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    dropped: int = 0
