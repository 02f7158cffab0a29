"""Small API documents to repair, and the places of their repairs."""

from typing import Any

import yaml
from regeneration.document_walk import pointer

Document = dict[str, Any]


def read(text: str) -> Document:
    """Return the OpenAPI document that has these parts."""
    return {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, **yaml.safe_load(text)}


def places(repairs: list[Any]) -> list[str]:
    """Return where repairs were made, as JSON pointers."""
    return [pointer(repair.place) for repair in repairs]
