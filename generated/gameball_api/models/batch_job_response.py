from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.batch_job_item import BatchJobItem


T = TypeVar("T", bound="BatchJobResponse")


@_attrs_define
class BatchJobResponse:
    """What became of the items, once the job has processed them."""

    successful: list[BatchJobItem] | Unset = UNSET
    failed: list[BatchJobItem] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        successful: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.successful, Unset):
            successful = []
            for successful_item_data in self.successful:
                successful_item = successful_item_data.to_dict()
                successful.append(successful_item)

        failed: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.failed, Unset):
            failed = []
            for failed_item_data in self.failed:
                failed_item = failed_item_data.to_dict()
                failed.append(failed_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if successful is not UNSET:
            field_dict["successful"] = successful
        if failed is not UNSET:
            field_dict["failed"] = failed

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.batch_job_item import BatchJobItem  # noqa: PLC0415

        d = dict(src_dict)
        _successful = d.pop("successful", UNSET)
        successful: list[BatchJobItem] | Unset = UNSET
        if _successful is not UNSET:
            successful = []
            for successful_item_data in _successful:
                successful_item = BatchJobItem.from_dict(successful_item_data)

                successful.append(successful_item)

        _failed = d.pop("failed", UNSET)
        failed: list[BatchJobItem] | Unset = UNSET
        if _failed is not UNSET:
            failed = []
            for failed_item_data in _failed:
                failed_item = BatchJobItem.from_dict(failed_item_data)

                failed.append(failed_item)

        batch_job_response = cls(
            successful=successful,
            failed=failed,
        )

        batch_job_response.additional_properties = d
        return batch_job_response

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
