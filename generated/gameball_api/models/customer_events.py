from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.named_events import NamedEvents


T = TypeVar("T", bound="CustomerEvents")


@_attrs_define
class CustomerEvents:
    """Events of one customer, at most one of each name."""

    customer_id: str
    """ Unique identifier for the customer. """
    events: NamedEvents
    """ Object containing event names as keys and their metadata as values. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        customer_id = self.customer_id

        events = self.events.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "customerId": customer_id,
                "events": events,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.named_events import NamedEvents  # noqa: PLC0415

        d = dict(src_dict)
        customer_id = d.pop("customerId")

        events = NamedEvents.from_dict(d.pop("events"))

        customer_events = cls(
            customer_id=customer_id,
            events=events,
        )

        customer_events.additional_properties = d
        return customer_events

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
