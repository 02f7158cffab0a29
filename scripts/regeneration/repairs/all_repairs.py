"""The list of repairs, each of which finds one kind of fault in a published document and fixes it.

Repairs are made before the overlay is applied. They never change openapi.yaml.
"""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final

from regeneration.document_walk import Document
from regeneration.repairs.missing_parts import supply_array_items, supply_responses
from regeneration.repairs.operation_names import derive_operation_ids, derive_tags
from regeneration.repairs.path_parameters import declare_path_parameters
from regeneration.repairs.repair import Repair, make_repairs
from regeneration.repairs.schema_names import shorten_schema_names
from regeneration.repairs.template_leftovers import skip_leftovers

# One pass may cause a fault that the next one repairs.
_MAX_PASSES: Final = 20


def repair_document(
    document: Document, leftovers: Sequence[str], reserved_ids: Collection[str] = ()
) -> tuple[Document, tuple[Repair, ...]]:
    """Make all repairs. ``validate_document`` refuses other faults.

    Args:
        document: The document as published; it is not modified.
        leftovers: Operations to skip, each as ``METHOD /path``.
        reserved_ids: Operation ids that the overlay sets. They are not given to other operations.

    Returns:
        The repaired document, and the repairs in the order in which they were made.
    """
    steps: tuple[Callable[[Document], list[Repair]], ...] = (
        partial(skip_leftovers, leftovers=leftovers),
        supply_array_items,
        declare_path_parameters,
        supply_responses,
        derive_tags,
        partial(derive_operation_ids, reserved=reserved_ids),
        shorten_schema_names,
    )
    made: list[Repair] = []
    for find in steps:
        for _ in range(_MAX_PASSES):
            found = find(document)
            if not found:
                break
            document = make_repairs(document, found)
            made += found
    return document, tuple(made)
