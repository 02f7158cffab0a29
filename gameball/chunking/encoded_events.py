"""Events that were checked and encoded earlier, such as those that an outbox has stored."""

from attrs import field, frozen


@frozen
class EncodedEvents:
    """Events of one customer, already checked and encoded, which form one source item.

    Attributes:
        customer_id: The id of the customer.
        names: The names of the events.
        events: The JSON of the events, without the enclosing braces.
    """

    customer_id: str
    names: frozenset[str]
    events: bytes = field(repr=lambda value: f"<{len(value)} bytes>")
