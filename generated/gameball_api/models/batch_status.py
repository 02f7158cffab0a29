from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="BatchStatus")


@_attrs_define
class BatchStatus:
    """A batch in the form of the published OpenAPI document."""

    batch_id: int | Unset = UNSET
    status: str | Unset = UNSET
    """ One of pending, processing, completed, failed. """
    progress: float | Unset = UNSET
    total_items: int | Unset = UNSET
    processed_items: int | Unset = UNSET
    failed_items: int | Unset = UNSET
    results: list[Any] | Unset = UNSET
    """ Not described by Gameball; kept as it comes. """
    errors: list[Any] | Unset = UNSET
    """ Not described by Gameball; kept as it comes. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        batch_id = self.batch_id

        status = self.status

        progress = self.progress

        total_items = self.total_items

        processed_items = self.processed_items

        failed_items = self.failed_items

        results: list[Any] | Unset = UNSET
        if not isinstance(self.results, Unset):
            results = self.results

        errors: list[Any] | Unset = UNSET
        if not isinstance(self.errors, Unset):
            errors = self.errors

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if batch_id is not UNSET:
            field_dict["batchId"] = batch_id
        if status is not UNSET:
            field_dict["status"] = status
        if progress is not UNSET:
            field_dict["progress"] = progress
        if total_items is not UNSET:
            field_dict["totalItems"] = total_items
        if processed_items is not UNSET:
            field_dict["processedItems"] = processed_items
        if failed_items is not UNSET:
            field_dict["failedItems"] = failed_items
        if results is not UNSET:
            field_dict["results"] = results
        if errors is not UNSET:
            field_dict["errors"] = errors

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        batch_id = d.pop("batchId", UNSET)

        status = d.pop("status", UNSET)

        progress = d.pop("progress", UNSET)

        total_items = d.pop("totalItems", UNSET)

        processed_items = d.pop("processedItems", UNSET)

        failed_items = d.pop("failedItems", UNSET)

        results = cast(list[Any], d.pop("results", UNSET))

        errors = cast(list[Any], d.pop("errors", UNSET))

        batch_status = cls(
            batch_id=batch_id,
            status=status,
            progress=progress,
            total_items=total_items,
            processed_items=processed_items,
            failed_items=failed_items,
            results=results,
            errors=errors,
        )

        batch_status.additional_properties = d
        return batch_status

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
