from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.customer_events import CustomerEvents


T = TypeVar("T", bound="EventsBatch")


@_attrs_define
class EventsBatch:
    """Up to 1,000 objects, each with events of one customer."""

    body: list[CustomerEvents]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        body = []
        for body_item_data in self.body:
            body_item = body_item_data.to_dict()
            body.append(body_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "body": body,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.customer_events import CustomerEvents  # noqa: PLC0415

        d = dict(src_dict)
        body = []
        _body = d.pop("body")
        for body_item_data in _body:
            body_item = CustomerEvents.from_dict(body_item_data)

            body.append(body_item)

        events_batch = cls(
            body=body,
        )

        events_batch.additional_properties = d
        return events_batch

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
