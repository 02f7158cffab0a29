from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.batch_job_item import BatchJobItem


T = TypeVar("T", bound="BatchJobResponse")


@_attrs_define
class BatchJobResponse:
    """What became of the items, once the job has processed them."""

    successful: list[BatchJobItem] | None | Unset = UNSET
    failed: list[BatchJobItem] | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        successful: list[dict[str, Any]] | None | Unset
        if isinstance(self.successful, Unset):
            successful = UNSET
        elif isinstance(self.successful, list):
            successful = []
            for successful_type_0_item_data in self.successful:
                successful_type_0_item = successful_type_0_item_data.to_dict()
                successful.append(successful_type_0_item)

        else:
            successful = self.successful

        failed: list[dict[str, Any]] | None | Unset
        if isinstance(self.failed, Unset):
            failed = UNSET
        elif isinstance(self.failed, list):
            failed = []
            for failed_type_0_item_data in self.failed:
                failed_type_0_item = failed_type_0_item_data.to_dict()
                failed.append(failed_type_0_item)

        else:
            failed = self.failed

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

        def _parse_successful(data: object) -> list[BatchJobItem] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                successful_type_0 = []
                _successful_type_0 = data
                for successful_type_0_item_data in _successful_type_0:
                    successful_type_0_item = BatchJobItem.from_dict(successful_type_0_item_data)

                    successful_type_0.append(successful_type_0_item)

                return successful_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[BatchJobItem] | None | Unset, data)

        successful = _parse_successful(d.pop("successful", UNSET))

        def _parse_failed(data: object) -> list[BatchJobItem] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                failed_type_0 = []
                _failed_type_0 = data
                for failed_type_0_item_data in _failed_type_0:
                    failed_type_0_item = BatchJobItem.from_dict(failed_type_0_item_data)

                    failed_type_0.append(failed_type_0_item)

                return failed_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[BatchJobItem] | None | Unset, data)

        failed = _parse_failed(d.pop("failed", UNSET))

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
